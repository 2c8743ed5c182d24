/** The archive into a database that nobody else uses: unpacked, rewritten, and fed to mongorestore. */
import type { RestoreJob } from '../../../core/job.ts';
import { NightjarError } from '../../../core/errors.ts';
import { unpacked } from '../../pipes/packing.ts';
import { childOutlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import type { RestoreSource } from '../../engine.ts';
import { ArchiveDamaged, type CollectionEntry } from './archive.ts';
import { OURS, scopeName } from './names.ts';
import { isOplog, OplogWatch } from './oplog.ts';
import { ArchiveRewriter } from './rewrite.ts';
import type { Server } from './server.ts';
import { judge, startTool } from './tool-run.ts';

/** mongorestore's last line. Source: mongorestore/main. */
const RESULT = /(\d+) document\(s\) restored successfully\. (\d+) document\(s\) failed to restore/;

export interface Loaded {
  /** What the job brought, as the archive tells it. */
  readonly entries: readonly CollectionEntry[];
  /** Collections of the source that the archive's oplog changes. */
  readonly touched: ReadonlySet<string>;
}

/** Which of a backup's databases a job brings back: of a whole server's the one of that name, else the target's own. */
export function databaseOf(job: RestoreJob, { manifest }: RestoreSource, entries: readonly CollectionEntry[]): string {
  if (!isMany(manifest)) return manifest.source.database;
  return entries.some((one) => one.db === job.database) ? job.database : manifest.source.database;
}
export const isMany = ({ source }: RestoreSource['manifest']): boolean => source.details.allDatabases === true;

/** @throws RESTORE_FAILED for a tool that failed or left documents out, INPUT_INVALID for names the backup lacks, …. */
export async function load(server: Server, job: RestoreJob, source: RestoreSource, place: string): Promise<Loaded> {
  const { report, signal: outer } = server.context;
  const { manifest } = source;
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  report.expect(manifest.archive.bytes);
  const many = isMany(manifest);
  const watch = new OplogWatch();
  let entries: readonly CollectionEntry[] = [];
  let from: string | undefined;
  const wants = wanting(job, many);
  const rewriter = new ArchiveRewriter({
    to: place,
    hollow: job.scope?.schemaOnly === true,
    databaseOf: (all) => (from = databaseOf(job, source, all)),
    wants,
    prelude: (found) => {
      entries = found;
      refuseMissing(job, found, many);
    },
    passing: {
      wants: isOplog,
      block: (one) => watch.block(one),
      document: (bytes, at, to, ends) => watch.document(bytes, at, to, ends),
    },
  });

  const args = ['--archive', '--stopOnError', ...(job.jobs ? [`--numInsertionWorkersPerCollection=${job.jobs}`] : [])];
  const tool = startTool(server, 'mongorestore', args, { signal, stdin: 'pipe' });
  const judged = judge(tool, 'mongorestore', signal, 'RESTORE_FAILED');
  const stored = source.openArchive();
  const stop = (): void => void stored.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  const archive = unpacked(stored, manifest.compression, {
    env: server.environment(),
    signal,
    moved: (bytes) => report.moved(bytes),
  });
  const alive = setInterval(() => report.moved(0), 10_000);
  try {
    const feeding = (async () => {
      const outlet = childOutlet(tool.stdin!);
      let open = true;
      for await (const chunk of archive.stream as AsyncIterable<Buffer>)
        for (const piece of checked(() => rewriter.feed(chunk))) open = await outlet.write(piece);
      // Only now is it known whether what came was what was stored.
      await archive.done;
      checked(() => rewriter.finish());
      if (!open) await judged;
      await outlet.end();
    })();
    const [words] = await together(own, [judged, feeding, archive.done]);
    refuseFailures(words);
  } catch (thrown) {
    outer.throwIfAborted();
    throw thrown;
  } finally {
    clearInterval(alive);
    signal.removeEventListener('abort', stop);
    stored.destroy();
  }
  const touched = new Set([...watch.touched].filter((name) => name.startsWith(`${from}.`)));
  return { entries, touched };
}

function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof ArchiveDamaged)) throw thrown;
    throw new NightjarError('RESTORE_FAILED', { operation: 'read archive', detail: thrown.message, cause: thrown });
  }
}

/** Which entries of the one database come back. */
function wanting(job: RestoreJob, many: boolean): (entry: CollectionEntry) => boolean {
  const only = job.scope?.tables;
  return (entry) => !OURS.includes(entry.collection) && (!only || only.includes(scopeName(entry, many)));
}

function refuseMissing(job: RestoreJob, found: readonly CollectionEntry[], many: boolean): void {
  const names = new Set(found.map((one) => scopeName(one, many)));
  const missing = (job.scope?.tables ?? []).filter((name) => !names.has(name));
  if (missing.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `The backup has no collection ${missing.join(', ')}${many ? ' in the database that is restored' : ''}.`,
    });
}

/** It ends with 0 though it left documents out. */
function refuseFailures(words: string): void {
  const [, , failed] = RESULT.exec(words) ?? [];
  if (failed === '0') return;
  throw new NightjarError('RESTORE_FAILED', {
    operation: 'mongorestore',
    detail:
      failed === undefined
        ? 'mongorestore ended with 0 and did not say that it restored anything.'
        : `mongorestore left ${failed} documents out: ${words.trim().slice(-1_000)}`,
  });
}
