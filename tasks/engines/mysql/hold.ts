/**
 * Holding a server or a database's tables still. No snapshot can be shared between sessions, so ours and the tool's are opened
 * while nobody can write: under `FLUSH TABLES WITH READ LOCK`, let go at once; to the dump's end where it was asked for tables that
 * no snapshot covers. RDS, Aurora and Azure do not give it. For those tables `LOCK TABLES` does there, not so well: against writers of
 * several tables it ends in deadlocks, and the server then throws the application's transaction away, not us; and whoever waits for
 * one of them exclusively (`LOCK TABLES … WRITE`, `ALTER TABLE`) keeps the tool from it, too.
 */
import { NightjarError } from '../../../core/errors.ts';
import { numberOf, WHO_HOLDS } from './errors.ts';
import { qualified } from './names.ts';
import type { Server, Session } from './server.ts';

export interface Hold {
  /** Rejects when the lock is lost. */
  readonly lost: Promise<never>;
  readonly session: Session;
  /** Whether it has held all the time until now; throws nothing. */
  held(): Promise<boolean>;
  /** Lets writers go on. */
  release(): Promise<void>;
}

/** Writers queue behind a lock that waits, so it does not wait for long, and comes again. */
const WAIT_SECONDS = 2;
const TRIES = 3;
const PAUSE_MS = 1_000;
/** So long the application waits at most behind somebody who waits for us. */
const STUCK_SECONDS = 10;
const LOOK_MS = 2_000;

/** All of the server. @throws LOCK_TIMEOUT; PRIVILEGE_MISSING where RELOAD is not given. */
export const holdServer = (server: Server, signal: AbortSignal): Promise<Hold> =>
  hold(server, 'FLUSH TABLES WITH READ LOCK', signal);

/**
 * Tables by database, to the dump's end. It is lost with LOCK_TIMEOUT when the tool has to wait for somebody who waits for us.
 *
 * @throws LOCK_TIMEOUT when writers do not let go; PRIVILEGE_MISSING.
 */
export async function holdTables(
  server: Server,
  databases: readonly { readonly database: string; readonly data: readonly string[] }[],
  signal: AbortSignal,
): Promise<Hold> {
  const tables = databases.flatMap(({ database, data }) => data.map((table) => `${qualified(database, table)} READ`));
  const held = await hold(server, `LOCK TABLES ${tables.join(', ')}`, signal);
  const watch = watchFor(held.session);
  return {
    session: held.session,
    lost: Promise.race([held.lost, watch.stuck]),
    held: () => held.held(),
    async release() {
      await watch.end();
      await held.release();
    },
  };
}

/** Looks whether other sessions of this login, which are the tool's, wait for a table. */
function watchFor(session: Session): { readonly stuck: Promise<never>; end(): Promise<void> } {
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_resolve, reject) => {
    const look = async (): Promise<void> => {
      const waiting = await session.rows<{ state: string }>(
        `SELECT state AS state FROM information_schema.processlist
          WHERE user = SUBSTRING_INDEX(USER(), '@', 1) AND id <> CONNECTION_ID() AND time >= ? AND state LIKE 'Waiting for table%'`,
        [STUCK_SECONDS],
      );
      if (waiting.length > 0)
        reject(
          new NightjarError('LOCK_TIMEOUT', {
            operation: 'LOCK TABLES',
            detail: `Somebody waited for a locked table to write to it alone or to alter it, and so the dump waited, too. It was given up, to let them go on. ${WHO_HOLDS}`,
          }),
        );
    };
    // A connection that breaks tells it by itself.
    timer = setInterval(
      () =>
        void (looking ??= look().then(
          () => (looking = undefined),
          () => undefined,
        )),
      LOOK_MS,
    );
  });
  stuck.catch(() => undefined);
  return {
    stuck,
    async end() {
      clearInterval(timer);
      await looking;
    },
  };
}

async function hold(server: Server, sql: string, signal: AbortSignal): Promise<Hold> {
  const session = await server.session(undefined, signal);
  try {
    // With autocommit the locks of InnoDB would not wait for writers that are between two statements.
    await session.rows(
      `SET SESSION autocommit = 0, lock_wait_timeout = ${WAIT_SECONDS}, innodb_lock_wait_timeout = ${WAIT_SECONDS}`,
    );
    await lock(session, sql);
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
  let released = false;
  return {
    session,
    lost: session.lost,
    // Whoever ends sessions that keep writers waiting ends this one, and nobody tells us.
    held: () =>
      session.rows('DO 0').then(
        () => true,
        () => false,
      ),
    async release() {
      if (released) return;
      released = true;
      // A connection that ends lets go of all its locks.
      await session.close();
    },
  };
}

async function lock(session: Session, sql: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await session.rows(sql);
      return;
    } catch (thrown) {
      // 1045 and 1227: RDS says the one, the others say the other.
      if ([1045, 1227].includes(numberOf(thrown) ?? 0))
        throw new NightjarError('PRIVILEGE_MISSING', {
          operation: sql.slice(0, 30),
          detail: thrown instanceof NightjarError ? (thrown.detail ?? thrown.message) : String(thrown),
          cause: thrown,
        });
      // 1213: the server let a writer win.
      if (![1205, 1213].includes(numberOf(thrown) ?? 0)) throw thrown;
      if (attempt >= TRIES)
        throw new NightjarError('LOCK_TIMEOUT', {
          operation: sql.slice(0, 30),
          detail: `Somebody held the tables for longer than ${(TRIES * (WAIT_SECONDS * 1_000 + PAUSE_MS)) / 1_000} s. ${WHO_HOLDS}`,
          cause: thrown,
        });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** A session whose transaction sees the moment in which this is called. */
export async function openSnapshot(server: Server, signal: AbortSignal): Promise<Session> {
  const session = await server.session(undefined, signal);
  try {
    await beginSnapshot(session);
    return session;
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
}

/** From here on the session sees this moment. */
export async function beginSnapshot(session: Session): Promise<void> {
  await session.rows('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await session.rows('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
}

/** By the server's clock, which the binary log goes by too. */
export async function serverTime(session: Session): Promise<string> {
  const { now } = await session.row<{ now: string }>(
    `SELECT date_format(utc_timestamp(3), '%Y-%m-%dT%H:%i:%s.%f') AS now`,
  );
  return `${now.slice(0, 23)}Z`;
}
