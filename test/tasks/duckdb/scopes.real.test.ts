/** What of a database is backed up and brought back, and what is refused with its reason. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TargetOf } from '../../../core/config.ts';
import type { Scope } from '../../../core/scope.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { codeOf, failure } from '../../contracts/engine-bench.ts';
import { rowsOf, run, targetAt, withFile } from './harness.ts';
import { leave, room, type Room } from './room.ts';

const SHOP = [
  'CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR)',
  'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), cents HUGEINT)',
  'CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree (id))',
  'CREATE TABLE log (moment TIMESTAMPTZ DEFAULT now(), what VARCHAR, doubled INTEGER GENERATED ALWAYS AS (len(what) * 2))',
  'CREATE INDEX log_what ON log (what)',
  'CREATE VIEW names AS SELECT name FROM customers',
  "INSERT INTO customers SELECT i, 'c' || i FROM range(100) r(i)",
  'INSERT INTO orders SELECT i, i % 100, i * 100 FROM range(500) r(i)',
  'INSERT INTO tree VALUES (1, NULL)',
  'INSERT INTO tree VALUES (2, 1)',
  'INSERT INTO tree VALUES (3, 2)',
  "INSERT INTO log SELECT '2026-01-01 00:00:00+00', 'w' || i FROM range(50) r(i)",
];

let here: Room;
let counter = 0;
beforeAll(async () => {
  here = await room();
});
afterAll(() => leave(here));

async function shop(
  fields: Partial<TargetOf<'duckdb'>> = {},
): Promise<{ name: string; source: ReturnType<typeof memorySource> }> {
  const name = `shop${(counter += 1)}.duckdb`;
  await run(here.file(name), SHOP);
  const { manifest, backup } = await here.bench.dump(name, { target: targetAt(name, fields) });
  return { name, source: memorySource(manifest, backup) };
}
const overwrite = (name: string, source: ReturnType<typeof memorySource>, scope?: Scope): Promise<unknown> =>
  here.bench.restore(here.bench.restoreJob(name, 'overwrite', scope ? { scope } : {}), source);
const ask = (name: string, sql: string): Promise<Record<string, unknown>[]> =>
  withFile(here.file(name), true, (query) => query(sql));

/** Both are made of the same part of the database; the second one in slow runs only. */
const FORMATS = process.env.NIGHTJAR_SLOW === '1' ? (['file', 'parquet'] as const) : (['file'] as const);

describe.each(FORMATS)('a backup as %s', (format) => {
  it('of rows alone goes into tables that are there, and nowhere else', async () => {
    const { name, source } = await shop({ format, scope: { dataOnly: true }, fingerprint: 'checksums' });
    const before = await rowsOf(here.file(name));
    await run(here.file(name), [
      'DELETE FROM orders',
      "UPDATE log SET what = 'x'",
      'CREATE TABLE stranger AS SELECT 1 AS a',
    ]);
    for (const mode of ['new', 'swap'] as const)
      expect(await codeOf(here.bench.restore(here.bench.restoreJob(mode === 'new' ? 'x' : name, mode), source))).toBe(
        'SCOPE_REFUSED',
      );
    await overwrite(name, source);
    const after = await rowsOf(here.file(name));
    for (const table of ['main.orders', 'main.log', 'main.tree', 'main.customers', '(indexes)', '(views)'])
      expect(after[table], table).toEqual(before[table]);
    expect(after['main.stranger']).toHaveLength(1);
  });

  it('of some tables brings their keys along, and is refused where a key would hang', async () => {
    const { source } = await shop({ format, scope: { tables: ['customers', 'main.orders', 'tree'] } });
    await here.bench.restore(here.bench.restoreJob(`some-${format}.duckdb`, 'new'), source);
    expect(await ask(`some-${format}.duckdb`, 'SELECT table_name AS t FROM duckdb_tables() ORDER BY ALL')).toEqual([
      { t: 'customers' },
      { t: 'orders' },
      { t: 'tree' },
    ]);
    const keys = "SELECT count(*) AS n FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY'";
    expect(await ask(`some-${format}.duckdb`, keys)).toEqual([{ n: '2' }]);
    const { code, detail } = await failure(shop({ format, scope: { tables: ['orders'] } }));
    expect([code, detail]).toEqual(['SCOPE_REFUSED', expect.stringContaining('main.orders refers to main.customers')]);
    expect((await failure(shop({ format, scope: { exclude: ['customers'] } }))).code).toBe('SCOPE_REFUSED');
    expect((await failure(shop({ format, scope: { tables: ['nothing'] } }))).code).toBe('INPUT_INVALID');
  });
});

describe('a restore of some tables into the living database', () => {
  it('brings their rows back, makes one that is gone, and keeps what else has come since', async () => {
    const { name, source } = await shop();
    const before = await rowsOf(here.file(name));
    await run(here.file(name), [
      'DELETE FROM orders WHERE id > 10',
      'DROP TABLE log',
      "INSERT INTO customers VALUES (1000, 'new')",
    ]);
    await overwrite(name, source, { tables: ['orders', 'log'] });
    const after = await rowsOf(here.file(name));
    for (const table of ['main.orders', 'main.log', '(indexes)', '(tables)'])
      expect(after[table]).toEqual(before[table]);
    expect(after['main.customers']).toHaveLength(101);
    expect(await here.server.databases()).not.toContain(`${name}.wal`);
  });

  it('is refused, with all as it was, when the tables do not fit any more', async () => {
    const { name, source } = await shop();
    await run(here.file(name), ['ALTER TABLE tree ADD COLUMN more INTEGER', 'DROP TABLE orders']);
    const before = await rowsOf(here.file(name));
    expect(await codeOf(overwrite(name, source, { tables: ['tree'] }))).toBe('RESTORE_REFUSED');
    expect(await codeOf(overwrite(name, source, { tables: ['orders'] }))).toBe('RESTORE_REFUSED');
    expect(await codeOf(overwrite(name, source, { dataOnly: true }))).toBe('RESTORE_REFUSED');
    // A row that is gone from the parents' table would be missed by the children that stay.
    await run(here.file(name), [
      'CREATE TABLE pays (c INTEGER REFERENCES customers (id))',
      "INSERT INTO customers VALUES (7777, 'late')",
      'INSERT INTO pays VALUES (7777)',
    ]);
    expect(await codeOf(overwrite(name, source, { tables: ['customers'] }))).toBe('RESTORE_FAILED');
    const after = await rowsOf(here.file(name));
    expect(after['main.tree']).toEqual(before['main.tree']);
    expect(after['main.customers']).toHaveLength(101);
  });

  it('replaces definitions only where no row is', async () => {
    const { name, source } = await shop();
    expect(await codeOf(overwrite(name, source, { schemaOnly: true }))).toBe('SCOPE_REFUSED');
    await run(here.file(name), ['DROP VIEW names', 'DROP TABLE orders', 'DELETE FROM customers', 'DELETE FROM log']);
    await run(here.file(name), ['DROP TABLE tree']);
    await overwrite(name, source, { schemaOnly: true });
    expect(await ask(name, 'SELECT count(*) AS n FROM duckdb_tables()')).toEqual([{ n: '4' }]);
    expect(await ask(name, 'SELECT count(*) AS n FROM names')).toEqual([{ n: '0' }]);
  });
});

it('tells a changed value by its checksum', async () => {
  const { name, source } = await shop({ fingerprint: 'checksums' });
  const tables = source.manifest.fingerprint.tables.map((one) => ({ ...one, checksum: '1' }));
  const wrong = { ...source.manifest, fingerprint: { ...source.manifest.fingerprint, tables } };
  const changed = { ...source, manifest: wrong };
  expect(await codeOf(here.bench.restore(here.bench.restoreJob(name, 'swap'), changed))).toBe('FINGERPRINT_DIFFERS');
  await here.bench.restore(here.bench.restoreJob(name, 'swap'), source);
  // Another version of the library may hash otherwise.
  const older = { ...source, manifest: { ...wrong, tool: { ...wrong.tool, version: 'v1.0.0' } } };
  await here.bench.restore(here.bench.restoreJob(name, 'swap'), older);
});
