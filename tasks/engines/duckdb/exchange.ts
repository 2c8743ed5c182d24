/**
 * Names of database files, and the `.wal` that may lie beside each. DuckDB replays whatever lies under `<name>.wal` when it
 * opens `<name>`, also if it is of another file: so a file never takes a name beside which a `.wal` waits.
 */
import { join } from 'node:path';
import { NightjarError } from '../../../core/errors.ts';
import type { DropJob, DropOutcome, RestoreJob, RollbackJob, RollbackOutcome } from '../../../core/job.ts';
import { rolledBackDatabase } from '../../../core/names.ts';
import { refuseStranger } from '../../leftovers.ts';
import type { EngineContext } from '../../engine.ts';
import { dropFiles, settleDied, type Remove } from '../../files/died.ts';
import type { FilePlace } from '../../files/place.ts';
import { toldExchange } from '../../files/told-exchange.ts';
import { inRoom, type Call } from './context.ts';
import { heldBy } from './copy.ts';
import { isOf } from './errors.ts';
import { walOf } from './names.ts';
import { openSession, type Session } from './session.ts';

export interface Names {
  /** That serves. */
  readonly name: string;
  /** Takes the name over. */
  readonly incoming: string;
  /** What the one that served is called afterwards. */
  readonly keepAs: string;
}

/** Keeps writers out of a file, by whatever name it goes meanwhile. */
export interface Guard {
  /** Lets go. DuckDB writes nothing more: all of it is on the disk. */
  release(): Promise<void>;
}
const NOBODY: Guard = { release: () => Promise.resolve() };

/**
 * Shuts writers out of the file that serves and writes its `.wal` into it. A file that can't be opened at all is not
 * guarded: nobody else can open it either.
 *
 * @throws FILE_LOCKED while somebody writes, or reads with a `.wal` beside.
 */
export async function guard(call: Call, name: string): Promise<Guard> {
  const { place } = call;
  if (place.directory === undefined || !(await place.stat(name))) return NOBODY;
  const open = (readOnly: boolean): Promise<Session> =>
    openSession(call, {
      file: join(place.directory!, name),
      readOnly,
      fallback: 'SWAP_FAILED',
      operation: 'open the database that serves',
    });
  const serves = `${name} serves as it did.`;
  try {
    const session = await open(false);
    await session.rows('CHECKPOINT');
    return { release: () => session.kill() };
  } catch (thrown) {
    if (isOf(thrown, 'DATABASE_DAMAGED', 'SERVER_UNSUPPORTED')) {
      call.report.warn(`${name} could not be opened, so nobody was kept out of it: ${thrown.detail ?? thrown.message}`);
      return NOBODY;
    }
    if (!isOf(thrown, 'FILE_LOCKED', 'STORAGE_DENIED')) throw thrown;
    // Processes that only read are let be: they see the old file until they open it anew.
    const session = await open(true).catch((again: unknown) => {
      throw isOf(again, 'FILE_LOCKED') ? heldBy(place, name, again, serves) : again;
    });
    if (!(await place.stat(walOf(name)))) return { release: () => session.kill() };
    await session.kill();
    throw heldBy(place, name, thrown, `${serves} It is being read while a .wal lies beside it.`);
  }
}

/** Both files of each. The caller guards the name. Resolves with whether there was one that served. */
export async function exchange({ place, report }: Pick<Call, 'place' | 'report'>, names: Names): Promise<boolean> {
  await move(place, walOf(names.name), walOf(names.keepAs));
  const had = await toldExchange(report, place, names);
  await move(place, walOf(names.incoming), walOf(names.name));
  return had;
}

async function move(place: FilePlace, from: string, to: string): Promise<void> {
  if (await place.stat(from)) await place.rename(from, to);
}

/** A file, and the `.wal` before it: alone it would be replayed into whatever takes the name. */
const removing =
  (place: FilePlace): Remove =>
  async (name) => {
    await place.remove(walOf(name));
    return place.remove(name);
  };

/** Of other restores of the name, that died. */
export const settle = ({ place, report }: Pick<Call, 'place' | 'report'>, job: RestoreJob): Promise<void> =>
  settleDied(place, job, {
    remove: removing(place),
    warn: (text) => report.warn(text),
    // It had left the name first.
    async takenBack(keepAs) {
      const [waiting, there] = [await place.stat(walOf(keepAs)), await place.stat(walOf(job.database))];
      if (waiting && !there) await place.rename(walOf(keepAs), walOf(job.database));
    },
  });

/** The same under a guard, once more. */
export async function guardedExchange(call: Call, names: Names): Promise<boolean> {
  const held = await guard(call, names.name);
  try {
    return await exchange(call, names);
  } finally {
    await held.release();
  }
}

/** Gives the replaced file its name back; the restored one is kept beside it. A second call finds it done. */
export async function rollback(
  context: EngineContext<'duckdb'>,
  job: RollbackJob,
): Promise<Omit<RollbackOutcome, 'kind'>> {
  return inRoom(context, async (call) => {
    const { database, replacedDatabase: old } = job;
    const { place } = call;
    call.step('renaming');
    const setAside = rolledBackDatabase(database, job.restoreId);
    const [current, replaced, aside] = [await place.stat(database), await place.stat(old), await place.stat(setAside)];
    if (!replaced) {
      if (current && aside) return { serving: database, setAside };
      throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
        operation: 'rollback',
        detail: `${place.words} has no file ${old} any more; ${current ? `${database} serves as it is` : `nor ${database}`}.`,
      });
    }
    await guardedExchange(call, { name: database, incoming: old, keepAs: setAside });
    return { serving: database, setAside };
  });
}

/** Removes what a swap replaced, what a rollback set aside, or what a restore that failed left, and nothing else. */
export async function drop(context: EngineContext<'duckdb'>, job: DropJob): Promise<Omit<DropOutcome, 'kind'>> {
  return inRoom(context, async ({ place, step }) => {
    refuseStranger(job);
    step('dropping');
    return { dropped: await dropFiles(place, job, removing(place)) };
  });
}
