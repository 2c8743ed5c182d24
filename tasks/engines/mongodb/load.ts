/** The archive into a database that nobody else uses: unpacked, rewritten, and fed to mongorestore. */
import { join } from 'node:path';
import type { Manifest } from '../../../core/backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { NightjarError } from '../../../core/errors.ts';
import { unpacked } from '../../pipes/packing.ts';
import { breakOnAbort } from '../../pipes/pipes.ts';
import type { RestoreSource } from '../../engine.ts';
import { ArchiveDamaged, type CollectionEntry } from './archive-format.ts';
import { isOurs } from './names.ts';
import { isOplog, OplogReader } from './oplog.ts';
import { ArchiveRewriter } from './rewrite.ts';
import type { Server } from './server.ts';
import { OplogSlice } from './slice.ts';
import { collectionsAtOnce, feedRestore } from './tool-run.ts';

export interface Loading {
  /** Into which database. */
  readonly place: string;
  /** The oplog is to be played: it is kept, and no index is built before. */
  readonly replaying: boolean;
}

export interface Loaded {
  /** The archive's own. */
  readonly header: Buffer;
  /** What the job brought, as the archive tells it. */
  readonly entries: readonly CollectionEntry[];
  /** What is to be played. */
  readonly slice: OplogSlice | undefined;
}

/** @throws RESTORE_FAILED for a tool that failed or left documents out, INPUT_INVALID for names the backup lacks, …. */
export async function load(
  server: Server,
  job: RestoreJob,
  source: RestoreSource,
  { place, replaying }: Loading,
): Promise<Loaded> {
  const { report, scratch } = server.context;
  const { manifest } = source;
  report.expect(manifest.archive.bytes);
  const from = manifest.source.database;
  const wants = wanting(job);
  const slice = replaying
    ? new OplogSlice({ file: join(scratch, `oplog-${place}.bson`), from, to: place, wants })
    : undefined;
  const oplog = new OplogReader((entry) => slice?.add(entry));
  let entries: readonly CollectionEntry[] = [];
  let header: Buffer = Buffer.alloc(0);
  const rewriter = new ArchiveRewriter({
    from,
    to: place,
    hollow: job.scope?.schemaOnly === true,
    wants: (entry) => wants(entry.collection),
    prelude: (its, found) => {
      [header, entries] = [its, found];
      refuseMissing(job, found);
    },
    passing: {
      wants: (one) => replaying && isOplog(one),
      block: (one) => oplog.block(one),
      document: (bytes, at, to, ends) => oplog.document(bytes, at, to, ends),
    },
  });

  const archive = async function* (signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    const stored = source.openArchive();
    breakOnAbort(stored, signal);
    const unpacking = unpacked(stored, manifest.compression, {
      env: server.environment(),
      signal,
      moved: (bytes) => report.moved(bytes),
    });
    try {
      for await (const chunk of unpacking.stream as AsyncIterable<Buffer>) yield* checked(() => rewriter.feed(chunk));
      // Only now is it known whether what came was what was stored.
      await unpacking.done;
      checked(() => rewriter.finish());
    } finally {
      stored.destroy();
    }
  };
  const args = [
    collectionsAtOnce(job.jobs),
    `--batchSize=${batchOf(manifest)}`,
    ...(replaying ? ['--noIndexRestore'] : []),
    ...(job.jobs ? [`--numInsertionWorkersPerCollection=${job.jobs}`] : []),
  ];
  try {
    await feedRestore(server, args, archive);
  } finally {
    slice?.close();
  }
  return { header, entries, slice };
}

/** What mongorestore inserts at once: it is held three times, in documents, in the message and in its copy. */
const BATCH_BYTES = 2 * 1024 * 1024;
/** mongorestore's own, which small documents need: each batch waits for the majority of a replica set. */
const BATCH_MOST = 1_000;

/** In documents. */
export function batchOf({ source }: Pick<Manifest, 'source'>): number {
  const bytes = Number(source.details.documentBytes ?? 0);
  return Math.max(1, Math.min(BATCH_MOST, Math.floor(BATCH_BYTES / Math.max(1, bytes))));
}

/** @throws RESTORE_FAILED for an archive that is not as it should be. */
export function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof ArchiveDamaged)) throw thrown;
    throw new NightjarError('RESTORE_FAILED', { operation: 'read archive', detail: thrown.message, cause: thrown });
  }
}

/** Which collections of the one database come back. */
function wanting(job: RestoreJob): (collection: string) => boolean {
  const only = job.scope?.tables;
  return (collection) => !isOurs(collection) && (!only || only.includes(collection));
}

function refuseMissing(job: RestoreJob, found: readonly CollectionEntry[]): void {
  const names = new Set(found.map((one) => one.collection));
  const missing = (job.scope?.tables ?? []).filter((name) => !names.has(name));
  if (missing.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `The backup has no collection ${missing.join(', ')} in the database that is restored.`,
    });
}
