/** Sessions that hold tables which are to move. */
import { NightjarError } from '../../../core/errors.ts';
import type { Server, Session } from './server.ts';

interface Blocker {
  readonly id: number;
  readonly who: string;
}

/**
 * Ends those that hold a transaction in these databases; with `all` every session in them. Whom it may not end it adds to
 * `refusals`.
 */
export async function endBlockers(
  server: Server,
  session: Session,
  databases: readonly string[],
  { all, refusals }: { all: boolean; refusals: Set<string> },
): Promise<void> {
  for (const { id, who } of await blockers(server, session, databases, all)) {
    try {
      await session.rows(`KILL ${Number(id)}`);
    } catch (thrown) {
      // RDS lets nobody end others' sessions but through its own procedure.
      await session.rows(`CALL mysql.rds_kill(${Number(id)})`).catch(() => {
        if (!isGone(thrown)) refusals.add(`May not end ${who}.`);
      });
    }
  }
}

/** 1094: it has ended meanwhile. */
const isGone = (thrown: unknown): boolean => (thrown as { cause?: { errno?: number } }).cause?.errno === 1094;

async function blockers(
  server: Server,
  session: Session,
  databases: readonly string[],
  all: boolean,
): Promise<Blocker[]> {
  const who = `concat(p.user, '@', p.host, ' (session ', p.id, ')') AS who`;
  const mine = session.id;
  if (all)
    return session.rows<Blocker>(
      `SELECT p.id AS id, ${who} FROM information_schema.processlist p WHERE p.db IN (?) AND p.id <> ? AND p.command <> 'Daemon'`,
      [databases, mine],
    );
  const byTransaction = `SELECT p.id AS id, ${who} FROM information_schema.processlist p
    JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id WHERE p.db IN (?) AND p.id <> ?`;
  const byLock = `SELECT DISTINCT p.id AS id, ${who} FROM performance_schema.metadata_locks l
    JOIN performance_schema.threads h ON h.thread_id = l.owner_thread_id
    JOIN information_schema.processlist p ON p.id = h.processlist_id
   WHERE l.lock_status = 'GRANTED' AND l.object_type = 'TABLE' AND l.object_schema IN (?) AND p.id <> ?`;
  const known = (thrown: unknown): Blocker[] => {
    // What may not be seen, or is not there (MariaDB has no such table by default), is no reason to give up.
    if (thrown instanceof NightjarError && thrown.code !== 'CONNECTION_LOST') return [];
    throw thrown;
  };
  const found = server.isMariadb ? [] : await session.rows<Blocker>(byLock, [databases, mine]).catch(known);
  return found.length > 0 ? found : session.rows<Blocker>(byTransaction, [databases, mine]).catch(known);
}
