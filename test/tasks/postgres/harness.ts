/** A real PostgreSQL for the engine's tests. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { ENGINES } from '../../../core/engines.ts';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { POSTGRES_ROOT } from '../../../local/paths.ts';
import { POSTGRES_MAJORS, startPostgres, type Postgres, type PostgresMajor } from '../../../local/postgres.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import type { Login } from '../../../tasks/engine.ts';
import type { EngineHarness, EngineServer, Rows } from '../../contracts/engine-bench.ts';
import { AWKWARD_ROLES_SQL, awkwardDatabaseSql, awkwardSql, odd } from './awkward.ts';
import { STRUCTURE_SQL } from './structure.ts';

export interface PostgresServer extends EngineServer<'postgres'> {
  readonly login: Login;
  readonly postgres: Postgres;
}

type Fields = Partial<TargetOf<'postgres'>>;

export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export async function withClient<T>(
  server: Postgres,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await server.connect(database);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function targetAt(server: Postgres, database: string, fields: Fields = {}): TargetOf<'postgres'> {
  return parseDumpTarget({
    name: 'shop',
    engine: 'postgres',
    host: server.host,
    port: server.port,
    database,
    secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
    tls: { verify: 'full', ca: server.caPem },
    fingerprint: 'checksums',
    ...fields,
  });
}

export async function startServer(
  major: PostgresMajor,
  settings: Readonly<Record<string, string | number>> = {},
  fields: Fields = {},
): Promise<PostgresServer> {
  const server = await startPostgres({
    major,
    durable: false,
    settings: { max_prepared_transactions: 5, ...settings },
  });
  await server.query(AWKWARD_ROLES_SQL);
  const silent = await silentTools(major);
  return {
    postgres: server,
    login: { username: server.user, password: server.password },
    env: { NIGHTJAR_POSTGRES_ROOT: POSTGRES_ROOT, PATH: process.env.PATH ?? '/usr/bin:/bin' },
    target: (database, more) => targetAt(server, database, { ...fields, ...more }),
    awkwardName: 'Shop "é" 😀',
    lone: 'public.big',
    parts: {
      apart: 'public.tree',
      empty: (database, table) =>
        withClient(server, database, async (client) => void (await client.query(`DELETE FROM ${table}`))),
    },
    isCounted: (table) => !table.schema.startsWith('pg_'),
    queries: {
      all: ['SELECT 1 = 1', 'SELECT 1 = 0', 'SELECT 1 = 1 FROM no_such_table', 'SELECT 1'],
      failing: 'no_such_table',
    },
    large: {
      async make(database, bytes) {
        await server.query(`CREATE DATABASE ${ident(database)}`);
        await withClient(server, database, async (client) => {
          await client.query('CREATE TABLE large (b bytea)');
          await client.query('INSERT INTO large VALUES ($1)', [bytes]);
        });
      },
      read: (database) =>
        withClient(server, database, async (client) => {
          const { rows } = await client.query<{ b: Buffer }>('SELECT b FROM large');
          return rows[0]!.b;
        }),
    },
    silentTools: silent,
    swapEndsSessions: true,
    async seed(database) {
      for (const statement of awkwardDatabaseSql(ident(database))) await server.query(statement);
      await withClient(server, database, (client) => client.query(awkwardSql(major)));
    },
    rowsOf: (database) => rowsOf(server, database),
    damage: (database) =>
      withClient(server, database, async (client) => {
        await client.query(`DELETE FROM "select"."table" WHERE "from" > 50; UPDATE tree SET up = NULL; INSERT INTO big VALUES (-1);
          DROP TABLE booked; SELECT nextval('lone'); DELETE FROM events WHERE kind = 'a'; SELECT lo_unlink(700003);
          DROP TABLE ${odd('schema')}.${odd('table')} CASCADE; DROP AGGREGATE product(int); DROP EVENT TRIGGER asleep; DROP PUBLICATION everything`);
      }),
    databases: async () =>
      (await server.query<{ datname: string }>('SELECT datname FROM pg_database')).map((row) => row.datname),
    dropDatabase: async (database) => void (await server.query(`DROP DATABASE ${ident(database)} WITH (FORCE)`)),
    async busySession(database) {
      const client = await server.connect(database);
      let ended = false;
      client.on('end', () => (ended = true));
      await client.query('BEGIN; LOCK TABLE tree IN ROW EXCLUSIVE MODE');
      return { wasEnded: async () => Promise.resolve(ended) };
    },
    async stop() {
      await server.stop();
      await rm(silent.NIGHTJAR_POSTGRES_ROOT, { recursive: true, force: true });
    },
  };
}

/** Clients of this major, and zstd, that end with 0 and do nothing. */
async function silentTools(major: PostgresMajor): Promise<{ NIGHTJAR_POSTGRES_ROOT: string; PATH: string }> {
  const root = await mkdtemp(join(tmpdir(), 'nightjar-silent-'));
  const bin = join(root, String(major), 'bin');
  await mkdir(bin, { recursive: true });
  for (const name of ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql', 'zstd'])
    await writeFile(join(bin, name), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  return { NIGHTJAR_POSTGRES_ROOT: root, PATH: `${bin}:/usr/bin:/bin` };
}

export const harnessFor = (major: PostgresMajor): EngineHarness<'postgres'> => ({
  title: `${ENGINES.postgres.label} ${major}`,
  engine: postgres,
  depth: major === POSTGRES_MAJORS[0] || major === POSTGRES_MAJORS.at(-1) ? 'all' : 'ways',
  start: () => startServer(major),
});

/** Rows and structure; long rows as their hash. */
export async function rowsOf(server: Postgres, database: string): Promise<Rows> {
  return withClient(server, database, async (client) => {
    await client.query(
      `SET search_path = ''; SET extra_float_digits = 3; SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; SET row_security = off`,
    );
    const tables = await client.query<{ name: string; empty: boolean }>(`
      SELECT c.oid::regclass::text AS name, NOT c.relispopulated AS empty FROM pg_catalog.pg_class c
       WHERE c.relkind IN ('r', 'm') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'`);
    const found: Record<string, string[]> = {};
    const read = async (key: string, sql: string): Promise<void> => {
      const { rows } = await client.query<{ line: string }>(
        `SELECT CASE WHEN length(line) > 300 THEN md5(line) ELSE line END AS line FROM (${sql}) AS q(line)`,
      );
      found[key] = rows.map((row) => String(row.line)).sort();
    };
    for (const { name, empty } of tables.rows) {
      if (empty) {
        found[name] = [];
        continue;
      }
      const columns = await client.query<{ name: string }>(
        `SELECT attname AS name FROM pg_catalog.pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname`,
        [name],
      );
      await read(
        name,
        `SELECT ROW(${columns.rows.map((one) => `x.${ident(one.name)}`).join(', ')})::text FROM ONLY ${name} x`,
      );
    }
    for (const [key, sql] of Object.entries(STRUCTURE_SQL)) await read(`(${key})`, sql);
    return found;
  });
}
