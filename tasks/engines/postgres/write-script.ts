/**
 * Plain SQL on its way to the vault. psql can't read a script without running it, so it is read through here: to its last
 * line, with the rows behind every COPY counted, which must be as many as were counted in the snapshot.
 */
import { NightjarError } from '../../../core/errors.ts';
import { packedFile, packingWords } from '../../pipes/packing.ts';
import type { Outlet } from '../../pipes/pipes.ts';
import type { DumpScope } from './dump-scope.ts';
import { LARGE_OBJECTS } from './fingerprint.ts';
import { Pieces, type Piece } from './pieces.ts';
import type { Server } from './server.ts';
import type { Snapshot } from './snapshot.ts';
import { commonArgs, dumpPacked, type Expected, type WritePlan } from './write-archive.ts';

/** pg_dump's last words. */
const COMPLETE = '-- PostgreSQL database dump complete';
const LARGE = `${LARGE_OBJECTS.schema}.${LARGE_OBJECTS.table}`;

export function scriptPlan(server: Server, snapshot: Snapshot, scope: DumpScope): WritePlan {
  const { compression } = server.context.target;
  const args = ['--format=plain', ...commonArgs(server, snapshot, scope)];
  return {
    place: 'outside',
    file: packedFile('archive.sql', compression),
    args,
    outside: packingWords(compression),
    async write(parts) {
      const reader = scriptReader();
      await dumpPacked(server, args, reader.outlet, parts);
      return {
        missing: (expected) => missingIn(reader.found, expected),
        details: { locks: reader.found.locks },
      };
    },
  };
}

export interface ScriptFound {
  /** Rows by `schema.table`. */
  readonly rows: ReadonlyMap<string, number>;
  readonly created: number;
  /** About how many a transaction takes that runs all of it. */
  readonly locks: number;
}

/** Reads a script as it passes; its `end` throws READ_THROUGH_FAILED when it was cut off. */
export function scriptReader(): { readonly outlet: Outlet; readonly found: ScriptFound } {
  const pieces = new Pieces();
  const rows = new Map<string, number>();
  const found = { rows, created: 0, locks: 0 };
  let copying = '';
  let complete = false;
  const take = (piece: Piece): void => {
    if (piece.kind === 'rows') rows.set(copying, (rows.get(copying) ?? 0) + piece.rows);
    else if (piece.kind === 'comment') complete ||= piece.bytes.includes(COMPLETE);
    else if ((piece.kind === 'statement' || piece.kind === 'part') && piece.text !== undefined) {
      const text = piece.text.trimStart();
      const copied = copyTarget(text);
      if (copied !== undefined) rows.set((copying = copied), 0);
      if (/^CREATE (UNLOGGED )?TABLE /.test(text)) found.created += 1;
      found.locks += locksOf(text);
      if (text.startsWith("SELECT pg_catalog.lo_create('")) rows.set(LARGE, (rows.get(LARGE) ?? 0) + 1);
    }
  };
  return {
    found,
    outlet: {
      async write(chunk) {
        for (const piece of pieces.push(chunk)) take(piece);
        return Promise.resolve(true);
      },
      async end() {
        const { open } = pieces;
        for (const piece of pieces.end()) take(piece);
        if (open === undefined && complete) return Promise.resolve();
        throw new NightjarError('READ_THROUGH_FAILED', {
          operation: 'read the script',
          detail: open ? `It ends in the middle of ${open}.` : `It lacks its last line, “${COMPLETE}”.`,
        });
      },
    },
  };
}

/** A table is locked with its TOAST table, and that one's index. */
const locksOf = (text: string): number =>
  /^CREATE (UNLOGGED TABLE|TABLE|MATERIALIZED VIEW) /.test(text)
    ? 3
    : Number(/^CREATE |^ALTER TABLE [^]* ADD CONSTRAINT |^SELECT pg_catalog\.lo_create\(/.test(text));

/** `schema.table` of a COPY, as the fingerprint names it; undefined for another statement. */
function copyTarget(text: string): string | undefined {
  const name = String.raw`("(?:[^"]|"")+"|[^\s"(.]+)`;
  const match = new RegExp(`^COPY ${name}\\.${name} +(?:\\([^]*\\) )?FROM stdin;$`).exec(text);
  if (!match) return undefined;
  const plain = (one: string): string => (one.startsWith('"') ? one.slice(1, -1).replaceAll('""', '"') : one);
  return Buffer.from(`${plain(match[1]!)}.${plain(match[2]!)}`, 'latin1').toString('utf8');
}

function missingIn({ rows, created }: ScriptFound, { scope, rows: counted, byName }: Expected): string[] {
  const wanted = scope.filled.map((one) => `${one.schema}.${one.table}`);
  if (created < scope.made) return [`${scope.made - created} of ${scope.made} tables`];
  if (!byName) return rows.size >= wanted.length ? [] : [`the rows of ${wanted.length - rows.size} tables`];
  return [
    ...wanted.filter((name) => !rows.has(name)),
    ...[...(counted ?? [])]
      .filter(([name, count]) => (rows.get(name) ?? 0) !== count)
      .map(([name, count]) => `${name}: ${rows.get(name) ?? 0} rows instead of ${count}`),
  ];
}
