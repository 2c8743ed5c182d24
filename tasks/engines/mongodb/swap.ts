/** Undoing a swap, and dropping what one left behind. */
import { rolledBackDatabase, workingNames } from '../../../core/names.ts';
import { refuseStranger } from '../../leftovers.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { DropJob, DropOutcome, RollbackJob, RollbackOutcome } from '../../../core/job.ts';
import { databaseExists, dropDatabase, listDatabases } from './collections.ts';
import { exchange } from './exchange.ts';
import { isBegun } from './journal.ts';
import { undoTag } from './names.ts';
import { recover, released } from './recover.ts';
import { steadily, within, type MongodbContext } from './server.ts';

/** Gives the replaced collections their names back; the restored ones are kept beside. A second call finds it done. */
export async function rollback(context: MongodbContext, job: RollbackJob): Promise<Omit<RollbackOutcome, 'kind'>> {
  const { database, replacedDatabase: old } = job;
  const setAside = rolledBackDatabase(database, job.restoreId);
  const tag = undoTag(job.restoreId);
  await recover(context, database, tag);
  context.report.phase('renaming');
  return steadily(context, async (server) => {
    if (!(await isBegun(server, database, tag)) && !(await databaseExists(server, old))) {
      const current = await databaseExists(server, database);
      if (current && (await databaseExists(server, setAside))) return { serving: database, setAside };
      throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
        operation: 'rollback',
        detail: `The server has no database ${old} any more; ${current ? `${database} serves as it is` : `nor ${database}`}.`,
      });
    }
    await exchange(server, { tag, name: database, incoming: old, keepAs: setAside, others: 'leave', inVault: false });
    return { serving: database, setAside };
  });
}

/** Drops what a swap replaced, what a rollback set aside, or what a restore that failed left unfinished, and nothing else. */
export async function drop(context: MongodbContext, job: DropJob): Promise<Omit<DropOutcome, 'kind'>> {
  const name = job.replacedDatabase;
  refuseStranger(job);
  context.report.phase('dropping');
  return within(context, async (server) => {
    const given = await released(server, job.database ?? job.target.database, name);
    return { dropped: (await dropDatabase(server, name)) || given };
  });
}

export const unfinished = (context: MongodbContext, restoreId: string): Promise<string[]> =>
  within(context, async (server) => workingNames(await listDatabases(server), restoreId));
