/** A real MySQL or MariaDB server on 127.0.0.1. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { makeCertificate } from './certificates.ts';
import { run, stopChild } from './child.ts';
import { freePort } from './free-port.ts';
import { TOOLS } from './paths.ts';
import { startServing, type LocalServer } from './serving.ts';

/** Oracle's 8.0.15, and Debian's MariaDB 10.11. */
export type MysqlFlavour = 'mysql' | 'mariadb';

/** Holds `mariadb` and `mariadb-dump`, the clients of both. */
export const MYSQL_CLIENTS = join(TOOLS, 'mariadb', 'bin');

export interface MysqlOptions {
  flavour: MysqlFlavour;
  /** Holds data, certificate and log; made if missing, and left in place. Default: a temporary directory, removed at stop. */
  dir?: string;
  /** Survive a power cut (true). Tests may do without. */
  durable?: boolean;
  /** Default: any free port. */
  port?: number;
  /** More options of the server, such as `event_scheduler`. */
  settings?: Readonly<Record<string, string | number>>;
}

export interface MysqlServer extends LocalServer {
  readonly flavour: MysqlFlavour;
  /** The caller ends it. */
  connect(database?: string, as?: { user: string; password: string }): Promise<mysql.Connection>;
  /** Runs statements on a connection of its own; the rows are of the last that has some. */
  query<Row = Record<string, unknown>>(sql: string, database?: string): Promise<Row[]>;
  /** Starts it again after stop or kill, on the same port. */
  start(): Promise<void>;
  /** Stops cleanly; removes a temporary directory unless told to keep it. */
  stop(options?: { keep?: boolean }): Promise<void>;
  /** Ends the server at once, as a crash does. */
  kill(): Promise<void>;
}

const MARIADB_HOME = join(TOOLS, 'mariadb');
const MYSQL_HOME = join(TOOLS, 'mysql');

async function makeData(flavour: MysqlFlavour, data: string, common: readonly string[]): Promise<void> {
  if (flavour === 'mysql')
    await run(join(MYSQL_HOME, 'bin', 'mysqld'), [...common, '--initialize-insecure'], { env: await environment() });
  else
    await run(
      join(MYSQL_CLIENTS, 'mariadb-install-db'),
      [...common, '--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'],
      { env: await environment(), cwd: data },
    );
}

/** MySQL's server is linked to libraries that come with MariaDB's packages. */
async function environment(): Promise<Record<string, string>> {
  const libraries = (await readdir(join(MARIADB_HOME, 'usr', 'lib'))).find((name) => name.endsWith('-linux-gnu'));
  return {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    LD_LIBRARY_PATH: join(MARIADB_HOME, 'usr', 'lib', libraries ?? ''),
  };
}

const MEMORY = '/dev/shm';
const MEMORY_BYTES = 4 * 1024 ** 3;

/** In memory, where there is room: a server makes a file for each table and waits for the disk with each. */
async function placeFor(durable: boolean): Promise<string> {
  if (durable) return tmpdir();
  const room = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return room >= MEMORY_BYTES ? MEMORY : tmpdir();
}

const flags = (settings: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(settings).map(([name, value]) => `--${name.replaceAll('_', '-')}=${value}`);

/**
 * Starts a server with TLS by an authority of its own, which it insists on.
 *
 * @throws Error with the server's log if it does not accept connections within 60 s.
 */
export async function startMysql(options: MysqlOptions): Promise<MysqlServer> {
  const { flavour, durable = true } = options;
  const temporary = options.dir === undefined;
  const base = options.dir ?? (await mkdtemp(join(await placeFor(durable), `nightjar-${flavour}-`)));
  await mkdir(base, { recursive: true });
  const [data, log] = [join(base, 'data'), join(base, 'server.log')];
  const program = flavour === 'mysql' ? join(MYSQL_HOME, 'bin', 'mysqld') : join(MYSQL_CLIENTS, 'mariadbd');
  await stat(program).catch(() => {
    throw new Error(`${flavour} is not installed: node local/bootstrap.mjs --tools all`);
  });
  const certificate = await makeCertificate(join(base, 'tls'), 'rsa');
  const common = [
    '--no-defaults',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    `--basedir=${flavour === 'mysql' ? MYSQL_HOME : join(MARIADB_HOME, 'usr')}`,
    `--datadir=${data}`,
    ...(durable
      ? []
      : [
          '--innodb-flush-log-at-trx-commit=0',
          '--innodb-doublewrite=0',
          '--sync-binlog=0',
          '--innodb-flush-method=nosync',
        ]),
  ];
  const user = 'root';
  const passwordFile = join(base, 'password');
  if (!(await stat(join(data, 'mysql')).catch(() => undefined))) {
    await mkdir(data, { recursive: true, mode: 0o700 });
    await makeData(flavour, data, common);
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  }
  const password = await readFile(passwordFile, 'utf8');
  const port = options.port ?? (await freePort());
  const first = join(base, 'first.sql');
  await writeFile(
    first,
    `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';\nGRANT ALL ON *.* TO '${user}'@'%' WITH GRANT OPTION;\n` +
      `DROP USER IF EXISTS '${user}'@'localhost', '${user}'@'127.0.0.1', '${user}'@'::1';\n`,
    { mode: 0o600 },
  );
  // A socket's path has 107 characters at most.
  const socketDir = await mkdtemp(join(tmpdir(), 'nj-'));
  // Its own: a server that starts removes every temporary table that lies there, a neighbour's too.
  const temporaryTables = join(base, 'tmp');
  await mkdir(temporaryTables, { recursive: true });
  const args = [
    ...common,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    `--socket=${join(socketDir, 's')}`,
    `--tmpdir=${temporaryTables}`,
    `--pid-file=${join(base, 'server.pid')}`,
    `--init-file=${first}`,
    '--skip-name-resolve',
    '--require-secure-transport=ON',
    `--ssl-ca=${certificate.caFile}`,
    `--ssl-cert=${certificate.certFile}`,
    `--ssl-key=${certificate.keyFile}`,
    ...flags({
      character_set_server: 'utf8mb4',
      max_allowed_packet: '1G',
      ...(flavour === 'mysql'
        ? { mysqlx: 'OFF' }
        : {
            ...(durable ? {} : { sync_frm: 'OFF' }),
            'lc-messages-dir': join(MARIADB_HOME, 'usr', 'share', 'mysql'),
            'plugin-dir': '/nonexistent',
          }),
      ...options.settings,
    }),
  ];
  let server: ChildProcess | undefined;

  const connect = (database?: string, as = { user, password }): Promise<mysql.Connection> =>
    mysql.createConnection({
      host: '127.0.0.1',
      port,
      ...as,
      ...(database === undefined ? {} : { database }),
      multipleStatements: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      charset: 'utf8mb4',
      ssl: { ca: certificate.caPem, servername: 'localhost' } as mysql.SslOptions,
    });

  async function start(): Promise<void> {
    server = await startServing(
      { title: flavour, command: program, args, cwd: base, env: await environment(), log },
      async () => (await connect()).end(),
    );
  }

  await start();
  return {
    flavour,
    host: 'localhost',
    port,
    user,
    password,
    caPem: certificate.caPem,
    log,
    get pid() {
      return server?.pid ?? 0;
    },
    connect,
    async query<Row>(sql: string, database?: string) {
      const connection = await connect(database);
      try {
        const [result] = await connection.query(sql);
        const sets = Array.isArray(result) && Array.isArray(result[0]) ? result : [result];
        return (sets.filter(Array.isArray).at(-1) ?? []) as Row[];
      } finally {
        await connection.end();
      }
    },
    start,
    async stop({ keep = false } = {}) {
      if (server) await stopChild(server, 'SIGTERM', 30);
      await rm(socketDir, { recursive: true, force: true });
      if (!keep && temporary) await rm(base, { recursive: true, force: true, maxRetries: 5 });
    },
    async kill() {
      if (server) await stopChild(server, 'SIGKILL', 1);
    },
  };
}
