/** What a restore brought back, beside what the backup recorded and what its archive says of each collection. */
import { isDeepStrictEqual } from 'node:util';
import type { Document } from 'mongodb';
import type { Comparison, TablePrint } from '../../../core/backup.ts';
import type { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { tableName } from '../../../core/scope.ts';
import { comparisonOf, differs as differInWords, equalAsBefore, type Difference, type Print } from '../../comparing.ts';
import type { RestoreSource } from '../../engine.ts';
import type { CollectionEntry } from './archive-format.ts';
import { definitionOf, indexesOf, listAll } from './collections.ts';
import { printCollection } from './fingerprint.ts';
import type { Server } from './server.ts';

/** Collections that are read at once. */
const LANES = 4;

/** The documents that were brought, beside what was counted in the archive. */
export async function compareRows(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  place: string,
): Promise<Comparison> {
  const { fingerprint } = source.manifest;
  const rows = recorded(job, source);
  const found: (Print | undefined)[] = [];
  const waiting = rows.entries();
  const there = new Set((await listAll(server, place)).map((one) => one.name));
  const lane = async (): Promise<void> => {
    for (const [index, { table }] of waiting) {
      if (there.has(table))
        found[index] = await server.ask('count documents', () =>
          printCollection(server.database(place), table, fingerprint.mode, () => server.context.report.moved(0)),
        );
      server.context.report.moved(0);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return comparisonOf(modeOf(job, source), rows, found, { words: WORDS });
}

const WORDS = { table: 'collection', rows: 'documents' };
const modeOf = (job: RestoreJob, { manifest }: RestoreSource): Comparison['mode'] =>
  job.scope?.schemaOnly ? 'none' : manifest.fingerprint.mode;

/** What was recorded of what the job brings. */
const recorded = (job: RestoreJob, { manifest }: RestoreSource): TablePrint[] =>
  job.scope?.schemaOnly
    ? []
    : manifest.fingerprint.tables.filter((one) => !job.scope?.tables || job.scope.tables.includes(tableName(one)));

/**
 * Collections, views and indexes that are missing make a difference; options that are told otherwise are only said, because
 * servers of another version write some of them anew.
 */
export async function compareDefinitions(
  server: Server,
  place: string,
  entries: readonly CollectionEntry[],
): Promise<Difference[]> {
  const there = new Map((await listAll(server, place)).map((one) => [one.name, one]));
  const differences: Difference[] = [];
  const otherwise: string[] = [];
  for (const entry of entries) {
    const { options, indexes } = definitionOf(entry);
    const found = there.get(entry.collection);
    const differs = (expected: string, what: string): void =>
      void differences.push({ schema: '', table: entry.collection, expected, found: what });
    if (!found) {
      differs(entry.type === 'view' ? 'a view' : 'a collection', 'nothing of this name');
      continue;
    }
    if (!isDeepStrictEqual(plain(options), plain(found.options ?? {}))) otherwise.push(entry.collection);
    if (entry.type === 'view' || indexes.length === 0) continue;
    const has = new Map((await indexesOf(server, place, entry.collection)).map((one) => [String(one.name), one]));
    for (const index of indexes) {
      const same = has.get(String(index.name));
      if (!same) differs(`an index ${String(index.name)}`, 'no such index');
      else if (!isDeepStrictEqual(keyOf(index), keyOf(same)))
        differs(`an index ${JSON.stringify(keyOf(index))}`, JSON.stringify(keyOf(same)));
    }
    server.context.report.moved(0);
  }
  if (otherwise.length > 0)
    server.context.report.warn(
      `The server tells the options of ${otherwise.slice(0, 10).join(', ')} otherwise than the backup (${otherwise.length} in all): compare validators, collations and sizes.`,
    );
  return differences;
}

/** A key's order counts, and 1 may be a number of any kind. */
const keyOf = ({ key, unique, expireAfterSeconds }: Document): unknown => ({
  ...(expireAfterSeconds === undefined ? {} : { expireAfterSeconds: Number(expireAfterSeconds) }),
  key: Object.entries(key as Document).map(([field, how]) => [field, plain(how)]),
  unique: unique === true,
});
/** Numbers of any kind become JavaScript's. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_name, inner: unknown) =>
      typeof inner === 'object' &&
      inner !== null &&
      '_bsontype' in inner &&
      /^(Int32|Long|Double)$/.test(String(inner._bsontype))
        ? Number((inner as { valueOf(): unknown }).valueOf())
        : inner,
    ) ?? 'null',
  );

/** `where`: what became of the data that differs. */
export const differs = (comparison: Comparison, where: string): NightjarError =>
  differInWords(comparison, where, { operation: 'compare documents', what: 'differences' });

/** What an earlier attempt of the same restore found: only after an equal comparison a database has its note. */
export const foundEqual = (job: RestoreJob, source: RestoreSource): Comparison =>
  equalAsBefore(modeOf(job, source), recorded(job, source));
