/** SQLite and DuckDB: a directory as a task mounts it. */
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sqlite } from '../../../local/sqlite.ts';
import { TASK_ENV } from '../../../core/environment.ts';
import type { Ground } from '../../../bench/ground.ts';
import { withFile } from '../../tasks/duckdb/harness.ts';
import { duckdbDigest, duckdbFill } from '../duckdb-rows.ts';
import { hashes, MIB, NOTE_BYTES, PAGE_BYTES, shares, type Load, type MakePlace, type Place } from '../place.ts';

const EFS = { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0', directory: 'data' } as const;

interface Kind {
  readonly engine: 'sqlite' | 'duckdb';
  readonly file: string;
  readonly copy: string;
  /** Fills a new file; resolves with what it is, for people. */
  readonly fill: (path: string, load: Load) => Promise<string>;
  readonly digest: (path: string, load: Load) => Promise<string>;
}

const makeFile =
  ({ engine, file, copy, fill, digest }: Kind): MakePlace =>
  async (ground: Ground, load: Load): Promise<Place> => {
    const mounts = join(ground.dir, `load-${engine}`);
    const folder = join(mounts, EFS.fileSystem, EFS.directory);
    await mkdir(folder, { recursive: true });
    const stop = (): Promise<void> => rm(mounts, { recursive: true, force: true });
    const path = (name: string): string => join(folder, name);
    const title = await fill(path(file), load);
    return {
      title,
      target: { name: `load-${engine}`, engine, database: file, storage: { efs: EFS } },
      taskEnv: { [TASK_ENV.mounts]: mounts },
      copy,
      bytes: async () => (await stat(path(file))).size,
      digest: (database) => digest(path(database), load),
      stop,
    };
  };

const series = (count: number): string =>
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
const text = (bytes: number): string => `hex(randomblob(${(hashes(bytes) * 32) / 2}))`;

export const makeSqlite = makeFile({
  engine: 'sqlite',
  file: 'load.db',
  copy: 'load-copy.db',
  async fill(path, load) {
    const { notes, pages, blobs } = shares(load);
    const statements =
      load.tables > 0
        ? Array.from({ length: load.tables }, (_, id) => `CREATE TABLE t${id} (v); INSERT INTO t${id} VALUES (${id});`)
        : [
            'CREATE TABLE notes (id INTEGER PRIMARY KEY, at TEXT, body TEXT);',
            'CREATE TABLE pages (id INTEGER PRIMARY KEY, body TEXT);',
            'CREATE TABLE blobs (id INTEGER PRIMARY KEY, body BLOB);',
            `${series(notes)} INSERT INTO notes SELECT i, datetime(1700000000 + i, 'unixepoch'), ${text(NOTE_BYTES)} FROM n;`,
            `${series(pages)} INSERT INTO pages SELECT i, ${text(PAGE_BYTES)} FROM n;`,
            `${series(blobs)} INSERT INTO blobs SELECT i, randomblob(${MIB}) FROM n;`,
            'CREATE INDEX by_time ON notes (at);',
          ];
    await sqlite(path, `BEGIN;\n${statements.join('\n')}\nCOMMIT;`);
    return `SQLite ${(await sqlite(':memory:', 'SELECT sqlite_version();')).trim()}`;
  },
  digest: (path, load) =>
    load.tables > 0
      ? sqlite(path, 'SELECT name FROM sqlite_master ORDER BY 1;')
      : sqlite(path, '.sha3sum --schema\n.sha3sum\n'),
});

export const makeDuckdb = makeFile({
  engine: 'duckdb',
  file: 'load.duckdb',
  copy: 'load-copy.duckdb',
  async fill(path, load) {
    return withFile(path, false, async (sql) => {
      await duckdbFill(sql, load);
      const [row] = await sql('SELECT version() AS version');
      return `DuckDB ${String(row!.version)}`;
    });
  },
  digest: (path, load) => withFile(path, true, (sql) => duckdbDigest(sql, load)),
});
