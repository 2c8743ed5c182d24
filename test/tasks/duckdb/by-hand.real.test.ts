/**
 * What the pages tell a person to type when Nightjar is gone, typed. `aws` is a double, and so is `duckdb`, DuckDB's shell.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksOf, typed } from '../../support/by-hand.ts';
import { AWKWARD } from './awkward.ts';
import { rowsOf, run, targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';
import { SHELL } from './shell.ts';

const AWS = `#!/bin/sh
[ "$1 $2 $4" = "s3 cp -" ] || exit 9
exec cat "$ARCHIVE"
`;

let here: Room;
let home: string;
beforeAll(async () => {
  here = await room();
  home = join(dirname(here.server.directory), 'home');
  await mkdir(home);
  await run(here.file('shop.duckdb'), AWKWARD);
});
afterAll(() => leave(here));

/** Types it into a shell in a directory of its own; answers with what it printed. */
async function type(commands: string, format: 'file' | 'parquet'): Promise<string> {
  const { backup } = await here.bench.dump('shop.duckdb', { target: targetAt('shop.duckdb', { format }) });
  await writeFile(join(home, 'archive'), backup.finished.get('archive')!);
  for (const old of ['shop.duckdb', 'export']) await rm(join(home, old), { recursive: true, force: true });
  const doubles = { duckdb: SHELL, aws: AWS };
  const env = { PATH: process.env.PATH, HOME: home, ARCHIVE: join(home, 'archive') };
  return (await typed(commands, { vault: home, cwd: home, doubles, env })).stdout;
}
const only = (all: readonly string[], words: string): string => {
  const found = all.filter((one) => one.includes(words));
  expect(found, words).toHaveLength(1);
  return found[0]!;
};

it('a file comes back from the bucket as DuckDB’s page says', async () => {
  const said = await type(only(await blocksOf('duckdb.md', 'Without Nightjar'), 'database.duckdb.zst'), 'file');
  expect(said).toContain('"table_name":"big"');
  expect(await rowsOf(join(home, 'shop.duckdb'))).toEqual(await rowsOf(here.file('shop.duckdb')));
});

it('Parquet comes back as it says', async () => {
  // Awkward tables that refer to themselves may need their rows in order: the page says so.
  const file = here.file('shop.duckdb');
  await rm(file);
  await run(file, [
    'CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR)',
    'CREATE TABLE "order" (id INTEGER, customer INTEGER REFERENCES customers (id), cents HUGEINT, "at" INTERVAL)',
    "INSERT INTO customers SELECT i, 'c' || i FROM range(1000) r(i)",
    'INSERT INTO "order" SELECT i, i, 170141183460469231731687303715884105727, to_days(-i::INT) FROM range(1000) r(i)',
    'CREATE VIEW names AS SELECT name FROM customers',
  ]);
  await type(only(await blocksOf('duckdb.md', 'Without Nightjar'), 'export.tar.zst'), 'parquet');
  expect(await rowsOf(join(home, 'shop.duckdb'))).toEqual(await rowsOf(file));
});
