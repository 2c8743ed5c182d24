/** The one snapshot that the dump and its fingerprint share, and the watch over what it costs others. */
import { NightjarError } from '../../../core/errors.ts';
import type { Server, Session } from './server.ts';

/** Often enough that no NAT gateway or firewall forgets the session. */
const PING_MS = 30_000;
const WATCH_MS = 5_000;
/** From here on, an open snapshot visibly keeps vacuum from cleaning up. */
const LONG_SNAPSHOT_HOURS = 4;

export interface Snapshot {
  readonly id: string;
  /** ISO 8601; taken before the snapshot, so that the data is never older than it says. */
  readonly takenAt: string;
  /** For what must be read in the snapshot before the dump begins. */
  readonly session: Session;
  /** Rejects when the session breaks: the snapshot may be gone while pg_dump runs on. */
  readonly lost: Promise<never>;
  close(): Promise<void>;
}

/** What every session of a dump sets first: no time limit of a role or database may cut it off. */
export async function noLimits(server: Server, session: Session): Promise<void> {
  await session.rows(withoutLimits(server));
}

/** For a session of any kind. */
export const withoutLimits = (server: Server): string =>
  `SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0;
   SET row_security = off; ${server.major >= 17 ? 'SET transaction_timeout = 0;' : ''}`;

export async function openSnapshot(server: Server, signal: AbortSignal): Promise<Snapshot> {
  const session = await server.session(server.context.target.database, signal);
  try {
    await noLimits(server, session);
    const takenAt = new Date().toISOString();
    await session.rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { id } = await session.row<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
    const ping = setInterval(() => {
      // A ping that fails is told by `lost`.
      session.rows('SELECT 1').catch(() => undefined);
    }, PING_MS);
    return {
      id,
      takenAt,
      session,
      lost: session.lost,
      async close() {
        clearInterval(ping);
        await session.close();
      },
    };
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
}

/** Another session in the same snapshot, with the tables locked as pg_dump locks them. */
export async function joinSnapshot(
  server: Server,
  snapshotId: string,
  signal: AbortSignal,
  tables: readonly string[],
): Promise<Session> {
  const session = await server.session(server.context.target.database, signal);
  try {
    await noLimits(server, session);
    await session.rows(`SET lock_timeout = '${server.context.target.lockTimeoutSeconds}s'`);
    await session.rows(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '${snapshotId}'`);
    // From now on no TRUNCATE or rewrite, which snapshots do not see, can come between dump and fingerprint.
    const BATCH = 500;
    for (let from = 0; from < tables.length; from += BATCH)
      await session.rows(
        `LOCK TABLE ${tables
          .slice(from, from + BATCH)
          .map((one) => `ONLY ${one}`)
          .join(', ')} IN ACCESS SHARE MODE`,
      );
    await refuseRewritten(session, tables);
    return session;
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
}

/**
 * A TRUNCATE that came since the snapshot, or waited for the dump's lock before ours, has taken rows that the snapshot has: what
 * is counted now would not be what was dumped. Our snapshot still shows the old file. @throws SCHEMA_CHANGED, which is tried again.
 */
async function refuseRewritten(session: Session, tables: readonly string[]): Promise<void> {
  const rewritten = await session.rows<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM unnest($1::text[]) AS t(name) JOIN pg_catalog.pg_class c ON c.oid = t.name::regclass
      WHERE c.relfilenode <> 0 AND pg_catalog.pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode`,
    [tables],
  );
  if (rewritten.length === 0) return;
  throw new NightjarError('SCHEMA_CHANGED', {
    operation: 'lock tables',
    detail: `Truncated or rewritten while the dump began: ${rewritten
      .slice(0, 20)
      .map((one) => one.name)
      .join(', ')}. Nothing is lost; a new backup takes a new snapshot.`,
  });
}

interface Waiting {
  pid: number;
  what: string;
  seconds: number;
}

/** Looks every few seconds who waits for a lock that the dump holds; `stop` says what was seen, as often as it is asked. */
export async function watchSnapshot(server: Server, signal: AbortSignal): Promise<{ stop(): Promise<string[]> }> {
  const session = await server.session(server.context.target.database, signal);
  await noLimits(server, session);
  const started = Date.now();
  const seen = new Map<number, Waiting>();
  let busy: Promise<void> = Promise.resolve();

  const look = async (): Promise<void> => {
    const waiting = await session.rows<Waiting>(
      `SELECT w.pid, extract(epoch FROM now() - w.query_start)::int AS seconds,
              array_to_string((regexp_split_to_array(trim(w.query), '\\s+'))[1:2], ' ')
                || coalesce(' on ' || (SELECT relation::regclass::text FROM pg_catalog.pg_locks l
                                        WHERE l.pid = w.pid AND NOT granted AND relation IS NOT NULL LIMIT 1), '') AS what
         FROM pg_catalog.pg_stat_activity w
        WHERE w.wait_event_type = 'Lock' AND w.application_name <> $1
          AND EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity d
                       WHERE d.application_name = $1 AND d.pid = ANY (pg_catalog.pg_blocking_pids(w.pid)))`,
      [server.applicationName],
    );
    for (const one of waiting) if ((seen.get(one.pid)?.seconds ?? -1) < one.seconds) seen.set(one.pid, one);
  };
  let failed = false;
  const timer = setInterval(() => {
    // One failure is enough to know that the watch is blind; the dump does not depend on it.
    if (!failed) busy = busy.then(look).catch(() => void (failed = true));
  }, WATCH_MS);

  let stopped: Promise<string[]> | undefined;
  return {
    stop: () => (stopped ??= stop()),
  };

  async function stop(): Promise<string[]> {
    clearInterval(timer);
    await busy;
    await session.close();
    const warnings = [...seen.values()].map(
      (one) => `${one.what} (process ${one.pid}) waited at least ${one.seconds} s behind the dump's lock.`,
    );
    const hours = (Date.now() - started) / 3_600_000;
    if (hours >= LONG_SNAPSHOT_HOURS)
      warnings.push(
        `The snapshot was open for ${hours.toFixed(1)} hours; vacuum could remove nothing newer in all of the server.`,
      );
    if (failed) warnings.push('Could not watch for sessions that waited behind the dump.');
    return warnings;
  }
}
