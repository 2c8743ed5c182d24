/** SQLite, against its shell's own `.backup` into gzip. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpTargetSchema } from '../../core/config.ts';
import { TASK_ENV } from '../../core/environment.ts';
import { sqlite } from '../../local/sqlite.ts';
import { batchesOf, createIndexes, createTables, type Value } from '../columns.ts';
import type { Ground } from '../ground.ts';
import type { Site, SiteOptions } from '../sites.ts';

const TYPES = {
  int: 'INTEGER',
  decimal: 'NUMERIC',
  double: 'REAL',
  text: 'TEXT',
  json: 'TEXT',
  time: 'TEXT',
  bytes: 'BLOB',
};
/** Where a task mounts it. */
const EFS = { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0', directory: 'data' } as const;

const literal = (value: Value): string => {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : `x'${value.toString('hex')}'`;
};

async function fill(file: string, { sizeMiB, seed }: SiteOptions): Promise<void> {
  const child = spawn('sqlite3', ['-batch', '-bail', file], { stdio: ['pipe', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (bytes: Buffer) => (words += bytes.toString()));
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close') as Promise<[number | null]>;
  const write = async (text: string): Promise<void> => {
    if (!child.stdin.write(text)) await Promise.race([once(child.stdin, 'drain'), ended]);
  };
  await write(`BEGIN;\n${createTables(TYPES).join(';\n')};\n`);
  for (const { table, rows } of batchesOf(sizeMiB, seed))
    await write(`INSERT INTO ${table} VALUES ${rows.map((row) => `(${row.map(literal).join(', ')})`).join(',\n')};\n`);
  child.stdin.end(`${createIndexes().join(';\n')};\nCOMMIT;\n`);
  const [code] = await ended;
  if (code !== 0) throw new Error(`sqlite3 ended with ${code}: ${words.trim()}`);
}

export async function makeSqlite(ground: Ground, options: SiteOptions): Promise<Site> {
  const mounts = join(ground.dir, 'sqlite');
  const folder = join(mounts, EFS.fileSystem, EFS.directory);
  const file = join(folder, 'bench.db');
  await mkdir(folder, { recursive: true });
  await fill(file, options);
  const [version] = (await sqlite(':memory:', 'SELECT sqlite_version();')).split('\n');
  const copy = join(ground.dir, 'rival.db');
  return {
    data: `SQLite ${version}, ${((await stat(file)).size / 2 ** 20).toFixed(0)} MiB`,
    target: dumpTargetSchema.parse({
      name: 'bench-sqlite',
      engine: 'sqlite',
      database: 'bench.db',
      storage: { efs: EFS },
    }),
    taskEnv: { [TASK_ENV.mounts]: mounts },
    pipe: {
      label: 'sqlite3 .backup; gzip | aws s3 cp -',
      script: (url) =>
        `sqlite3 ${file} ".backup ${copy}"; gzip < ${copy} | aws s3 cp --quiet - ${url}/bench.db.gz; rm ${copy}`,
    },
    stop: () => rm(mounts, { recursive: true, force: true }),
  };
}
