/**
 * Names of files change owners under a lock. What a file has beside it (a journal, a WAL) belongs to it by name, and would be
 * played into whatever takes the name: it is merged before, or goes with the old file.
 */
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { DropJob, DropOutcome, RestoreJob, RollbackJob, RollbackOutcome } from '../../../core/job.ts';
import { dropFiles, settleDied, type Remove } from '../../files/died.ts';
import { toldExchange } from '../../files/told-exchange.ts';
import { rolledBackDatabase } from '../../../core/names.ts';
import { refuseStranger } from '../../leftovers.ts';
import { SIDECARS, timeoutOf } from './copy.ts';
import { readHeader } from './header.ts';
import { openShell, type Shell } from './shell.ts';
import { withWork, type SqliteContext, type Work } from './work.ts';

export interface Names {
  readonly name: string;
  readonly incoming: string;
  readonly keepAs: string;
}

/**
 * `incoming` takes the name while no writer can hold the file; readers go on with the old one, and who wants to write with a
 * connection from before is refused by SQLite, which sees that the file was moved.
 *
 * @throws FILE_LOCKED, WAL_REFUSED; nothing was changed then.
 */
export async function exchange(work: Work, names: Names): Promise<boolean> {
  const lock = await lockOf(work, names.name);
  try {
    if (lock === 'none') await setAside(work, names.name, names.keepAs);
    return await toldExchange(work.context.report, work.place, names);
  } finally {
    if (typeof lock === 'object') await lock.close();
  }
}

/** A shell that keeps writers away; `none` where the file is missing or not to be opened; `object` where nobody can lock. */
async function lockOf(work: Work, name: string): Promise<Shell | 'none' | 'object'> {
  const { place, context } = work;
  if (place.directory === undefined) return (await place.stat(name)) ? 'object' : 'none';
  if (!(await place.stat(name))) return 'none';
  const path = join(place.directory, name);
  try {
    if ((await readHeader(path, name)).wal) return await unused(work, name);
    return await locked(work, path);
  } catch (thrown) {
    // It may be what the restore is for.
    if (!(thrown instanceof NightjarError) || thrown.code !== 'DATABASE_DAMAGED') throw thrown;
    context.report.warn(`${name} could not be locked, because it is damaged: ${thrown.detail ?? ''}`);
    return 'none';
  }
}

async function locked(work: Work, path: string): Promise<Shell> {
  const shell = openShell(work, path, { operation: 'lock the file', fallback: 'SWAP_FAILED' });
  try {
    // Also undoes what a crashed writer left in a journal.
    await shell.ask(`${timeoutOf(work)}\nBEGIN IMMEDIATE;`);
    return shell;
  } catch (thrown) {
    await shell.close();
    throw thrown;
  }
}

/** In WAL mode no lock reaches another host. What lies beside the file tells whether somebody has it open. */
async function unused(work: Work, name: string): Promise<'none'> {
  for (const ending of ['-wal', '-shm'])
    if (await work.place.stat(name + ending))
      throw new NightjarError('WAL_REFUSED', {
        operation: 'lock the file',
        detail: `${name} is in WAL mode and in use, or a crash left ${name}${ending}: nothing was changed.`,
      });
  return 'none';
}

/** Of a file that is missing or damaged: its leftovers must not meet the new one. */
export async function setAside(work: Work, name: string, keepAs: string): Promise<void> {
  for (const ending of SIDECARS) {
    if (!(await work.place.stat(name + ending))) continue;
    await work.place.rename(name + ending, keepAs + ending);
    work.context.report.warn(`${name}${ending} lay there without a use, and was set aside as ${keepAs}${ending}.`);
  }
}

/** Gives the replaced file its name back; the restored one is kept beside it. A second call finds it done. */
export const rollback = (context: SqliteContext, job: RollbackJob): Promise<Omit<RollbackOutcome, 'kind'>> =>
  withWork(context, async (work) => {
    const { database, replacedDatabase: old } = job;
    const setAsideAs = rolledBackDatabase(database, job.restoreId);
    context.report.phase('renaming');
    const [current, replaced, aside] = [
      await work.place.stat(database),
      await work.place.stat(old),
      await work.place.stat(setAsideAs),
    ];
    if (!replaced) {
      if (current && aside) return { serving: database, setAside: setAsideAs };
      throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
        operation: 'rollback',
        detail: `${work.place.words} has no file ${old} any more; ${current ? `${database} serves as it is` : `nor ${database}`}.`,
      });
    }
    await exchange(work, { name: database, incoming: old, keepAs: setAsideAs });
    return { serving: database, setAside: setAsideAs };
  });

/** Removes what a swap replaced, what a rollback set aside, or what a restore that failed left unfinished, and nothing else. */
export const drop = (context: SqliteContext, job: DropJob): Promise<Omit<DropOutcome, 'kind'>> =>
  withWork(context, async (work) => {
    refuseStranger(job);
    context.report.phase('dropping');
    return { dropped: await dropFiles(work.place, job, removing(work)) };
  });

/** With what lies beside it. */
const removing =
  ({ place }: Work): Remove =>
  async (name) => {
    for (const ending of SIDECARS) await place.remove(name + ending);
    return place.remove(name);
  };

/** Of other restores of the name, that died. */
export const settle = (work: Work, job: RestoreJob): Promise<void> =>
  settleDied(work.place, job, { remove: removing(work), warn: (text) => work.context.report.warn(text) });
