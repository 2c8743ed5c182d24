/** A backup of a whole server: the users and roles that the other lacks, then each database, and its grants. */
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { manifestOfDatabase } from '../../../core/server-backup.ts';
import { aliasDatabase } from '../../../core/names.ts';
import type { RestoreDone, RestoreSource, ServerRestore } from '../../engine.ts';
import { compareIn, foundEqual } from './compare.ts';
import { statementsIn, type Statement } from './globals-statements.ts';
import { makeLate } from './late-views.ts';
import { openLedger, type Ledger } from './ledger.ts';
import { grantInside, makeMissing } from './make-users.ts';
import { CLIENT_ARGS } from './load.ts';
import { isForeign } from './migrate/rehearse.ts';
import { databaseExists } from './place.ts';

import { reachServer, within, type MysqlContext, type Server } from './server.ts';
import { feedText } from './views.ts';

/**
 * What was granted on single tables and routines waits until their database is back.
 *
 * @throws CONNECT_FAILED …; RESTORE_FAILED for what is no list of users. What can't be made is warned of.
 */
export async function restoreGlobals(
  context: MysqlContext,
  source: RestoreSource,
  job: RestoreJob,
): Promise<ServerRestore> {
  const { manifest } = source;
  const text = await source.readGlobals();
  const server = await reachServer(context);
  const ledger = await openLedger(server, { restoreId: job.id, backupId: manifest.backupId });
  const inside = await makeUsers(server, ledger, text, isForeign(server, manifest));
  return {
    bring: (database, restore) => bring(server, ledger, { job, source, database, inside }, restore),
    async end() {
      await makeLate(server, job.id, (database) => (text, force) => {
        const args = [...CLIENT_ARGS, ...(force ? ['--force'] : []), `--database=${database}`];
        return feedText(server.start('mariadb', args, { signal: context.signal, stdin: 'pipe' }), text);
      });
      await ledger.close();
    },
  };
}

/** Resolves with what waits for a database. */
async function makeUsers(
  server: Server,
  ledger: Ledger,
  text: string | undefined,
  foreign: boolean,
): Promise<Statement[]> {
  const { report } = server.context;
  if (text === undefined) report.warn('The backup holds no users and grants.');
  else if (foreign)
    report.warn(
      'Users, roles and grants were not carried over: MySQL and MariaDB keep passwords and rights in ways of their own. Make them by hand.',
    );
  if (text === undefined || foreign) return [];
  const statements = statementsIn(text);
  const made = await within(server, (session) => makeMissing(server, session, ledger, statements));
  return statements.filter((one) => one.kind === 'grant' && one.database !== undefined && made.has(one.account));
}

interface One {
  readonly job: RestoreJob;
  /** Of the whole backup. */
  readonly source: RestoreSource;
  readonly database: string;
  readonly inside: readonly Statement[];
}

/** One database, unless an earlier attempt has brought it back: neither server lets a database say who made it. */
async function bring(
  server: Server,
  ledger: Ledger,
  { job, source, database, inside }: One,
  restore: () => Promise<RestoreDone>,
): Promise<RestoreDone> {
  const { report } = server.context;
  const before = ledger.find('database', database);
  const part = { ...source, manifest: manifestOfDatabase(source.manifest, database) };
  const [serves, working] = await within(server, async (session) => [
    await databaseExists(session, database),
    await databaseExists(session, aliasDatabase(database, job.id)),
  ]);
  const finish = async (done: RestoreDone): Promise<RestoreDone> => {
    await within(server, async (session) => {
      await grantInside(server, session, database, inside);
      await ledger.write(session, 'database', database, { step: 'done', as: '' });
    });
    return done;
  };
  if (serves && !working && before?.own) {
    const isBack = (): void => report.warn(`An earlier attempt of this restore had brought ${database} back.`);
    if (before.step === 'done') {
      isBack();
      return { restoredDatabase: database, comparison: foundEqual(job, part) };
    }
    // It died right after the last rename, or somebody made one of that name meanwhile: the rows tell.
    const comparison = await compareIn(server, job, part, database);
    if (comparison.equal && comparison.mode !== 'none') {
      isBack();
      return finish({ restoredDatabase: database, comparison });
    }
  }
  if (!serves)
    await within(server, (session) => ledger.write(session, 'database', database, { step: 'begun', as: '' }));
  try {
    return await finish(await restore());
  } catch (thrown) {
    // Whoever began it and died had not come to the grants.
    if (before?.step === 'begun' && thrown instanceof NightjarError && thrown.code === 'DESTINATION_EXISTS')
      await within(server, (session) => grantInside(server, session, database, inside));
    throw thrown;
  }
}
