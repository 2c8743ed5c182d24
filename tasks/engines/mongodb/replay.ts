/**
 * The oplog of a backup, played in a database that was just loaded, so that all of it is of the moment at which the dump ended.
 * mongorestore plays it, by the server's command applyOps: it gets an archive that has no documents, only the definitions (so
 * that indexes are built when all documents are right) and the oplog, rewritten for this database.
 */
import { createReadStream } from 'node:fs';
import { BSON, type Document } from 'mongodb';
import { NightjarError } from '../../../core/errors.ts';
import type { Difference } from '../../comparing.ts';
import { TERMINATOR, type CollectionEntry } from './archive-format.ts';
import { definitionOf } from './collections.ts';
import { codeOf } from './errors.ts';
import { patient } from './expiry.ts';
import { NOTE } from './names.ts';
import { OPLOG } from './oplog.ts';
import { blockOf, endOf, hollowBlock, preludeOf } from './rewrite.ts';
import type { Server } from './server.ts';
import type { OplogSlice, Watched } from './slice.ts';
import { feedRestore } from './tool-run.ts';

/** Unauthorized; of mongos CommandNotFound; CommandNotSupported; Atlas's own. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([13, 59, 115, 8000]);
/** Documents asked for at once. */
const BATCH = 1_000;

/** Why the server will not play an oplog in this database; undefined when it will. The database must be there. */
export async function replayRefusal(server: Server, place: string): Promise<string | undefined> {
  const nothing = { op: 'd', ns: `${place}.${NOTE}`, o: { _id: 'nobody' } };
  try {
    await server.ask('applyOps', () => server.database('admin').command({ applyOps: [nothing] }));
    return undefined;
  } catch (thrown) {
    if (!REFUSALS.has(codeOf(thrown))) throw thrown;
    return thrown instanceof NightjarError ? (thrown.detail ?? thrown.message) : String(thrown);
  }
}

export interface Replay {
  readonly place: string;
  /** The archive's own header. */
  readonly header: Buffer;
  /** What was loaded into the place. */
  readonly entries: readonly CollectionEntry[];
  readonly slice: OplogSlice;
}

/** Plays it and builds the indexes. Resolves with what is not as the oplog says. @throws RESTORE_FAILED, …. */
export async function replay(server: Server, { place, header, entries, slice }: Replay): Promise<Difference[]> {
  const before = await countsBefore(server, place, slice);
  // The definitions of views are there, and time series have theirs from the start.
  const plain = entries
    .filter((one) => one.type !== 'view' && one.type !== 'timeseries')
    .map((one) => ({ ...patient(one), db: place, size: 0 }));
  const words = await feedRestore(server, ['--oplogReplay'], () => archiveOf(header, plain, slice));
  refuseUnplayed(words, slice);
  return findDifferences(server, { place, entries, slice, before });
}

/** What it says before it builds indexes. Source: mongorestore/oplog.go. It counts commands and transactions besides. */
const PLAYED = /applied (\d+) oplog entries/;

function refuseUnplayed(words: string, { writes }: OplogSlice): void {
  const played = Number(PLAYED.exec(words)?.[1] ?? 0);
  if (played >= writes) return;
  throw new NightjarError('RESTORE_FAILED', {
    operation: 'mongorestore',
    detail: `mongorestore ended with 0 and played ${played} of ${writes} writes of the oplog.`,
  });
}

async function* archiveOf(
  header: Buffer,
  entries: readonly CollectionEntry[],
  slice: OplogSlice,
): AsyncGenerator<Buffer, void, undefined> {
  const oplog: CollectionEntry = { ...OPLOG, metadata: '', size: slice.bytes, type: '' };
  yield preludeOf(header, [...entries, oplog]);
  for (const one of entries) yield hollowBlock(one);
  yield blockOf(OPLOG);
  for await (const piece of createReadStream(slice.file) as AsyncIterable<Buffer>) yield piece;
  yield Buffer.concat([TERMINATOR, endOf(OPLOG, slice.crc)]);
}

/** Of each collection that the oplog changes: the documents that it leaves alone. */
async function countsBefore(server: Server, place: string, { fates }: OplogSlice): Promise<Map<string, number>> {
  const left = new Map<string, number>();
  for (const [name, fate] of fates) {
    const all = fate.dropped ? 0 : await count(server, place, name);
    const changed = fate.dropped ? 0 : await existing(server, place, name, [...fate.ids.values()]);
    left.set(name, all - changed);
  }
  return left;
}

/** A document that was written last is there, one that was deleted last is not, and all others are as many as before. */
async function findDifferences(
  server: Server,
  {
    place,
    entries,
    slice,
    before,
  }: Pick<Replay, 'place' | 'entries' | 'slice'> & { before: ReadonlyMap<string, number> },
): Promise<Difference[]> {
  const differences: Difference[] = [];
  const unwatched: string[] = [];
  for (const [name, fate] of slice.fates) {
    const [there, gone] = [true, false].map((wanted) => [...fate.ids.values()].filter((one) => one.isThere === wanted));
    const differs = (expected: string, found: string): void =>
      void differences.push({ schema: '', table: name, expected, found });
    const [back, still] = [await existing(server, place, name, there!), await existing(server, place, name, gone!)];
    if (back !== there!.length && !isCapped(entries, name))
      differs(`${there!.length} documents that the oplog wrote`, `${back} of them`);
    if (still > 0) differs('no document that the oplog deleted', `${still} of them`);
    if (fate.unwatched > 0) unwatched.push(name);
    // A capped collection lets go of its oldest by itself.
    else if (!isCapped(entries, name)) {
      const [expected, found] = [before.get(name)! + there!.length, await count(server, place, name)];
      if (expected !== found) differs(`${expected} documents when the oplog was played`, `${found} documents`);
    }
    server.context.report.moved(0);
  }
  if (unwatched.length > 0)
    server.context.report.warn(
      `The oplog changed more documents of ${unwatched.slice(0, 10).join(', ')} than were looked after one by one; mongorestore played all of it without an error.`,
    );
  return differences;
}

const isCapped = (entries: readonly CollectionEntry[], name: string): boolean =>
  entries.some((one) => one.collection === name && definitionOf(one).options.capped === true);

const count = (server: Server, place: string, name: string): Promise<number> =>
  server.ask('count documents', () => server.database(place).collection(name).countDocuments({}));

/** How many of them are there. */
async function existing(server: Server, place: string, name: string, all: readonly Watched[]): Promise<number> {
  let found = 0;
  for (let at = 0; at < all.length; at += BATCH) {
    const ids = all
      .slice(at, at + BATCH)
      .map(({ id }) => BSON.deserialize(id, { promoteValues: false })._id as unknown);
    const query: Document = { _id: { $in: ids } };
    const some = await server.ask('find', () =>
      server
        .database(place)
        .collection(name)
        // By its own collation two ids may be one.
        .find(query, { projection: { _id: 1 }, collation: { locale: 'simple' }, raw: true })
        .toArray(),
    );
    found += some.length;
    server.context.report.moved(0);
  }
  return found;
}
