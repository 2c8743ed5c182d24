import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, chmod, chown, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { makeCertificate } from './certificates.ts';
import { run, signal, stopChild } from './child.ts';
import { freePort } from './free-port.ts';
import { POSTGRES_ROOT } from './paths.ts';
import { startServing, type LocalServer } from './serving.ts';

export const POSTGRES_MAJORS = [14, 15, 16, 17, 18] as const;
export type PostgresMajor = (typeof POSTGRES_MAJORS)[number];

/** PostgreSQL refuses to run as root; this is the user that owns nothing. */
const NOBODY = 65_534;
/** How long backends of a killed server may take to notice. */
const HELD_MS = 30_000;

export interface PostgresOptions {
  major: PostgresMajor;
  /** Holds data, certificate and log; made if missing, and left in place. Default: a temporary directory, removed at stop. */
  dir?: string;
  /** Refuse connections without TLS (true). */
  tls?: boolean;
  /** Survive a power cut (true). Tests may do without. */
  durable?: boolean;
  /** Default: any free port. */
  port?: number;
  /** More lines of postgresql.conf. */
  settings?: Readonly<Record<string, string | number>>;
}

export interface Postgres extends LocalServer {
  readonly major: PostgresMajor;
  /** `localhost`: clients before 15 do not find an address in a certificate. The server listens on 127.0.0.1. */
  readonly host: string;
  /** A connection as superuser, or as another role; the caller ends it. */
  connect(database?: string, as?: { user: string; password: string }): Promise<pg.Client>;
  /** Runs one statement on a connection of its own. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    options?: { database?: string; values?: unknown[] },
  ): Promise<Row[]>;
  /** Starts it again after stop or kill, on the same port. */
  start(): Promise<void>;
  /** Ends sessions and stops cleanly; removes a temporary directory unless told to keep it. */
  stop(options?: { keep?: boolean }): Promise<void>;
  /** Ends the server at once, as a crash does. */
  kill(): Promise<void>;
}

/** Whether a user who owns nothing may go through every directory above the path. */
async function reachable(path: string): Promise<boolean> {
  for (let dir = resolve(path); ; dir = dirname(dir)) {
    if (((await stat(dir)).mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}

async function programs(major: PostgresMajor, asNobody: boolean, work: string): Promise<string> {
  const home = join(POSTGRES_ROOT, String(major));
  await stat(join(home, 'bin', 'postgres')).catch(() => {
    throw new Error(`PostgreSQL ${major} is not installed: node local/bootstrap.mjs --tools ${major}`);
  });
  if (!asNobody || (await reachable(join(home, 'bin')))) return home;
  const copy = join(work, 'programs');
  await cp(home, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/**
 * Starts a PostgreSQL of the given major version on 127.0.0.1, with TLS by an authority of its own and SCRAM passwords.
 *
 * @throws Error with the server's log if it does not accept connections within 60 s.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { major, tls = true, durable = true } = options;
  const temporary = options.dir === undefined;
  const asNobody = process.getuid?.() === 0;
  const ids = asNobody ? { uid: NOBODY, gid: NOBODY } : {};
  const base = options.dir ?? (await mkdtemp(join(tmpdir(), 'nightjar-postgres-')));
  await mkdir(base, { recursive: true });
  if (asNobody) await chmod(base, 0o711);
  // Where a parent is closed to the server's user, its data lies in a temporary directory of its own.
  const hidden = asNobody && !(await reachable(base));
  const work = hidden ? await mkdtemp(join(tmpdir(), 'nightjar-postgres-')) : base;
  if (hidden) await chmod(work, 0o711);

  const data = join(work, 'data');
  const log = join(base, 'postgres.log');
  const home = await programs(major, asNobody, work);
  const program = (name: string) => join(home, 'bin', name);
  const env = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC' };
  const user = 'postgres';
  const passwordFile = join(work, 'password');
  const fresh = !(await stat(join(data, 'PG_VERSION')).catch(() => undefined));
  const certificate = tls ? await makeCertificate(join(work, 'tls')) : undefined;

  if (fresh) {
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    await mkdir(data, { recursive: true });
    if (asNobody) await Promise.all([data, passwordFile].map((path) => chown(path, NOBODY, NOBODY)));
    await run(
      program('initdb'),
      [
        '-D',
        data,
        '-U',
        user,
        '-A',
        'scram-sha-256',
        '--pwfile',
        passwordFile,
        '-E',
        'UTF8',
        '--locale',
        'C.UTF-8',
        '--no-sync',
      ],
      { env, cwd: work, ...ids },
    );
  }
  if (certificate && asNobody)
    await Promise.all([certificate.keyFile, certificate.certFile].map((path) => chown(path, NOBODY, NOBODY)));
  const password = await readFile(passwordFile, 'utf8');
  const port = options.port ?? (await freePort());

  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    max_wal_size: '1GB',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(certificate ? { ssl: 'on', ssl_cert_file: certificate.certFile, ssl_key_file: certificate.keyFile } : {}),
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`);
  await appendFile(join(data, 'postgresql.conf'), lines.join(''));
  // `all` does not mean replication.
  const doors = ['all', 'replication'].map(
    (what) => `${tls ? 'hostssl' : 'host'} ${what} all 127.0.0.1/32 scram-sha-256\n`,
  );
  await writeFile(join(data, 'pg_hba.conf'), doors.join(''));

  let server: ChildProcess | undefined;

  async function connect(
    database = 'postgres',
    as: { user: string; password: string } = { user, password },
  ): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      database,
      ...as,
      ...(certificate ? { ssl: { ca: certificate.caPem, servername: 'localhost' } } : {}),
    });
    // A connection that the server drops later must not end the process; its query fails anyhow.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  const startOnce = async (): Promise<void> => {
    server = await startServing(
      { title: `PostgreSQL ${major}`, command: program('postgres'), args: ['-D', data], cwd: work, env, log, as: ids },
      async () => (await connect()).end(),
    );
  };
  /** What a killed one has left: backends that have not yet noticed hold its memory. */
  const isHeld = (thrown: unknown): boolean => /shared memory block .* still in use/.test(String(thrown));

  async function start(): Promise<void> {
    for (const deadline = Date.now() + HELD_MS; ;) {
      try {
        return await startOnce();
      } catch (thrown) {
        if (!isHeld(thrown) || Date.now() > deadline) throw thrown;
        await new Promise((done) => setTimeout(done, 500));
      }
    }
  }

  await start();
  return {
    major,
    host: 'localhost',
    port,
    user,
    password,
    caPem: certificate?.caPem ?? '',
    log,
    get pid() {
      return server?.pid ?? 0;
    },
    connect,
    async query<Row extends pg.QueryResultRow>(
      text: string,
      { database, values }: { database?: string; values?: unknown[] } = {},
    ) {
      const client = await connect(database);
      try {
        return (await client.query<Row>(text, values)).rows;
      } finally {
        await client.end();
      }
    },
    start,
    async stop({ keep = false } = {}) {
      if (server) await stopChild(server, 'SIGINT', 20);
      if (keep) return;
      if (temporary) await rm(base, { recursive: true, force: true, maxRetries: 5 });
      if (hidden) await rm(work, { recursive: true, force: true, maxRetries: 5 });
    },
    async kill() {
      if (server?.pid === undefined) return;
      const pid = server.pid;
      await stopChild(server, 'SIGKILL', 1);
      // Its backends notice by themselves, but the port must be free when this returns.
      signal(pid, 'SIGKILL', true);
    },
  };
}
