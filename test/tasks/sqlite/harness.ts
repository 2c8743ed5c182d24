/** Real files for the engine's tests: in a directory that stands for the mount, or in a bucket. */
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { TASK_ENV } from '../../../core/environment.ts';
import { holdSqlite, sqlite as shell } from '../../../local/sqlite.ts';
import { sqlite } from '../../../tasks/engines/sqlite.ts';
import type { EngineHarness, EngineServer, Rows } from '../../contracts/engine-bench.ts';
import { awkwardSql, DAMAGE } from './awkward.ts';

export type Fields = Partial<TargetOf<'sqlite'>>;

export interface SqliteServer extends EngineServer<'sqlite'> {
  /** Where its files lie. */
  readonly directory: string;
  readonly path: (database: string) => string;
}

const FILE_SYSTEM = 'fs-0123456789abcdef0';
export const EFS = { efs: { fileSystem: FILE_SYSTEM, accessPoint: 'fsap-0123456789abcdef0', directory: 'data' } };

export const targetAt = (database: string, fields: Fields = {}): TargetOf<'sqlite'> =>
  parseDumpTarget({
    name: 'shop',
    engine: 'sqlite',
    database,
    storage: EFS,
    fingerprint: 'checksums',
    busyTimeoutSeconds: 5,
    ...fields,
  });

/** A directory with tools of these names that end with 0 and do nothing. */
export async function silent(root: string, names: readonly string[]): Promise<Record<string, string>> {
  const bin = await mkdtemp(join(root, 'silent-'));
  for (const name of names) {
    await writeFile(join(bin, name), '#!/bin/sh\nexit 0\n');
    await chmod(join(bin, name), 0o755);
  }
  return { PATH: `${bin}:${process.env.PATH ?? '/usr/bin:/bin'}` };
}

export async function startServer(fields: Fields = {}): Promise<SqliteServer> {
  const root = await mkdtemp(join(tmpdir(), 'nightjar-sqlite-'));
  const mounts = join(root, 'mounts');
  const directory = join(mounts, FILE_SYSTEM, 'data');
  await mkdir(directory, { recursive: true });
  const path = (database: string): string => join(directory, database);
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', [TASK_ENV.mounts]: mounts };
  return {
    directory,
    path,
    env,
    silentTools: { ...env, ...(await silent(root, ['sqlite3', 'zstd'])) },
    target: (database, more) => targetAt(database, { ...fields, ...more }),
    awkwardName: 'Shop "é" \'😀\' #1?.db',
    lone: 'big',
    parts: {
      apart: 'with space',
      empty: async (database, table) => void (await shell(path(database), `DELETE FROM "${table}";`)),
    },
    queries: {
      all: ['SELECT 1 = 1', 'SELECT 1 = 0', 'SELECT 1 = 1 FROM no_such_table', "SELECT 'yes'"],
      failing: 'no_such_table',
    },
    large: {
      async make(database, bytes) {
        const file = join(root, 'large');
        await writeFile(file, bytes);
        await shell(path(database), `CREATE TABLE large (b); INSERT INTO large VALUES (readfile('${file}'));`);
      },
      async read(database) {
        const file = join(root, 'larger');
        await shell(path(database), `SELECT writefile('${file}', b) FROM large;`);
        return readFile(file);
      },
    },
    swapEndsSessions: false,
    seed: async (database) => void (await shell(path(database), awkwardSql({ zero: fields.format !== 'sql' }))),
    rowsOf: (database) => rowsOf(path(database)),
    damage: async (database) => void (await shell(path(database), DAMAGE)),
    // All that lies there: nothing may be left behind.
    databases: () => readdir(directory),
    dropDatabase: (database) => rm(path(database)),
    async busySession(database) {
      const holder = await holdSqlite(path(database), 'BEGIN; SELECT count(*) FROM big;');
      return {
        async wasEnded() {
          const ended = holder.isOver();
          await holder.kill();
          return ended;
        },
      };
    },
    stop: () => rm(root, { recursive: true, force: true }),
  };
}

export const harnessFor = (format: 'file' | 'sql'): EngineHarness<'sqlite'> => ({
  title: `SQLite, kept as ${format},`,
  engine: sqlite,
  start: () => startServer({ format }),
});

const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Rows and structure; long values as their hash. What a virtual table keeps for itself is structure. */
export async function rowsOf(file: string): Promise<Rows> {
  const lines = async (sql: string): Promise<string[]> =>
    (await shell(file, sql, ['-readonly'])).split('\n').filter((line) => line !== '');
  const value = (column: string): string => {
    const c = ident(column);
    const whole = `CASE typeof(${c}) WHEN 'text' THEN 't' || hex(${c}) WHEN 'blob' THEN 'b' || hex(${c}) ELSE quote(${c}) END`;
    return `CASE WHEN length(CAST(${c} AS BLOB)) > 200 THEN typeof(${c}) || hex(sha3(CAST(${c} AS BLOB))) ELSE ${whole} END`;
  };
  const found: Record<string, string[]> = {};
  const tables = await lines(
    `SELECT json_object('name', l.name, 'type', l.type, 'wr', l.wr, 'columns', (SELECT json_group_array(name) FROM pragma_table_xinfo(l.name) WHERE hidden <> 1))
       FROM pragma_table_list l WHERE schema = 'main' AND type <> 'view' AND name <> 'sqlite_schema';`,
  );
  const read: string[] = [];
  const keys: string[] = [];
  for (const line of tables) {
    const one = JSON.parse(line) as { name: string; type: string; wr: number; columns: string[] };
    const inner = one.type === 'shadow' || one.name.startsWith('sqlite_');
    const key = inner ? `(${one.name})` : one.name;
    found[key] = [];
    const columns = [...(one.wr === 0 && one.type === 'table' ? ['rowid'] : []), ...one.columns];
    // In groups: an expression is at most 1,000 deep.
    for (let at = 0; at < columns.length; at += 100) {
      const row = columns
        .slice(at, at + 100)
        .map(value)
        .join(` || ',' || `);
      read.push(`SELECT ${keys.length} || '|' || ${row} FROM ${ident(one.name)};`);
    }
    keys.push(key);
  }
  for (const line of await lines(read.join('\n'))) {
    const bar = line.indexOf('|');
    found[keys[Number(line.slice(0, bar))]!]!.push(line.slice(bar + 1));
  }
  for (const rows of Object.values(found)) rows.sort();
  found['(schema)'] = await lines(
    `SELECT quote(type) || quote(name) || quote(tbl_name) || quote(replace(sql, char(10), ' ')) FROM sqlite_schema ORDER BY type, name;`,
  );
  found['(settings)'] = await lines(
    'PRAGMA page_size; PRAGMA encoding; PRAGMA auto_vacuum; PRAGMA user_version; PRAGMA application_id; PRAGMA journal_mode;',
  );
  return found;
}
