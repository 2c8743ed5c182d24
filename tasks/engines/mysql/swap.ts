/** Taking a swap back, and throwing away what one left behind. */
import { NightjarError } from '../../../core/errors.ts';
import type { DropJob, DropOutcome, RollbackJob, RollbackOutcome } from '../../../core/job.ts';
import { rolledBackDatabase, workingNames } from '../../../core/names.ts';
import { refuseStranger } from '../../leftovers.ts';
import { exchange } from './exchange.ts';
import { databaseExists, dropDatabase, databaseNames } from './place.ts';
import { recover, released } from './recover.ts';
import { reachServer, within, type MysqlContext } from './server.ts';

/** Gives the replaced database its name back; the restored one is kept beside it. A second call finds it done. */
export async function rollback(context: MysqlContext, job: RollbackJob): Promise<Omit<RollbackOutcome, 'kind'>> {
  const { database, replacedDatabase: old } = job;
  const setAside = rolledBackDatabase(database, job.restoreId);
  context.report.phase('renaming');
  const server = await reachServer(context);
  await recover(server, database, { own: old, insist: true });
  const [current, replaced, aside] = await within(server, async (session) => [
    await databaseExists(session, database),
    await databaseExists(session, old),
    await databaseExists(session, setAside),
  ]);
  if (!replaced) {
    if (current && aside) return { serving: database, setAside };
    throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
      operation: 'rollback',
      detail: `The server has no database ${old} any more; ${current ? `${database} serves as it is` : `nor ${database}`}.`,
    });
  }
  await exchange(server, {
    restoreId: job.restoreId,
    name: database,
    incoming: old,
    keepAs: setAside,
    wakeEvents: true,
    inVault: false,
  });
  return { serving: database, setAside };
}

/** Drops what a swap replaced, what a rollback set aside, or what a restore that failed left unfinished, and nothing else. */
export async function drop(context: MysqlContext, job: DropJob): Promise<Omit<DropOutcome, 'kind'>> {
  const name = job.replacedDatabase;
  refuseStranger(job);
  context.report.phase('dropping');
  const server = await reachServer(context);
  await released(server, name);
  return { dropped: await within(server, (session) => dropDatabase(session, name)) };
}

export const unfinished = async (context: MysqlContext, restoreId: string): Promise<string[]> =>
  workingNames(await within(await reachServer(context), databaseNames), restoreId);
