/** Exchanging names: at every moment either the old or the new database serves, and never neither. */
import { rolledBackDatabase, workingNames } from '../../../core/names.ts';
import { refuseStranger } from '../../leftovers.ts';
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import type { DropJob, DropOutcome, RollbackJob, RollbackOutcome } from '../../../core/job.ts';
import { beside, databaseNamed, dropDatabase, listDatabases, maintenanceDatabases } from './database.ts';
import { sqlStateOf } from './errors.ts';
import { ident } from './names.ts';
import { reachServer, type PostgresContext, type Server, type Session } from './server.ts';

export interface Exchange {
  /** The name that serves. */
  readonly name: string;
  /** Takes over the name. */
  readonly incoming: string;
  /** What the one that served is called afterwards. */
  readonly keepAs: string;
}

const LOCK_SECONDS = 30;
const END_SESSIONS_MS = 100;
/** A rename looks for 5 s whether others are in the database. */
const TRIES = 3;

/**
 * Renames both in one transaction. The rename locks the database against new sessions before it looks for old ones, so
 * ending sessions meanwhile empties it for good: nothing is switched off that a crash could leave off.
 *
 * @returns whether there was one that served.
 * @throws SWAP_FAILED with the old names in place.
 */
export async function exchange(server: Server, names: Exchange): Promise<boolean> {
  const all = Object.values(names);
  const serves = await beside(server, all, (session) => databaseNamed(session, names.name));
  const refusals = new Set<string>();
  for (let attempt = 1; ; attempt += 1) {
    try {
      await beside(server, all, (session) => renameBoth(server, session, names, serves !== undefined, refusals));
      return serves !== undefined;
    } catch (thrown) {
      // The answer to COMMIT may have been lost: the names tell.
      const done = await beside(server, all, (session) => isExchanged(session, names), { last: true }).catch(
        () => undefined,
      );
      if (done) return serves !== undefined;
      if (sqlStateOf(thrown) === '55006' && attempt < TRIES && refusals.size === 0) continue;
      server.context.signal.throwIfAborted();
      const why = [wordsOf(thrown), ...refusals].join(' ');
      throw new NightjarError('SWAP_FAILED', {
        operation: 'rename databases',
        detail: `${names.name} was not replaced by ${names.incoming}: ${why}`,
        cause: thrown,
      });
    }
  }
}

async function renameBoth(
  server: Server,
  session: Session,
  names: Exchange,
  serves: boolean,
  refusals: Set<string>,
): Promise<void> {
  const rename = (from: string, to: string): string => `ALTER DATABASE ${ident(from)} RENAME TO ${ident(to)}`;
  await session.rows(`SET lock_timeout = '${LOCK_SECONDS}s'`);
  await session.rows('BEGIN');
  const stop = serves ? endSessions(server, names, refusals) : undefined;
  try {
    if (serves) await session.rows(rename(names.name, names.keepAs));
    await session.rows(rename(names.incoming, names.name));
    await session.rows('COMMIT');
  } finally {
    await stop?.();
  }
}

/** Ends every session of both databases, again and again until told to stop. Whom it may not end it writes down. */
function endSessions(server: Server, names: Exchange, refusals: Set<string>): () => Promise<void> {
  let going = true;
  const work = beside(server, Object.values(names), async (session) => {
    while (going) {
      const others = await session.rows<{ pid: number; who: string }>(
        `SELECT pid, format('%s of %s (process %s)', coalesce(nullif(application_name, ''), 'a session'), usename, pid) AS who
           FROM pg_catalog.pg_stat_activity WHERE datname = ANY ($1) AND pid <> pg_backend_pid()`,
        [[names.name, names.incoming]],
      );
      for (const { pid, who } of others) {
        try {
          await session.rows('SELECT pg_catalog.pg_terminate_backend($1)', [pid]);
        } catch (thrown) {
          if (sqlStateOf(thrown) !== '42501') throw thrown;
          refusals.add(`May not end ${who}.`);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, END_SESSIONS_MS));
    }
  });
  // Without it the rename tells that the database is in use; why nobody was ended belongs to it.
  const safe = work.catch((thrown: unknown) => void refusals.add(`Could not end sessions: ${String(thrown)}.`));
  return async () => {
    going = false;
    await safe;
  };
}

async function isExchanged(session: Session, names: Exchange): Promise<boolean> {
  const there = await databaseNamed(session, names.name);
  return there !== undefined && (await databaseNamed(session, names.incoming)) === undefined;
}

/** Gives the replaced database its name back; the restored one is kept beside it. A second call finds it done. */
export async function rollback(context: PostgresContext, job: RollbackJob): Promise<Omit<RollbackOutcome, 'kind'>> {
  const { database, replacedDatabase: old } = job;
  const setAside = rolledBackDatabase(database, job.restoreId);
  const names = { name: database, incoming: old, keepAs: setAside };
  context.report.phase('renaming');
  const server = await reachServer(context, maintenanceDatabases(Object.values(names)));
  const [current, replaced, aside] = await beside(server, Object.values(names), async (session) => [
    await databaseNamed(session, database),
    await databaseNamed(session, old),
    await databaseNamed(session, setAside),
  ]);
  if (!replaced) {
    if (current && aside) return { serving: database, setAside };
    throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
      operation: 'rollback',
      detail: `The server has no database ${old} any more; ${current ? `${database} serves as it is` : `nor ${database}`}.`,
    });
  }
  await exchange(server, names);
  return { serving: database, setAside };
}

/** Drops what a swap replaced, what a rollback set aside, or what a restore that failed left unfinished, and nothing else. */
export async function drop(context: PostgresContext, job: DropJob): Promise<Omit<DropOutcome, 'kind'>> {
  const name = job.replacedDatabase;
  refuseStranger(job);
  context.report.phase('dropping');
  const server = await reachServer(context, maintenanceDatabases([name]));
  return { dropped: await beside(server, [name], (session) => dropDatabase(session, name)) };
}

export async function unfinished(context: PostgresContext, restoreId: string): Promise<string[]> {
  const server = await reachServer(context, maintenanceDatabases([]));
  return workingNames(await beside(server, [], listDatabases), restoreId);
}
