/** The way to one server of MySQL's kind: sessions through `mysql2`, and the same login and TLS for the tools. */
import mysql from 'mysql2/promise';
import { NightjarError } from '../../../core/errors.ts';
import { authorityFile, authorityOf } from '../../authority.ts';
import type { EngineContext, Login } from '../../engine.ts';
import { startProcess, toolEnvironment, type ProcessOptions, type RunningProcess } from '../../processes.ts';
import { numberOf, sessionError } from './errors.ts';

/** The two engines of the family: one code, and each server says itself what it is. */
export type MysqlContext = EngineContext<'mysql'> | EngineContext<'mariadb'>;

const CONNECT_MS = 30_000;
/** NAT gateways forget idle connections after 350 s. */
const KEEPALIVE_MS = 60_000;
const LAST_SESSION_MS = 600_000;
const AUTH_NUMBERS = [1045, 1130, 1698];
/** The vault may keep us waiting for 15 minutes, and hours may lie between two statements; a server hangs up after one minute. */
const PATIENT = 'SET SESSION wait_timeout = 86400, net_read_timeout = 3600, net_write_timeout = 3600';

export interface Session {
  /** The server's number of this connection. */
  readonly id: number;
  /** @throws NightjarError. */
  rows<Row extends object = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The one row. */
  row<Row extends object = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<Row>;
  /** Rejects when the connection breaks, also while nothing is asked of it. */
  readonly lost: Promise<never>;
  /** Never throws. */
  close(): Promise<void>;
}

export interface Server {
  readonly context: MysqlContext;
  readonly isMariadb: boolean;
  readonly major: number;
  /** Such as `8.0.15` or `10.11.19-MariaDB`. */
  readonly version: string;
  /** False when `tls.verify` is `off`. */
  readonly tlsVerified: boolean;
  /** Whether the first session was encrypted at all. */
  readonly encrypted: boolean;
  /** `signal` ends the session besides the context's. */
  session(database?: string, signal?: AbortSignal): Promise<Session>;
  /** For putting things in order, also after an abort: ends by itself after ten minutes. */
  lastSession(): Promise<Session>;
  /** Starts a client tool with the login and TLS of the sessions. */
  start(
    tool: 'mariadb' | 'mariadb-dump',
    args: readonly string[],
    options: Pick<ProcessOptions, 'signal' | 'stdin' | 'stdout'>,
  ): RunningProcess;
  /** A tool's whole environment, with the password that the last session was let in with. */
  environment(): Record<string, string>;
}

/** Connects once to learn who the server is. @throws CONNECT_FAILED, AUTH_FAILED, TLS_FAILED, DATABASE_MISSING …. */
export async function reachServer(context: MysqlContext, database?: string): Promise<Server> {
  const { target, env, scratch } = context;
  const tls = await tlsOf(context);
  let login: Login | undefined;
  let encrypted = true;

  const open = async (inside: string | undefined, aborts: AbortSignal = context.signal): Promise<Session> => {
    aborts.throwIfAborted();
    login ??= await context.login();
    const attempt = async (): Promise<mysql.Connection> =>
      mysql.createConnection({
        host: target.host,
        port: target.port,
        user: login!.username,
        password: login!.password,
        ...(inside === undefined ? {} : { database: inside }),
        ...(encrypted ? { ssl: tls.options } : {}),
        charset: 'utf8mb4',
        timezone: 'Z',
        dateStrings: true,
        supportBigNumbers: true,
        enableKeepAlive: true,
        keepAliveInitialDelay: KEEPALIVE_MS,
        connectTimeout: CONNECT_MS,
      });
    let connection: mysql.Connection;
    try {
      connection = await attempt();
    } catch (thrown) {
      if (AUTH_NUMBERS.includes(numberOf(thrown) ?? 0)) login = await context.login();
      else if (!tls.verified && (thrown as { code?: string }).code === 'HANDSHAKE_NO_SSL_SUPPORT') encrypted = false;
      else throw sessionError(thrown, 'connect', { connecting: true });
      connection = await attempt().catch((again: unknown) => {
        throw sessionError(again, 'connect', { connecting: true });
      });
    }
    const session = sessionOf(connection, aborts);
    try {
      await prepare(session);
    } catch (thrown) {
      await session.close();
      throw thrown;
    }
    return session;
  };

  const first = await open(database);
  let version: string;
  try {
    ({ version } = await first.row<{ version: string }>('SELECT VERSION() AS version'));
  } finally {
    await first.close();
  }
  const isMariadb = /mariadb/i.test(version);
  // RDS and old replicas of MariaDB say `5.5.5-10.11.9-MariaDB-log`.
  const plain = version.replace(/^5\.5\.5-(?=\d+\.\d+\.\d+-MariaDB)/, '').replace(/-(?:log|debug).*$|-\d\+deb.*$/, '');
  const args = [
    // mariadb-dump has no option for a first statement, but its library takes a connection string for a host.
    // Source: MariaDB Connector/C 3.3, mariadb_connect.
    `--host=host=${target.host};init-command={${PATIENT}}`,
    `--port=${target.port}`,
    '--protocol=TCP',
    ...(tls.verified ? [`--ssl-ca=${tls.file}`, '--ssl-verify-server-cert'] : encrypted ? ['--ssl'] : ['--skip-ssl']),
    '--default-character-set=utf8mb4',
  ];
  const environment = (): Record<string, string> => ({
    ...toolEnvironment(env, scratch),
    MYSQL_PWD: login!.password,
  });
  return {
    context,
    isMariadb,
    major: Number.parseInt(plain, 10),
    version: plain,
    tlsVerified: tls.verified,
    encrypted,
    session: (inside, signal) => open(inside, signal ? AbortSignal.any([context.signal, signal]) : context.signal),
    lastSession: () => open(undefined, AbortSignal.timeout(LAST_SESSION_MS)),
    start: (tool, more, options) =>
      startProcess(tool, ['--no-defaults', ...args, `--user=${login!.username}`, ...more], {
        ...options,
        env: environment(),
      }),
    environment,
  };
}

/** No mode of the server's may change what text means. */
async function prepare(session: Session): Promise<void> {
  await session.rows(`${PATIENT}, sql_mode = '', time_zone = '+00:00'`);
  for (const setting of ['max_execution_time = 0', 'max_statement_time = 0', 'information_schema_stats_expiry = 0'])
    await session.rows(`SET SESSION ${setting}`).catch((thrown: unknown) => {
      // 1193: each server has its own name for it.
      if (numberOf(thrown) !== 1193) throw thrown;
    });
}

function sessionOf(connection: mysql.Connection, signal: AbortSignal): Session {
  let closed = false;
  let onLost: (reason: unknown) => void = () => undefined;
  const lost = new Promise<never>((_resolve, reject) => (onLost = reject));
  lost.catch(() => undefined);
  const events = connection as unknown as NodeJS.EventEmitter;
  events.on('error', (thrown) => onLost(sessionError(thrown, 'session', { fallback: 'CONNECTION_LOST' })));
  events.on('end', () => {
    if (!closed) onLost(new NightjarError('CONNECTION_LOST', { operation: 'session' }));
  });
  const onAbort = (): void => {
    onLost(signal.reason);
    connection.destroy();
  };
  signal.addEventListener('abort', onAbort, { once: true });

  const rows = async <Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]> => {
    signal.throwIfAborted();
    try {
      const asked = connection.query(sql, values === undefined ? undefined : [...values]);
      // A destroyed connection never answers.
      const [result] = await Promise.race([asked, lost]);
      return (Array.isArray(result) ? result : []) as Row[];
    } catch (thrown) {
      signal.throwIfAborted();
      throw sessionError(thrown, 'query');
    }
  };
  return {
    id: connection.threadId,
    rows,
    row: async <Row extends object>(sql: string, values?: readonly unknown[]) => (await rows<Row>(sql, values))[0]!,
    lost,
    async close() {
      closed = true;
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) connection.destroy();
      else await Promise.race([connection.end(), lost]).catch(() => undefined);
    },
  };
}

/** A session for one piece of work. */
export async function within<T>(server: Server, work: (session: Session) => Promise<T>, database?: string): Promise<T> {
  const session = await server.session(database);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

async function tlsOf({
  target,
  scratch,
  env,
}: MysqlContext): Promise<{ verified: boolean; options: mysql.SslOptions; file: string | undefined }> {
  const ca = await authorityOf(target, env);
  if (ca === undefined) return { verified: false, options: { rejectUnauthorized: false }, file: undefined };
  return {
    verified: true,
    options: { ca, rejectUnauthorized: true, verifyIdentity: true },
    file: await authorityFile(scratch, ca),
  };
}
