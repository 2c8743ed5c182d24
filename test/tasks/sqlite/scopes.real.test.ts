import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rm } from 'node:fs/promises';
import type { Manifest } from '../../../core/backup.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { codeOf } from '../../contracts/engine.ts';
import { targetAt } from './harness.ts';
import { leave, room, shop, type Room } from './room.ts';

type Made = Awaited<ReturnType<Room['bench']['dump']>>;
const from = ({ manifest, backup }: Made): ReturnType<typeof memorySource> => memorySource(manifest, backup);

describe('parts of a database', () => {
  let here: Room;
  let whole: Made;
  beforeAll(async () => {
    here = await room();
    await shop(here, 'original.db', 100);
    await here.sql(
      'original.db',
      "INSERT INTO customers (id, name) VALUES (900, 'high'); DELETE FROM customers WHERE id = 900;",
    );
    whole = await here.bench.dump('original.db');
  });
  afterAll(() => leave(here));
  beforeEach(async () => {
    for (const name of await here.server.databases()) if (name !== 'original.db') await rm(here.server.path(name));
    await here.bench.restore(here.bench.restoreJob('shop.db', 'new'), from(whole));
  });
  const overwrite = (scope: object, made = whole): ReturnType<Room['bench']['restore']> =>
    here.bench.restore(here.bench.restoreJob('shop.db', 'overwrite', { scope }), from(made));

  it('replaces the rows of one living table, its triggers silent, and leaves all others', async () => {
    await here.sql(
      'shop.db',
      "UPDATE customers SET name = 'wrong'; DELETE FROM log; UPDATE orders SET amount = 0; UPDATE sqlite_sequence SET seq = 2000;",
    );
    const outcome = await overwrite({ tables: ['customers'] });
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 1, rowsFound: 500 });
    expect(
      await here.sql(
        'shop.db',
        "SELECT count(*) FROM customers WHERE name = 'c' || id; SELECT count(*) FROM log; SELECT count(*), sum(amount) FROM orders; SELECT seq FROM sqlite_sequence;",
      ),
    ).toBe('500\n0\n300|0.0\n2000');
  });

  it('makes a table that is missing, with its indexes and triggers, and counts on where the backup had counted to', async () => {
    await here.sql('shop.db', 'DROP VIEW spent; DROP TABLE orders; DROP TABLE customers;');
    await overwrite({ tables: ['customers', 'orders'] });
    expect(
      await here.sql(
        'shop.db',
        `SELECT count(*) FROM orders; INSERT INTO customers (name) VALUES ('next'); SELECT max(id) FROM customers; SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger') ORDER BY 1);`,
      ),
    ).toBe('300\n901\nby_customer gone told');
  });

  it('replaces all rows in place', async () => {
    await here.sql(
      'shop.db',
      'DELETE FROM orders; DELETE FROM filling; CREATE TABLE later (a); INSERT INTO later VALUES (1);',
    );
    await overwrite({ dataOnly: true });
    expect(
      await here.sql(
        'shop.db',
        'SELECT count(*) FROM orders; SELECT count(*) FROM filling; SELECT count(*) FROM later;',
      ),
    ).toBe('300\n100\n1');
  });

  it('brings the rows of a backup of rows, or of some tables, into the living database', async () => {
    for (const scope of [{ dataOnly: true }, { tables: ['orders'] }, { exclude: ['filling'] }]) {
      const part = await here.bench.dump('original.db', { target: targetAt('original.db', { scope }) });
      await here.sql('shop.db', 'DELETE FROM orders;');
      await here.bench.restore(here.bench.restoreJob('shop.db', 'overwrite'), from(part));
      expect(
        await here.sql(
          'shop.db',
          "SELECT count(*) FROM orders; SELECT count(*) FROM filling; SELECT count(*) FROM sqlite_schema WHERE type = 'trigger';",
        ),
      ).toBe('300\n100\n2');
      expect(await codeOf(here.bench.restore(here.bench.restoreJob('shop.db', 'swap'), from(part)))).toBe(
        'SCOPE_REFUSED',
      );
    }
  });

  it('changes nothing where a column is gone, or a table is not in the backup', async () => {
    await here.sql(
      'shop.db',
      'ALTER TABLE orders RENAME COLUMN amount TO price; UPDATE orders SET price = 0; DELETE FROM filling;',
    );
    expect(await codeOf(overwrite({ tables: ['filling', 'orders'] }))).toBe('RESTORE_FAILED');
    expect(await here.sql('shop.db', 'SELECT count(*), sum(price) FROM orders; SELECT count(*) FROM filling;')).toBe(
      '300|0.0\n0',
    );
    expect(await codeOf(overwrite({ tables: ['nothing'] }))).toBe('INPUT_INVALID');
    const target = targetAt('original.db', { scope: { tables: ['nothing'] } });
    expect(await codeOf(here.bench.dump('original.db', { target }))).toBe('INPUT_INVALID');
  });

  it('refuses scopes that make no sense, before anything is read', async () => {
    const job = (mode: 'new' | 'swap' | 'overwrite', scope: object): Promise<string> =>
      codeOf(
        here.bench.restore(here.bench.restoreJob(mode === 'new' ? 'no.db' : 'shop.db', mode, { scope }), from(whole)),
      );
    expect(await job('swap', { tables: ['orders'] })).toBe('SCOPE_REFUSED');
    expect(await job('new', { dataOnly: true })).toBe('SCOPE_REFUSED');
    expect(await job('overwrite', { schemaOnly: true })).toBe('SCOPE_REFUSED');
  });

  it('knows a part by the manifest’s scope alone, and takes an older manifest without one for the whole', async () => {
    const swap = (scope: Manifest['scope']) => {
      const told = { ...whole.manifest, ...(scope && { scope }) };
      return codeOf(here.bench.restore(here.bench.restoreJob('shop.db', 'swap'), memorySource(told, whole.backup)));
    };
    expect(await swap({ schemaOnly: true })).toBe('SCOPE_REFUSED');
    expect(await swap({ exclude: ['log'] })).toBe('SCOPE_REFUSED');
    for (const nothing of [undefined, {}, { dataOnly: false }]) expect(await swap(nothing)).toMatch(/^no error/);
  });

  it('tells foreign keys that lead out of the scope', async () => {
    const context = here.bench.context('original.db', {
      target: targetAt('original.db', { scope: { exclude: ['customers'] } }),
    });
    await here.bench.dump('original.db', { target: context.target, report: context.report });
    expect(context.report.warnings.join()).toContain('orders to customers');
  });
});
