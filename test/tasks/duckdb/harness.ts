/** Real DuckDB files for the engine's tests, in a directory as a task mounts it. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { tableName } from '../../../core/scope.ts';
import { duckdb } from '../../../tasks/engines/duckdb.ts';
import { SESSION_ENV } from '../../../tasks/engines/duckdb/session.ts';
import type { EngineHarness, EngineServer, Rows } from '../../contracts/engine-bench.ts';
import { AWKWARD, DAMAGE, STRUCTURE } from './awkward.ts';

const FILE_SYSTEM = 'fs-0123456789abcdef0';

export type Fields = Partial<TargetOf<'duckdb'>>;
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export type Sql = (sql: string) => Promise<Record<string, unknown>[]>;

/** Opens the file in this process, as an application would. */
export async function withFile<T>(file: string, readOnly: boolean, work: (sql: Sql) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(file, {
    access_mode: readOnly ? 'READ_ONLY' : 'AUTOMATIC',
    memory_limit: '2GiB',
  });
  const connection = await instance.connect();
  try {
    return await work(async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson());
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

export const run = (file: string, statements: readonly string[]): Promise<void> =>
  withFile(file, false, async (sql) => {
    for (const statement of statements) await sql(statement);
  });

export interface DuckdbServer extends EngineServer<'duckdb'> {
  /** Where the files are. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

export async function startFiles(fields: Fields = {}): Promise<DuckdbServer> {
  const root = await mkdtemp(join(tmpdir(), 'nightjar-duckdb-'));
  const directory = join(root, FILE_SYSTEM, 'data');
  await mkdir(directory, { recursive: true });
  const at = (database: string): string => join(directory, database);
  const env = { NIGHTJAR_MOUNTS: root, PATH: process.env.PATH ?? '/usr/bin:/bin' };
  return {
    directory,
    env,
    silentTools: await silentTools(join(root, 'silent'), env),
    target: (database, more) => targetAt(database, { ...fields, ...more }),
    awkwardName: 'Shop "é" 😀.duckdb',
    lone: 'main.big',
    parts: { apart: 'main.gen', empty: (database, table) => run(at(database), [`DELETE FROM ${table}`]) },
    queries: {
      all: ['SELECT 1 = 1', 'SELECT 1 = 0', 'SELECT 1 = 1 FROM no_such_table', 'SELECT 1'],
      failing: 'no_such_table',
    },
    large: {
      async make(database, bytes) {
        const file = join(root, 'large');
        await writeFile(file, bytes);
        await run(at(database), [`CREATE TABLE large AS SELECT content AS b FROM read_blob('${file}')`]);
      },
      read: (database) =>
        withFile(at(database), true, async (sql) => {
          const [row] = await sql('SELECT hex(b) AS b FROM large');
          return Buffer.from(row!.b as string, 'hex');
        }),
    },
    swapEndsSessions: false,
    seed: (database) => run(at(database), AWKWARD),
    rowsOf: (database) => rowsOf(at(database)),
    damage: (database) => run(at(database), DAMAGE),
    databases: () => readdir(directory),
    dropDatabase: (database) => rm(at(database)),
    async busySession(database) {
      const instance = await DuckDBInstance.create(at(database), { access_mode: 'READ_ONLY' });
      const connection = await instance.connect();
      return {
        async wasEnded() {
          const read = await connection.runAndReadAll('SELECT count(*) FROM big').then(
            () => true,
            () => false,
          );
          connection.closeSync();
          instance.closeSync();
          return !read;
        },
      };
    },
    stop: () => rm(root, { recursive: true, force: true }),
  };
}

export const targetAt = (database: string, fields: Readonly<Record<string, unknown>> = {}): TargetOf<'duckdb'> =>
  parseDumpTarget({
    name: 'shop',
    engine: 'duckdb',
    database,
    storage: { efs: { fileSystem: FILE_SYSTEM, accessPoint: 'fsap-0123456789abcdef0', directory: 'data' } },
    ...fields,
  });

/** Everything that the engine starts, ending with 0 at once. */
async function silentTools(directory: string, env: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  await mkdir(directory);
  await writeFile(join(directory, 'zstd'), '#!/bin/sh\nexit 0\n');
  await chmod(join(directory, 'zstd'), 0o755);
  await writeFile(join(directory, 'session.mjs'), 'process.exit(0);\n');
  return { ...env, PATH: `${directory}:${env.PATH}`, [SESSION_ENV]: join(directory, 'session.mjs') };
}

export const harnessFor = (
  title: string,
  fields: Fields,
  depth: EngineHarness<'duckdb'>['depth'] = 'all',
): EngineHarness<'duckdb'> => ({ title, engine: duckdb, depth, start: () => startFiles(fields) });

const short = (line: string): string => (line.length > 300 ? createHash('md5').update(line).digest('hex') : line);

/** Rows and structure; long rows as their hash. */
export async function rowsOf(file: string): Promise<Rows> {
  return withFile(file, true, async (sql) => {
    const found: Record<string, string[]> = {};
    const tables = (await sql('SELECT schema_name AS "schema", table_name AS "table" FROM duckdb_tables()')) as {
      schema: string;
      table: string;
    }[];
    for (const one of tables) {
      const rows = await sql(`SELECT * FROM ${ident(one.schema)}.${ident(one.table)}`);
      found[tableName(one)] = rows.map((row) => short(JSON.stringify(row))).sort();
    }
    for (const [key, query] of Object.entries(STRUCTURE))
      found[`(${key})`] = (await sql(query)).map((row) => short(String(Object.values(row)[0]))).sort();
    return found;
  });
}
