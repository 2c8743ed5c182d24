/** Large values are read a few rows at a time: in the least memory, all of them, and with the same checksum. */
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TablePrint } from '../../../core/backup.ts';
import { catalogOf } from '../../../tasks/engines/duckdb/archive.ts';
import { takePrints } from '../../../tasks/engines/duckdb/fingerprint.ts';
import { withSession, type DuckdbContext, type SessionOptions } from '../../../tasks/engines/duckdb/session.ts';
import { listTables } from '../../../tasks/engines/duckdb/tables.ts';
import { untar } from '../../../tasks/engines/duckdb/tar.ts';
import { unpacked } from '../../../tasks/pipes/packing.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { run, targetAt, withFile } from './harness.ts';
import { brokenSession, leave, room, type Room } from './room.ts';

const KIB = 1024;
const random = (bytes: string | number): string =>
  `unhex(left(repeat(md5(i || random()::VARCHAR), (${bytes}) // 16 + 1), 2 * (${bytes})))`;
const OPTIONS = { readOnly: true, fallback: 'DUMP_FAILED', operation: 'read every table' } as const;

let here: Room;
let context: DuckdbContext;
beforeAll(async () => {
  here = await room();
  context = { ...here.bench.context('any.duckdb'), room: here.bench.scratch };
});
afterAll(() => leave(here));

/** Every value of every table, and by how many statements. */
async function read(file: string, memory: NonNullable<SessionOptions['memory']>): Promise<[TablePrint[], number]> {
  return withSession(context, { ...OPTIONS, file: here.file(file), memory }, async (session) => {
    const catalog = await catalogOf(session);
    const tables = await listTables(session, catalog);
    let statements = 0;
    const counting: typeof session = {
      ...session,
      rows(sql) {
        statements += 1;
        return session.rows(sql);
      },
    };
    return [(await takePrints(counting, tables, true, context.report, catalog)).prints, statements];
  });
}
/** What one statement says, with all the memory that it likes. */
const whole = (file: string, table: string, columns: string): Promise<Record<string, unknown>[]> =>
  withFile(here.file(file), true, (sql) =>
    sql(`SELECT count(*)::INT AS rows, coalesce(sum(hash(row(${columns}))), 0)::VARCHAR AS checksum FROM ${table}`),
  );

it('a table of large blobs is read in the least memory, where all at once does not fit', async () => {
  await run(here.file('blobs.duckdb'), [
    'CREATE TABLE blobs (id INTEGER, body BLOB)',
    `INSERT INTO blobs SELECT i, ${random(1024 * KIB)} FROM range(64) r(i)`,
    'CREATE TABLE pages AS SELECT i AS id, hex(' + random(50 * KIB) + ') AS body FROM range(300) r(i)',
  ]);
  const atOnce = withSession(context, { ...OPTIONS, file: here.file('blobs.duckdb'), memory: 'little' }, (session) =>
    session.rows('SELECT sum(hash(row(body, id))) FROM blobs'),
  );
  expect((await failure(atOnce)).detail).toContain('used)');
  const [prints] = await read('blobs.duckdb', 'little');
  expect(prints).toEqual([
    { schema: 'main', table: 'blobs', ...(await whole('blobs.duckdb', 'blobs', 'body, id'))[0] },
    { schema: 'main', table: 'pages', ...(await whole('blobs.duckdb', 'pages', 'body, id'))[0] },
  ]);
});

it('misses no row: deleted ones, a value among many short ones, NULLs, lists, no rows, a column called rowid', async () => {
  await run(here.file('odd.duckdb'), [
    `CREATE TABLE gaps AS SELECT i AS id, CASE WHEN i % 1000 = 7 THEN ${random(64 * KIB)} END AS body FROM range(20000) r(i)`,
    'CHECKPOINT',
    'DELETE FROM gaps WHERE id BETWEEN 5000 AND 9000 OR id % 3 = 0 OR id > 19500',
    `CREATE TABLE lists AS SELECT i AS id, [${random(128 * KIB)}, 'x'::BLOB] AS body FROM range(40) r(i)`,
    `CREATE TABLE hidden AS SELECT i AS id, -i AS "RowId", ${random(8 * KIB)} AS body FROM range(100) r(i)`,
    'CREATE TABLE bare (id INTEGER, body BLOB)',
    'CREATE TABLE gone AS SELECT i AS id, hex(' + random(8 * KIB) + ') AS body FROM range(100) r(i)',
    'DELETE FROM gone',
  ]);
  const [prints] = await read('odd.duckdb', 'little');
  const names = ['bare', 'gaps', 'gone', 'hidden', 'lists'];
  const columns = (table: string): string => (table === 'hidden' ? '"RowId", body, id' : 'body, id');
  const expected = await Promise.all(
    names.map(async (table) => ({
      schema: 'main',
      table,
      ...(await whole('odd.duckdb', table, columns(table)))[0],
    })),
  );
  expect(prints).toEqual(expected);
});

it('short rows are still read by one statement, however many, and large ones by as few as may be', async () => {
  await run(here.file('short.duckdb'), [
    "CREATE TABLE short AS SELECT i AS id, 'n' || i AS name FROM range(500000) r(i)",
    // 1,000 bytes but for one: after the first stretches nothing keeps it from long ones.
    `CREATE TABLE mixed AS SELECT i AS id, ${random('CASE WHEN i = 900 THEN 300000 ELSE 1000 END')} AS body FROM range(40000) r(i)`,
  ]);
  const [prints, statements] = await read('short.duckdb', 'little');
  expect(prints.map((one) => one.rows)).toEqual([40_000, 500_000]);
  expect(statements).toBeLessThan(40);
});

it('a value that is larger than the least memory is read with more', async () => {
  await run(here.file('huge.duckdb'), [
    `CREATE TABLE huge AS SELECT i AS id, ${random(40 * KIB * KIB)} AS body FROM range(2) r(i)`,
  ]);
  expect((await failure(read('huge.duckdb', 'little'))).detail).toContain('used)');
  const [prints] = await read('huge.duckdb', 'some');
  expect(prints[0]).toMatchObject({ table: 'huge', rows: 2 });
});

it('large values go out as Parquet and in a part, and come back, in the least memory; DuckDB alone reads the export', async () => {
  await run(here.file('shop.duckdb'), [
    'CREATE TABLE pictures (id INTEGER PRIMARY KEY, body BLOB)',
    `INSERT INTO pictures SELECT i, ${random(1024 * KIB)} FROM range(40) r(i)`,
    `CREATE TABLE notes AS SELECT i AS id, hex(${random(20 * KIB)}) AS body, to_days(-i::INT) AS age FROM range(400) r(i)`,
    'CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES tree (id), body BLOB)',
    `INSERT INTO tree SELECT i, NULL, ${random(8 * KIB)} FROM range(600) r(i)`,
  ]);
  const env = await brokenSession(here, "settings.memory_limit === '32MiB' ? sql : process.exit(9)");
  const before = (await read('shop.duckdb', 'little'))[0];
  const target = targetAt('shop.duckdb', { format: 'parquet', fingerprint: 'checksums' });
  const { manifest, backup } = await here.bench.dump('shop.duckdb', { env, target });
  await here.bench.restore(here.bench.restoreJob('again.duckdb', 'new'), memorySource(manifest, backup), { env });
  expect((await read('again.duckdb', 'little'))[0]).toEqual(before);
  for (const scope of [{ tables: ['pictures', 'tree'] }, { exclude: ['notes'], dataOnly: true }])
    await here.bench.dump('shop.duckdb', { env, target: targetAt('shop.duckdb', { scope }) });

  const { stream } = unpacked(Readable.from([backup.finished.get('archive')!]), manifest.compression, {
    env: { PATH: process.env.PATH! },
    signal: new AbortController().signal,
    moved: () => undefined,
  });
  await untar(stream, here.bench.scratch, 'export', { ...OPTIONS, signal: new AbortController().signal });
  const [directory, byHand] = [`${here.bench.scratch}/export`, here.file('by-hand.duckdb')];
  expect((await readdir(directory)).filter((one) => one.startsWith('pictures-')).length).toBeGreaterThan(2);
  await copyFile(`${directory}/schema.duckdb`, byHand);
  const load = (await readFile(`${directory}/load.sql`, 'utf8')).replaceAll("FROM 'export/", `FROM '${directory}/`);
  await run(byHand, [load]);
  expect((await read('by-hand.duckdb', 'little'))[0]).toEqual(before);
});

it('of wide rows fewer are packed at once; narrow ones beside them are stored in groups as large as ever', async () => {
  await run(here.file('mixed.duckdb'), [
    'CREATE TABLE first AS SELECT i FROM range(130_000) r(i)',
    `CREATE TABLE wide AS SELECT i, hex(${random(600)}) AS body FROM range(40_000) r(i)`,
    'CREATE TABLE last AS SELECT i FROM range(130_000) r(i)',
  ]);
  const target = targetAt('mixed.duckdb', { format: 'parquet', fingerprint: 'checksums' });
  const { manifest, backup } = await here.bench.dump('mixed.duckdb', { target });
  const job = here.bench.restoreJob('mixed-again.duckdb', 'new');
  expect((await here.bench.restore(job, memorySource(manifest, backup))).comparison.equal).toBe(true);
  const largest = (table: string): Promise<unknown> =>
    withFile(here.file('mixed-again.duckdb'), true, async (sql) => {
      const [found] = await sql(
        `SELECT max(rows)::INT AS rows FROM (SELECT sum(count) AS rows FROM pragma_storage_info('${table}')
          WHERE column_name = 'i' AND segment_type <> 'VALIDITY' GROUP BY row_group_id)`,
      );
      return found!.rows;
    });
  expect(await largest('wide')).toBeLessThan(8_000);
  for (const table of ['first', 'last']) expect(await largest(table)).toBe(122_880);
});
