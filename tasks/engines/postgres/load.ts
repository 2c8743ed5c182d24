/** pg_restore into a database of our own making: streamed, or in parallel from the scratch disk. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { AUTO_JOBS, PARALLEL_FROM_BYTES } from '../../../core/restore-jobs.ts';
import type { RestoreSource } from '../../engine.ts';
import {
  archiveBytes,
  downloadArchive,
  feedArchive,
  freeBytes,
  startOf,
  startOfFile,
  type ArchiveBytes,
  type ArchiveStart,
} from './archive.ts';
import { beside } from './database.ts';
import { childOutlet } from '../../pipes/pipes.ts';
import type { Server, Session } from './server.ts';
import { together } from '../../pipes/together.ts';
import { judge, startTool } from './tool-run.ts';

/** An archive whose beginning is read, waiting to be loaded. */
export interface OpenArchive {
  readonly start: ArchiveStart;
  /** Of an archive on disk, proven already. */
  readonly file: string | undefined;
  readonly jobs: number;
  /** What comes after the start; undefined for one on disk. */
  readonly rest: ArchiveBytes | undefined;
  close(): Promise<void>;
}

/** How many jobs: what the job says, else the target, else by size and room. */
export async function jobsFor(server: Server, job: RestoreJob, source: RestoreSource): Promise<number> {
  const { target, scratch, report } = server.context;
  const asked = job.jobs ?? target.restoreJobs;
  const { archive, compression } = source.manifest;
  // A script is one stream.
  if (job.scope || job.roleMap || source.manifest.format === 'plain' || asked === 1) return 1;
  // Compressed outside it lies on the disk unpacked; the database's size is the best guess there is.
  const needed = compression.place === 'inside' ? archive.bytes : source.manifest.source.databaseBytes;
  const room = await freeBytes(scratch);
  if (asked === 'auto') return archive.bytes >= PARALLEL_FROM_BYTES && needed * 1.1 < room ? AUTO_JOBS : 1;
  if (compression.place === 'inside' && needed > room) {
    report.warn(
      `The archive (${needed} bytes) does not fit on the scratch disk (${room} free): restored with one job.`,
    );
    return 1;
  }
  return asked;
}

export async function openArchive(
  server: Server,
  source: RestoreSource,
  jobs: number,
  signal: AbortSignal,
): Promise<OpenArchive> {
  const { report } = server.context;
  report.expect(source.manifest.archive.bytes);
  if (jobs > 1) {
    report.phase('downloading');
    const file = await downloadArchive(server, source, signal);
    return {
      start: await startOfFile(server, file, signal),
      file,
      jobs,
      rest: undefined,
      // Another database may come after this one.
      close: () => rm(file, { force: true }),
    };
  }
  const own = new AbortController();
  const bytes = archiveBytes(server, source, AbortSignal.any([signal, own.signal]));
  const close = async (): Promise<void> => {
    // Whoever left it in the midst of it waits for nothing more of it.
    own.abort(new NightjarError('UNEXPECTED', { operation: 'read archive', detail: 'The archive was closed.' }));
    await bytes.return().catch(() => undefined);
  };
  try {
    return { start: await startOf(server, bytes, signal), file: undefined, jobs, rest: bytes, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

export interface LoadOptions {
  readonly database: string;
  readonly args: readonly string[];
  /** Of every session, as `-c name=value`. */
  readonly settings: string;
  /** One transaction for all of it, where the server's lock table can hold it. */
  readonly singleTransaction: boolean;
}

/** Loads into a database that nobody else uses. On failure the caller drops it. */
export async function load(
  server: Server,
  archive: OpenArchive,
  options: LoadOptions,
  outer: AbortSignal,
): Promise<void> {
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  const args = [
    '--exit-on-error',
    '--no-password',
    ...options.args,
    ...(archive.jobs > 1 ? [`--jobs=${archive.jobs}`] : options.singleTransaction ? ['--single-transaction'] : []),
    `--dbname=${server.conninfo(options.database, { options: await settingsFor(server, archive, options) })}`,
  ];
  const streamed = archive.file === undefined;
  const running = startTool(server, 'pg_restore', streamed ? args : [...args, archive.file], {
    signal,
    ...(streamed ? { stdin: 'pipe' as const } : {}),
  });
  const judged = judge(running, 'pg_restore', signal, 'RESTORE_FAILED');
  const alive = setInterval(() => server.context.report.moved(0), 10_000);
  try {
    if (!streamed) await judged;
    else {
      const outlet = childOutlet(running.stdin!);
      // The end of stdin comes only after the last bytes were proven; an abort kills before that.
      const feeding = feedArchive(archive.start.head, archive.rest!, outlet, signal).then(() => outlet.end());
      await together(own, [feeding, judged]);
    }
  } finally {
    clearInterval(alive);
  }
}

/** RDS gives a quarter of the memory to shared_buffers: up to here a server has about two cores. */
const SMALL_SERVER_MIB = 1024;

/** Of the loading sessions only; no right is needed for them. */
async function settingsFor(
  server: Server,
  archive: OpenArchive,
  { database, settings: given }: LoadOptions,
): Promise<string> {
  // Nobody relies on this database yet; what marks it as good is committed with certainty, and all before it too.
  const settings = [given, '-c synchronous_commit=off'];
  const { buffers } = await beside(server, [database], (session) =>
    session.row<{ buffers: number }>(
      `SELECT (setting::bigint * 8 / 1024)::int AS buffers FROM pg_catalog.pg_settings WHERE name = 'shared_buffers'`,
    ),
  );
  // The jobs fill such a server; workers besides them only cost it (a CPU second of 21 in the benchmark).
  if (archive.jobs > 1 && buffers <= SMALL_SERVER_MIB) settings.push('-c max_parallel_maintenance_workers=0');
  return settings.join(' ');
}

/** Whether one transaction that takes so many locks leaves half of the server's lock table to others. */
export async function fitsLockTable(session: Session, needed: number): Promise<boolean> {
  const { locks } = await session.row<{ locks: number }>(`
    SELECT current_setting('max_locks_per_transaction')::int
           * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) AS locks`);
  return needed * 2 <= locks;
}

/** Writes a list for --use-list. */
export async function writeListFile(server: Server, name: string, text: string): Promise<string> {
  const file = join(server.context.scratch, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
