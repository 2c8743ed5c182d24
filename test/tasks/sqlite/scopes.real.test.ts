import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rm } from 'node:fs/promises';
import type { Manifest } from '../../../core/backup.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { codeOf, failure } from '../../contracts/engine-bench.ts';
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

  /** Two indexes for full text over `posts`, one kept by triggers and one of an older kind, and one over a view. */
  const INDEXED = `CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT);
    CREATE VIEW seen AS SELECT id, body FROM posts WHERE id < 3;
    CREATE VIRTUAL TABLE words USING fts5 (body, content = 'posts', content_rowid = 'id');
    CREATE VIRTUAL TABLE older USING fts4 (body, content="posts");
    CREATE VIRTUAL TABLE few USING fts5 (body, content = seen, content_rowid = 'id');
    CREATE TRIGGER posted AFTER INSERT ON posts BEGIN
      INSERT INTO words (rowid, body) VALUES (new.id, new.body); INSERT INTO older (docid, body) VALUES (new.id, new.body); END;`;
  const LOOK = `SELECT group_concat(rowid) FROM words WHERE words MATCH 'fox'; SELECT group_concat(docid) FROM older WHERE older MATCH 'fox';
    SELECT group_concat(rowid) FROM few WHERE few MATCH 'fox';
    INSERT INTO words (words) VALUES ('integrity-check'); INSERT INTO older (older) VALUES ('integrity-check');`;

  it('builds an index for full text anew when only it or only its rows come back', async () => {
    await here.sql('text.db', `${INDEXED} INSERT INTO posts VALUES (1, 'quick fox'), (2, 'lazy dog'), (3, 'red fox');`);
    const made = await here.bench.dump('text.db');
    for (const [tables, found] of [
      [['posts'], '1,3\n1,3\n1'],
      [['words'], '7\n7'],
      [['older'], '7\n7'],
      [['posts', 'words', 'older', 'few'], '1,3\n1,3\n1'],
    ] as const) {
      await rm(here.server.path('text.db'));
      await here.sql('text.db', `${INDEXED} INSERT INTO posts VALUES (7, 'a fox since'), (8, 'wrong');`);
      const job = here.bench.restoreJob('text.db', 'overwrite', { scope: { tables: [...tables] } });
      const { warnings } = await here.bench.restore(job, from(made));
      expect(await here.sql('text.db', LOOK), tables.join()).toBe(found);
      expect(warnings.join(), tables.join()).toContain(`Built anew from the rows that they are an index of: few`);
    }
  });

  it('leaves a virtual table that is defined otherwise, and what is something else now, as they are', async () => {
    await here.sql(
      'kinds.db',
      `CREATE VIRTUAL TABLE v USING fts5 (a); INSERT INTO v VALUES ('x'); CREATE TABLE t (a);`,
    );
    const kinds = await here.bench.dump('kinds.db');
    for (const [sql, words] of [
      [
        `DROP TABLE v; CREATE VIRTUAL TABLE v USING fts5 (a, b); INSERT INTO v VALUES ('y', 'z');`,
        'v (fts5) is defined otherwise',
      ],
      [
        `DROP TABLE v; CREATE TABLE v (a); INSERT INTO v VALUES ('y');`,
        'v is a table now, and a virtual table in the backup',
      ],
      [`DROP TABLE t; CREATE VIEW t AS SELECT 1 AS a;`, 't is a view now, and a table in the backup'],
    ] as const) {
      await here.sql('kinds.db', sql);
      const before = await here.server.rowsOf('kinds.db');
      const job = here.bench.restoreJob('kinds.db', 'overwrite', { scope: { dataOnly: true } });
      const thrown = await failure(here.bench.restore(job, from(kinds)));
      expect([thrown.code, thrown.detail], sql).toEqual(['RESTORE_FAILED', expect.stringContaining(words)]);
      expect(await here.server.rowsOf('kinds.db'), sql).toEqual(before);
      await here.sql('kinds.db', `DROP TABLE v; CREATE VIRTUAL TABLE v USING fts5 (a);`);
    }
  });

  it('takes and leaves out virtual tables whose module only the application has', async () => {
    const theirs = `PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', 'theirs', 'theirs', 0, 'CREATE VIRTUAL TABLE theirs USING ours (a)');`;
    const rows = `CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE TABLE theirs_data (v); INSERT INTO theirs_data VALUES (2);`;
    await here.sql('ours.db', rows + theirs);
    const named = `SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema ORDER BY 1);`;
    for (const [scope, held] of [
      [{ exclude: ['theirs', 'theirs_data'] }, 't'],
      [{ tables: ['t'] }, 't'],
      [{ exclude: ['t'] }, 'theirs theirs_data'],
      [{ dataOnly: true }, 't theirs theirs_data'],
    ] as const) {
      const part = await here.bench.dump('ours.db', { target: targetAt('ours.db', { scope } as never) });
      await rm(here.server.path('living.db'), { force: true });
      await here.sql('living.db', `CREATE TABLE other (a);`);
      await here.bench.restore(here.bench.restoreJob('living.db', 'overwrite'), from(part));
      expect(await here.sql('living.db', named), held).toBe(`other ${held}`);
      await here.bench.restore(here.bench.restoreJob('living.db', 'overwrite'), from(part));
      if (held.includes('theirs')) expect(await here.sql('living.db', 'SELECT v FROM theirs_data;')).toBe('2');
    }
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
