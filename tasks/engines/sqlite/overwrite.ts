/** Into the living file: all of it by SQLite's own backup, or the rows of some tables in one transaction. */
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { timeoutOf, walRefused } from './copy.ts';
import { readHeader } from './header.ts';
import { checkIntegrity } from './integrity.ts';
import { replaceRows } from './rows.ts';
import { argument, withShell } from './shell.ts';
import { alive, type Work } from './work.ts';

const meaning = { operation: 'overwrite', fallback: 'RESTORE_FAILED' } as const;

/** Readers see the old content or the new; a crash between is undone by the next who opens it. @throws FILE_LOCKED, WAL_REFUSED. */
export async function overwriteWhole(work: Work, job: RestoreJob, file: string): Promise<void> {
  const { place } = work;
  if (place.directory === undefined) return replaceObject(work, job, file);
  const living = await openable(join(place.directory, job.database), job.database);
  const count = 'SELECT count(*) FROM sqlite_schema;';
  const wanted = await withShell(work, file, meaning, (shell) => shell.ask(count));
  await withShell(work, living, meaning, async (shell) => {
    // The lock is asked for with patience here: .restore itself gives up after less than a second.
    await shell.ask(`${timeoutOf(work)}\nBEGIN EXCLUSIVE; COMMIT;`);
    await alive(work, shell.ask(`.restore ${argument(file)}`));
    const found = await shell.ask(count);
    if (found.trim() !== wanted.trim())
      throw new NightjarError('RESTORE_FAILED', {
        operation: '.restore',
        detail: `${job.database} holds ${found.trim()} definitions, the backup ${wanted.trim()}. Look at it before it is used.`,
      });
  });
}

async function openable(path: string, name: string): Promise<string> {
  const header = await readHeader(path, name).catch((thrown: unknown) => {
    if (!(thrown instanceof NightjarError) || thrown.code !== 'DATABASE_DAMAGED') throw thrown;
    const detail = `${thrown.detail ?? ''} What is damaged can't be overwritten in place: use mode swap. Nothing was changed.`;
    throw new NightjarError('RESTORE_FAILED', { operation: 'open the living file', detail, cause: thrown });
  });
  if (header.wal) throw walRefused(name);
  return path;
}

/** One call gives an object new content; its older version is the bucket's to keep. */
async function replaceObject(work: Work, job: RestoreJob, file: string): Promise<void> {
  const { place } = work;
  const [alias, old] = [aliasDatabase(job.database, job.id), replacedDatabase(job.database, job.id)];
  await place.remove(alias);
  await place.remove(old);
  await place.store(file, alias);
  await place.exchange({ name: job.database, incoming: alias, keepAs: old });
  await place.remove(old);
}

/**
 * The backup's tables in place of the living ones', all other tables untouched. Tables that are missing are made, with their
 * indexes and triggers. Triggers are silent meanwhile.
 */
export async function overwriteRows(work: Work, job: RestoreJob, file: string): Promise<void> {
  const { place } = work;
  if (place.directory !== undefined) {
    await replaceRows(work, await openable(join(place.directory, job.database), job.database), file);
    return;
  }
  const living = join(work.room, 'living.db');
  const before = await place.stat(job.database);
  await place.fetch(job.database, living);
  await replaceRows(work, living, file);
  await checkIntegrity(work, living, 'RESTORE_FAILED');
  if ((await place.stat(job.database))?.state !== before?.state)
    throw new NightjarError('FILE_LOCKED', {
      operation: 'overwrite',
      detail: `${job.database} was written meanwhile; it was left as it is.`,
    });
  await replaceObject(work, job, living);
}
