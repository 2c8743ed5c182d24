/**
 * The database as it is, on the task's own disk, with what its last writer left beside it. Only this much happens while the
 * file is held: a dump of hours must not keep an application out for hours.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import type { FilePlace } from '../../files/place.ts';
import { missing } from '../../files/mounted.ts';
import type { Call } from './context.ts';
import { isOf } from './errors.ts';
import { walOf } from './names.ts';
import { openSession, withSession, type DuckdbContext, type Session } from './session.ts';
import { readStorage, type StorageFacts } from './storage.ts';

const TRIES = 3;

export interface Copy extends StorageFacts {
  readonly file: string;
  /** When nobody could write any more. */
  readonly takenAt: string;
  readonly consistency: Manifest['consistency'];
  readonly bytes: number;
  /** Whether a writer had left without a checkpoint. */
  readonly hadWal: boolean;
}

/** What is told of a lock that somebody else has. */
export const heldBy = (place: FilePlace, name: string, thrown: NightjarError, lost: string): NightjarError =>
  new NightjarError('FILE_LOCKED', {
    operation: 'open the database',
    detail: `${place.words}, ${name}: DuckDB lets one process write, and nobody read meanwhile. ${lost} ${thrown.detail ?? ''}`,
    cause: thrown,
  });

/** @throws DATABASE_MISSING, FILE_LOCKED, DATABASE_DAMAGED, SERVER_UNSUPPORTED, STORAGE_…, DISK_FULL, `fallback`. */
export async function takeCopy(call: Call, name: string, options: { fallback: ErrorCode; as?: string }): Promise<Copy> {
  const { place, room } = call;
  const { fallback } = options;
  const file = join(room, options.as ?? 'nightjar_copy.duckdb');
  if (!(await place.stat(name))) throw missing(place.words, name);
  const holder = await hold(call, name, fallback);
  let takenAt: string;
  try {
    takenAt = await fetchBoth(place, name, file);
  } finally {
    // It only read: there is nothing that it would have to write.
    await holder?.kill();
  }
  return {
    ...(await absorbed(call, file, fallback, `${place.words}, ${name}`)),
    file,
    takenAt,
    consistency: place.directory === undefined ? 'snapshot' : 'locked',
  };
}

/** Reads along: who writes can't come in then, and who only reads is not disturbed. Objects have nobody inside. */
async function hold(call: Call, name: string, fallback: ErrorCode): Promise<Session | undefined> {
  const { place } = call;
  if (place.directory === undefined) return undefined;
  try {
    return await openSession(call, {
      file: join(place.directory, name),
      readOnly: true,
      fallback,
      operation: 'open the database',
    });
  } catch (thrown) {
    if (isOf(thrown, 'FILE_LOCKED')) throw heldBy(place, name, thrown, 'Nothing was changed.');
    throw thrown;
  }
}

/** Both files of one moment. Objects may be replaced between the two: then again. */
async function fetchBoth(place: FilePlace, name: string, file: string): Promise<string> {
  const wal = walOf(name);
  const look = async (): Promise<string> =>
    JSON.stringify([(await place.stat(name))?.state, (await place.stat(wal))?.state]);
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const [before, takenAt] = [await look(), new Date().toISOString()];
    await place.fetch(name, file);
    if (await place.stat(wal)) await place.fetch(wal, walOf(file));
    if ((await look()) === before) return takenAt;
  }
  throw new NightjarError('FILE_LOCKED', {
    operation: 'copy the database',
    detail: `${place.words}, ${name} was replaced ${TRIES} times while it was being copied. Nothing was changed.`,
  });
}

/** A fetched file with its `.wal` written into it: then its bytes are the whole database. */
export async function absorbed(
  context: DuckdbContext,
  file: string,
  fallback: ErrorCode,
  words: string,
): Promise<Pick<Copy, 'storageVersion' | 'writtenBy' | 'bytes' | 'hadWal'>> {
  const hadWal = (await stat(walOf(file)).catch(() => undefined)) !== undefined;
  if (hadWal)
    await withSession(context, { file, fallback, operation: 'write the .wal into the copy' }, (session) =>
      session.rows('CHECKPOINT'),
    );
  return { ...(await readStorage(file, words)), bytes: (await stat(file)).size, hadWal };
}
