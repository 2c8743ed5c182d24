/**
 * The oplog of a backup, played in a database that was just loaded, so that all of it is of the moment at which the dump ended.
 * mongorestore plays it, by the server's command applyOps: it gets an archive that has no documents, only the definitions (so
 * that indexes are built when all documents are right) and the oplog, rewritten for this database.
 */
import { createReadStream } from 'node:fs';
import { NightjarError } from '../../../core/errors.ts';
import type { Difference } from '../../comparing.ts';
import { TERMINATOR, type CollectionEntry } from './archive-format.ts';
import { codeOf } from './errors.ts';
import { patient } from './expiry.ts';
import { NOTE } from './names.ts';
import { OPLOG } from './oplog.ts';
import { countsBefore, findDifferences } from './played.ts';
import { blockOf, endOf, hollowBlock, preludeOf } from './rewrite.ts';
import type { Server } from './server.ts';
import type { OplogSlice } from './slice.ts';
import { collectionsAtOnce, feedRestore } from './tool-run.ts';

/** Unauthorized; of mongos CommandNotFound; CommandNotSupported; Atlas's own. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([13, 59, 115, 8000]);

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
  /** Indexes of how many collections are built at once; undefined: of one. */
  readonly jobs: number | undefined;
}

/** Plays it and builds the indexes. Resolves with what is not as the oplog says. @throws RESTORE_FAILED, …. */
export async function replay(server: Server, { place, header, entries, slice, jobs }: Replay): Promise<Difference[]> {
  const before = await countsBefore(server, place, slice);
  // The definitions of views are there, and time series have theirs from the start.
  const plain = entries
    .filter((one) => one.type !== 'view' && one.type !== 'timeseries')
    .map((one) => ({ ...patient(one), db: place, size: 0 }));
  const words = await feedRestore(server, ['--oplogReplay', collectionsAtOnce(jobs)], () =>
    archiveOf(header, plain, slice),
  );
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
