/** The way to one PostgreSQL server: sessions through `pg`, and the same login and TLS for the tools. */
import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { TASK_ENV, required } from '../../../core/environment.ts';
import { NightjarError } from '../../../core/errors.ts';
import { authorityFile } from '../../authority.ts';
import type { EngineContext, Login } from '../../engine.ts';
import { clientTls, CONNECT_SECONDS, KEEPALIVE_SECONDS, openClient } from '../../pg-client.ts';
import { toolEnvironment } from '../../processes.ts';
import { sessionError, sqlStateOf } from './errors.ts';
import { conninfo } from './names.ts';
import { refusePooler, refuseProxy } from './pooler.ts';

export type PostgresContext = EngineContext<'postgres'>;

const LAST_SESSION_MS = 60_000;
export interface Session {
  /** The server's process id. */
  readonly pid: number;
  /** Several statements at once are allowed without values; the rows are of the first that has some. @throws NightjarError. */
  rows<Row extends object = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** The one row. */
  row<Row extends object = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row>;
  /** Rejects when the connection breaks, also while nothing is asked of it. */
  readonly lost: Promise<never>;
  /** Never throws. */
  close(): Promise<void>;
}

export interface Server {
  readonly context: PostgresContext;
  /** Of the server, such as 17. */
  readonly major: number;
  /** Such as `17.11`. */
  readonly version: string;
  /** Marks every connection of this task, as pg_stat_activity's application_name. */
  readonly applicationName: string;
  /** False when `tls.verify` is `off`. */
  readonly tlsVerified: boolean;
  /** Whether the first session was encrypted at all. */
  readonly encrypted: boolean;
  /** `signal` ends the session besides the context's; `options` are settings from its first moment on, as `-c name=value`. */
  session(database: string, signal?: AbortSignal, options?: string): Promise<Session>;
  /** For putting things in order after an abort: ends by itself after a minute. */
  lastSession(database: string): Promise<Session>;
  /** Path of a tool of this server's major. @throws SERVER_UNSUPPORTED. */
  tool(name: 'pg_dump' | 'pg_dumpall' | 'pg_restore' | 'psql'): string;
  /** For a tool's --dbname; without the password. */
  conninfo(database: string, more?: Readonly<Record<string, string>>): string;
  /** A tool's whole environment, with the password that the last session was let in with. */
  environment(): Record<string, string>;
}

/** Connects once, to the first of `databases` that is there, to learn who the server is. @throws CONNECT_FAILED, AUTH_FAILED, TLS_FAILED, POOLER_REFUSED, …. */
export async function reachServer(context: PostgresContext, databases: readonly string[]): Promise<Server> {
  const { target, env, scratch } = context;
  refuseProxy(target);
  const tls = await clientTls(target, env);
  const caFile = tls.authority === undefined ? undefined : await authorityFile(scratch, tls.authority);
  const applicationName = `nightjar-${randomBytes(4).toString('hex')}`;
  let login: Login | undefined;
  let encrypted = true;

  const open = async (database: string, aborts: AbortSignal = context.signal, options?: string): Promise<Session> => {
    aborts.throwIfAborted();
    login ??= await context.login();
    const attempt = (): Promise<pg.Client> =>
      openClient(target, login!, {
        database,
        ssl: encrypted && tls.options,
        application_name: applicationName,
        ...(options && { options }),
      });
    let client: pg.Client;
    try {
      client = await attempt();
    } catch (thrown) {
      if (sqlStateOf(thrown)?.startsWith('28')) login = await context.login();
      else if (!tls.verified && String(thrown).includes('does not support SSL')) encrypted = false;
      else throw sessionError(thrown, 'connect', { connecting: true });
      client = await attempt().catch((again: unknown) => {
        throw sessionError(again, 'connect', { connecting: true });
      });
    }
    return sessionOf(client, aborts);
  };

  const first = await enterFirst(databases, (database) => open(database));
  let version: { server_version: string; number: number };
  try {
    await refusePooler(target, login!.username, first);
    version = await first.row(
      `SELECT current_setting('server_version') AS server_version, current_setting('server_version_num')::int AS number`,
    );
  } finally {
    await first.close();
  }
  const major = Math.floor(version.number / 10_000);
  const root = required(env, TASK_ENV.postgresRoot);
  const bin = join(root, String(major), 'bin');
  const supported = await access(join(bin, 'pg_dump')).then(
    () => true,
    () => false,
  );

  return {
    context,
    major,
    version: version.server_version.split(' ')[0]!,
    applicationName,
    tlsVerified: tls.verified,
    encrypted,
    session: (database, signal, options) =>
      open(database, signal ? AbortSignal.any([context.signal, signal]) : context.signal, options),
    lastSession: (database) => open(database, AbortSignal.timeout(LAST_SESSION_MS)),
    tool(name) {
      if (!supported)
        throw new NightjarError('SERVER_UNSUPPORTED', {
          operation: name,
          detail: `The server is PostgreSQL ${version.server_version}; looked for its client in ${bin}.`,
        });
      return join(bin, name);
    },
    conninfo: (database, more = {}) =>
      conninfo({
        host: target.host,
        port: target.port,
        user: login!.username,
        dbname: database,
        application_name: applicationName,
        connect_timeout: CONNECT_SECONDS,
        keepalives_idle: KEEPALIVE_SECONDS,
        keepalives_interval: 10,
        keepalives_count: 6,
        ...(tls.verified ? { sslmode: 'verify-full', sslrootcert: caFile! } : { sslmode: 'prefer' }),
        ...more,
      }),
    environment: () => ({ ...toolEnvironment(env, scratch), PGPASSWORD: login!.password }),
  };
}

/** Opens the first of these databases that is there. @throws what the first one's failure was when none is. */
export async function enterFirst<T>(databases: readonly string[], open: (database: string) => Promise<T>): Promise<T> {
  const missing: NightjarError[] = [];
  for (const database of databases) {
    try {
      return await open(database);
    } catch (thrown) {
      // A database that this user may not enter is none for him.
      if (!(thrown instanceof NightjarError) || !['DATABASE_MISSING', 'PRIVILEGE_MISSING'].includes(thrown.code))
        throw thrown;
      missing.push(thrown);
    }
  }
  throw missing[0] ?? new NightjarError('DATABASE_MISSING', { operation: 'connect' });
}

function sessionOf(client: pg.Client, signal: AbortSignal): Session {
  let closed = false;
  let onLost: (reason: unknown) => void = () => undefined;
  const lost = new Promise<never>((_resolve, reject) => (onLost = reject));
  lost.catch(() => undefined);
  client.on('error', (thrown) => onLost(sessionError(thrown, 'session')));
  client.on('end', () => {
    if (!closed) onLost(new NightjarError('CONNECTION_LOST', { operation: 'session' }));
  });
  const onAbort = (): void => {
    onLost(signal.reason);
    // A query under way would be waited for otherwise; the server ends it when it next writes.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  };
  signal.addEventListener('abort', onAbort, { once: true });

  const rows = async <Row extends object>(sql: string, values?: unknown[]): Promise<Row[]> => {
    signal.throwIfAborted();
    try {
      const result = (await client.query(sql, values)) as pg.QueryResult | pg.QueryResult[];
      return (Array.isArray(result) ? result.find((one) => one.fields.length > 0)?.rows : result.rows) as Row[];
    } catch (thrown) {
      signal.throwIfAborted();
      throw sessionError(thrown, 'query');
    }
  };
  return {
    pid: (client as unknown as { processID: number }).processID,
    rows,
    row: async <Row extends object>(sql: string, values?: unknown[]) => (await rows<Row>(sql, values))[0]!,
    lost,
    async close() {
      closed = true;
      signal.removeEventListener('abort', onAbort);
      await client.end().catch(() => undefined);
    },
  };
}
