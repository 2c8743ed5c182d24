/** DuckDB, against what `EXPORT DATABASE` writes as CSV with gzip, copied into the bucket. */
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { dumpTargetSchema } from '../../core/config.ts';
import { TASK_ENV } from '../../core/environment.ts';
import { REPO } from '../../local/paths.ts';
import { COLUMNS, createTables } from '../columns.ts';
import { tablesOf } from '../rows.ts';
import type { Ground } from '../ground.ts';
import type { Site, SiteOptions } from '../sites.ts';

const TYPES = {
  int: 'BIGINT',
  decimal: 'DECIMAL(12, 2)',
  double: 'DOUBLE',
  text: 'VARCHAR',
  json: 'VARCHAR',
  time: 'TIMESTAMP',
  bytes: 'BLOB',
} as const;
const EFS = { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0', directory: 'data' } as const;

/** DuckDB reads its own tab-separated files quickest. */
async function fill(file: string, dir: string, { sizeMiB, seed }: SiteOptions): Promise<string> {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  try {
    for (const sql of createTables(TYPES)) await connection.run(sql);
    for (const { table, count, row } of tablesOf(sizeMiB, seed)) {
      const rows = join(dir, `${table}.tsv`);
      const lines = function* () {
        for (let id = 1; id <= count; id += 1) yield `${row(id)}\n`;
      };
      await pipeline(Readable.from(lines()), createWriteStream(rows));
      const columns = Object.entries(COLUMNS[table]).map(([name, kind]) =>
        kind === 'bytes' ? `unhex(substr(${name}, 4))` : name,
      );
      const types = Object.entries(COLUMNS[table]).map(
        ([name, kind]) => `'${name}': '${kind === 'bytes' || kind === 'time' ? 'VARCHAR' : TYPES[kind]}'`,
      );
      await connection.run(
        `INSERT INTO ${table} SELECT ${columns.join(', ')} FROM read_csv('${rows}', delim = '\t', quote = '', escape = '', header = false, nullstr = '\\N', columns = {${types.join(', ')}})`,
      );
      await rm(rows);
    }
    await connection.run('CHECKPOINT');
    const told = await connection.runAndReadAll('SELECT version() AS version');
    return (told.getRowObjectsJson() as { version: string }[])[0]!.version;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

export async function makeDuckdb(ground: Ground, options: SiteOptions): Promise<Site> {
  const mounts = join(ground.dir, 'duckdb');
  const folder = join(mounts, EFS.fileSystem, EFS.directory);
  const file = join(folder, 'bench.duckdb');
  await mkdir(folder, { recursive: true });
  const version = await fill(file, ground.dir, options);
  const out = join(ground.dir, 'duckdb-export');
  // DuckDB's shell is in no registry at hand; its library does the same work in the same process.
  const exporter = join(REPO, 'bench', 'duckdb-export.mjs');
  return {
    data: `DuckDB ${version}, ${((await stat(file)).size / 2 ** 20).toFixed(0)} MiB`,
    target: dumpTargetSchema.parse({
      name: 'bench-duckdb',
      engine: 'duckdb',
      database: 'bench.duckdb',
      storage: { efs: EFS },
    }),
    taskEnv: { [TASK_ENV.mounts]: mounts },
    pipe: {
      label: 'EXPORT DATABASE (FORMAT csv, COMPRESSION gzip); aws s3 cp --recursive',
      script: (url) => `node ${exporter} ${file} ${out}; aws s3 cp --quiet --recursive ${out} ${url}/; rm -r ${out}`,
    },
    stop: () => rm(mounts, { recursive: true, force: true }),
  };
}
