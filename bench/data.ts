/** Makes the benchmark's database, or finds the one of an earlier run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Postgres } from '../local/postgres.ts';
import { POSTGRES_ROOT } from '../local/paths.ts';
import { tablesOf, type TableRows } from './rows.ts';

/** Changes when the rows do: a database made by an older generator is made anew. */
const GENERATION = 2;
const PIECE = 256 * 1024;

export interface Database {
  readonly name: string;
  readonly bytes: number;
  readonly rows: number;
}

export async function makeDatabase(
  server: Postgres,
  env: Readonly<Record<string, string>>,
  { sizeMiB, seed, say }: { sizeMiB: number; seed: number; say: (text: string) => void },
): Promise<Database> {
  const name = 'bench';
  const mark = `generation ${GENERATION}, ${sizeMiB} MiB, seed ${seed}`;
  const tables = tablesOf(sizeMiB, seed);
  const [found] = await server.query<{ mark: string | null }>(
    `SELECT shobj_description(oid, 'pg_database') AS mark FROM pg_database WHERE datname = $1`,
    { values: [name] },
  );
  if (found?.mark !== mark) {
    await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await server.query(`CREATE DATABASE ${name}`);
    const psql = join(POSTGRES_ROOT, String(server.major), 'bin', 'psql');
    const sql = async (file: string): Promise<void> => {
      const text = await readFile(new URL(file, import.meta.url), 'utf8');
      // VACUUM refuses company, so each statement goes alone.
      const client = await server.connect(name);
      try {
        for (const statement of text.split(/;\s*$/m)) if (statement.trim()) await client.query(statement);
      } finally {
        await client.end();
      }
    };
    await sql('schema.sql');
    for (const table of tables) {
      say(`making ${table.count.toLocaleString('en')} rows of ${table.table}`);
      await copyIn(psql, { ...env, PGDATABASE: name }, table);
    }
    say('building indexes');
    await sql('schema-after.sql');
    await server.query(`COMMENT ON DATABASE ${name} IS '${mark}'`);
  }
  const [size] = await server.query<{ bytes: string }>('SELECT pg_database_size($1)::text AS bytes', {
    values: [name],
  });
  return { name, bytes: Number(size!.bytes), rows: tables.reduce((sum, { count }) => sum + count, 0) };
}

async function copyIn(psql: string, env: Readonly<Record<string, string>>, table: TableRows): Promise<void> {
  const args = ['--no-psqlrc', '--quiet', '-v', 'ON_ERROR_STOP=1', '-c', `COPY ${table.table} FROM STDIN`];
  const child = spawn(psql, args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (bytes: Buffer) => (words += bytes.toString()));
  // A child that ended early breaks its pipe; its own words say why.
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close') as Promise<[number | null]>;
  let piece = '';
  for (let id = 1; id <= table.count && child.exitCode === null; id += 1) {
    piece += `${table.row(id)}\n`;
    if (piece.length < PIECE) continue;
    if (!child.stdin.write(piece)) await Promise.race([once(child.stdin, 'drain'), ended]);
    piece = '';
  }
  child.stdin.end(piece);
  const [code] = await ended;
  if (code !== 0) throw new Error(`psql ended with ${code} while filling ${table.table}: ${words.trim()}`);
}
