/** A whole copy of the living database on the task's own disk, of one moment. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import { missing } from '../../files/mounted.ts';
import { undone } from './crashed.ts';
import { readHeader } from './header.ts';
import { argument, withShell } from './shell.ts';
import { growing, type Work } from './work.ts';

export interface Copy {
  readonly file: string;
  readonly consistency: Manifest['consistency'];
  /** ISO 8601. */
  readonly takenAt: string;
  /** Of the library that wrote the source last. */
  readonly version: string;
  readonly details: Manifest['source']['details'];
}

/** What lies beside a file and belongs to it. */
export const SIDECARS = ['-journal', '-wal', '-shm'] as const;

/** An undisturbed copy is not slower than this; one that writers disturb begins anew each time. Bytes per second. */
const SLOWEST = 25 * 1024 * 1024;
/** How long writers may make the copy begin anew, in seconds, before they have to wait for it. */
const PATIENCE = (bytes: number): number => 15 + bytes / SLOWEST;
const TRIES = 5;

export const walRefused = (name: string): NightjarError =>
  new NightjarError('WAL_REFUSED', {
    operation: 'read header',
    detail: `${name} is in WAL mode, and lies on a mounted file system.`,
  });

/** @throws DATABASE_MISSING, FILE_LOCKED, WAL_REFUSED, DATABASE_DAMAGED, DISK_FULL, STORAGE_…. */
export async function copyOf(work: Work, name: string, patience = PATIENCE): Promise<Copy> {
  return work.place.directory === undefined
    ? fetched(work, name)
    : online(work, join(work.place.directory, name), name, patience);
}

async function online(work: Work, source: string, name: string, patience: typeof PATIENCE): Promise<Copy> {
  const { place, context } = work;
  if (!(await place.stat(name))) throw missing(place.words, name);
  const header = await readHeader(source, name);
  if (header.wal) throw walRefused(name);
  const file = join(work.room, 'source.db');
  const seconds = context.target.busyTimeoutSeconds + patience(header.bytes);
  const how = await taken(work, { source, file, name, seconds });
  if ((await readHeader(file, name)).wal) throw walRefused(name);
  if ((await place.stat(`${name}-wal`))?.bytes)
    context.report.warn(
      `${name}-wal lies beside the database, which is not in WAL mode: what a crash left in it is not in the backup.`,
    );
  return { file, ...how, version: header.version, details: {} };
}

export type Taken = Pick<Copy, 'consistency' | 'takenAt'>;

async function taken(
  work: Work,
  { source, file, name, seconds }: { source: string; file: string; name: string; seconds: number },
): Promise<Taken> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // Where writers let nobody else in, they have shown it once.
      const one = attempt === 1 ? await disturbed(work, source, file, seconds) : undefined;
      return one ?? (await held(work, source, file));
    } catch (thrown) {
      if (!isDenied(thrown)) throw thrown;
      // What it met was a living writer's, which is done by now.
      if (!(await work.place.stat(`${name}-journal`))) {
        if (attempt < TRIES && thrown.detail?.includes('readonly database')) continue;
        throw thrown;
      }
    }
    // A reader that may not write can't undo what a crashed writer left half done; in a copy it can be undone. Nor can it tell
    // it from a living one's, which began between its look at the lock and its look at the journal.
    const copied = await undone(work, name, file);
    if (copied) return copied;
    if (attempt === TRIES) throw busy(name);
  }
}

const isDenied = (thrown: unknown): thrown is NightjarError =>
  thrown instanceof NightjarError && thrown.code === 'STORAGE_DENIED';

const meaning = { operation: '.backup', fallback: 'DUMP_FAILED' } as const;

/** Writers go on; each of their commits makes the copy begin anew. Undefined when they left it no time. */
async function disturbed(work: Work, source: string, file: string, seconds: number): Promise<Taken | undefined> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), seconds * 1_000);
  const signal = AbortSignal.any([work.signal, limit.signal]);
  try {
    await withShell(work, source, { ...meaning, readonly: true, signal }, (shell) =>
      growing(work, file, shell.ask(`${timeoutOf(work)}\n.backup ${argument(file)}`)),
    );
    return { consistency: 'transaction', takenAt: new Date().toISOString() };
  } catch (thrown) {
    work.signal.throwIfAborted();
    // Each step of the copy asks for its lock anew; what follows asks once.
    const starved = thrown instanceof NightjarError && thrown.code === 'FILE_LOCKED';
    if (!limit.signal.aborted && !starved) throw thrown;
    await rm(file, { force: true });
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** One read transaction over all of it: writers wait. */
async function held(work: Work, source: string, file: string): Promise<Taken> {
  const began = Date.now();
  await withShell(work, source, { ...meaning, readonly: true }, async (shell) => {
    await shell.ask(`${timeoutOf(work)}\nBEGIN; SELECT count(*) FROM sqlite_schema;`);
    await growing(work, file, shell.ask(`.backup ${argument(file)}\nCOMMIT;`));
  });
  work.context.report.warn(
    `Writers were at work, so the copy was made in one read transaction: they waited for ${Math.round((Date.now() - began) / 1_000)} s.`,
  );
  return { consistency: 'locked', takenAt: new Date(began).toISOString() };
}

const busy = (name: string): NightjarError =>
  new NightjarError('FILE_LOCKED', {
    operation: 'copy',
    detail: `${name} was written again and again while it was copied.`,
  });

export const timeoutOf = ({ context }: Work): string => `.timeout ${context.target.busyTimeoutSeconds * 1_000}`;

/** One version of an object; nobody can lock it. */
async function fetched(work: Work, name: string): Promise<Copy> {
  const { place } = work;
  const file = join(work.room, 'source.db');
  for (const ending of ['-journal', '-wal'])
    if ((await place.stat(name + ending))?.bytes)
      throw new NightjarError('DUMP_FAILED', {
        operation: 'look beside the object',
        detail:
          `Beside ${place.words}${name} lies ${name}${ending}: it was uploaded from a database in use, and nobody can say ` +
          'whether the two belong together. Upload what VACUUM INTO makes, and delete the other.',
      });
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const before = await place.stat(name);
    if (!before) throw missing(place.words, name);
    const takenAt = new Date().toISOString();
    await place.fetch(name, file);
    if ((await place.stat(name))?.state !== before.state) continue;
    const header = await readHeader(file, name);
    return {
      file,
      consistency: 'snapshot',
      takenAt,
      version: header.version,
      details: { objectVersion: before.state, objectChangedAt: before.changedAt },
    };
  }
  throw busy(name);
}
