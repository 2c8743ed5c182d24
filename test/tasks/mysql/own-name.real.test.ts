/** Definitions that name their own database: wherever it is restored to, they read the rows that were restored with them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { Manifest } from '../../../core/backup.ts';
import { memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { rollbackOf } from '../../contracts/engine-bench.ts';
import { engineOf, runAll } from './harness.ts';
import { FLAVOURS, leave, restored, room, type Room } from './room.ts';

describe.each(FLAVOURS)('on %s', (flavour) => {
  const maria = flavour === 'mariadb';
  let here: Room;
  let made: { backup: MemoryBackup; manifest: Manifest };
  const sql = <Row = Record<string, unknown>>(text: string, database?: string): Promise<Row[]> =>
    here.server.server.query<Row>(text, database);
  const restore = (mode: RestoreJob['mode'], database: string, more: Partial<RestoreJob> = {}) =>
    restored(here, made, mode, database, more);
  const seed = () =>
    runAll(here.server.server, 'shop', [
      'CREATE TABLE t (id int PRIMARY KEY, n int)',
      'INSERT INTO t VALUES (1, 10), (2, 20)',
      'CREATE TABLE audit (id int)',
      'CREATE FUNCTION total() RETURNS int READS SQL DATA RETURN (SELECT sum(n) FROM shop.t)',
      "CREATE PROCEDURE note() BEGIN INSERT INTO `shop`.audit VALUES (7); CALL shop.nothing(); SELECT 'kept' AS k; END",
      'CREATE PROCEDURE shop.nothing() BEGIN END',
      'CREATE TRIGGER tr AFTER INSERT ON shop.t FOR EACH ROW INSERT INTO shop.audit VALUES (NEW.id)',
      "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM shop.audit",
      // Needs a function, a view that comes later in the alphabet, and the name of another database.
      'CREATE VIEW zz AS SELECT shop.total() AS total, max(id) AS many FROM shop.t',
      'CREATE VIEW aa AS SELECT zz.total, x.id FROM shop.zz JOIN other.x',
      "CREATE VIEW other_meaning AS SELECT shop.id, 'shop.t' AS lit FROM t AS shop",
      ...(maria
        ? [
            'CREATE SEQUENCE numbers START WITH 100',
            'CREATE TABLE numbered (id int DEFAULT nextval(numbers), a int)',
            'CREATE VIEW last_one AS SELECT lastval(numbers) AS n',
          ]
        : []),
    ]);
  /** Everything that runs in it acts on it alone. */
  const expectOwn = async (database: string) => {
    const others = (await here.server.databases()).filter((name) => /^(shop|copy)/.test(name) && name !== database);
    const before = await Promise.all(others.map((name) => here.server.rowsOf(name)));
    await sql('INSERT INTO t VALUES (3, 30); CALL note()', database);
    expect(await sql('SELECT * FROM aa', database)).toEqual([{ total: 60, id: 5 }]);
    expect(await sql('SELECT * FROM zz', database)).toEqual([{ total: 60, many: 3 }]);
    expect(await sql('SELECT id FROM audit ORDER BY id', database)).toEqual([{ id: 3 }, { id: 7 }]);
    expect(await sql('SELECT id FROM other_meaning WHERE id = 3', database)).toEqual([{ id: 3 }]);
    if (maria) {
      expect(
        await sql('SELECT 1; INSERT INTO numbered (a) VALUES (1); SELECT n, id FROM last_one, numbered', database),
      ).toEqual([{ n: '100', id: 100 }]);
    }
    const [event] = await sql<Record<string, string>>(`SHOW CREATE EVENT tidy`, database);
    expect(event!['Create Event']).toMatch(new RegExp(`DELETE FROM \`?${database}\`?\\.audit`));
    expect(await Promise.all(others.map((name) => here.server.rowsOf(name)))).toEqual(before);
    await sql('DELETE FROM t WHERE id = 3; DELETE FROM audit', database);
    if (maria) await sql('DELETE FROM numbered; ALTER SEQUENCE numbers RESTART 100', database);
  };

  beforeAll(async () => {
    here = await room(flavour);
    await sql('CREATE DATABASE other; CREATE TABLE other.x (id int PRIMARY KEY); INSERT INTO other.x VALUES (5)');
    await sql('CREATE DATABASE shop');
    await seed();
    made = await here.bench.dump('shop');
  });
  afterAll(() => leave(here));
  beforeEach(async () => {
    for (const name of await here.server.databases())
      if (/^(shop|copy)/.test(name)) await here.server.dropDatabase(name);
  });

  it('beside the original and under another name it reads itself', async () => {
    await restore('new', 'shop');
    await sql('UPDATE t SET n = 1000', 'shop');
    const { warnings } = await restore('new', 'copy');
    expect(warnings.filter((one) => !one.startsWith('Events do not run'))).toEqual([]);
    await expectOwn('copy');
  });

  it('where the original is gone it is made at the first try, under either name', async () => {
    for (const name of ['shop', 'copy']) {
      await restore('new', name);
      await expectOwn(name);
      await here.server.dropDatabase(name);
    }
    await restore('swap', 'shop');
    await expectOwn('shop');
  });

  it('in the place of the original, put aside by a swap, and back again it reads itself', async () => {
    await restore('new', 'shop');
    const { job } = await restore('swap', 'shop');
    const old = replacedDatabase('shop', job.id);
    await expectOwn('shop');
    // What is put aside keeps the sequence of the name in its defaults: nobody writes to it before it has that name again.
    expect(await sql('SELECT total, many FROM zz', old)).toEqual([{ total: 30, many: 2 }]);
    await sql('UPDATE t SET n = 1000', 'shop');
    expect(await sql('SELECT total FROM aa', old)).toEqual([{ total: 30 }]);
    await engineOf(flavour).rollback(here.bench.context('shop'), rollbackOf(job));
    await expectOwn('shop');
    await restore('overwrite', 'shop');
    await expectOwn('shop');
    expect((await here.server.databases()).filter((name) => name.includes('_nj_'))).toEqual([]);
  });

  it('a view that reads what is gone costs nobody the rows: it is told, with the statement that makes it', async () => {
    await restore('new', 'shop');

    await sql('RENAME TABLE other.x TO other.y');
    try {
      for (const [mode, name] of [
        ['new', 'copy'],
        ['swap', 'shop'],
        ['overwrite', 'shop'],
      ] as const) {
        const { warnings, comparison, job } = await restore(mode, name);
        expect(comparison.equal).toBe(true);
        const told = warnings.find((one) => one.startsWith('The view aa is missing'))!;
        expect(told).toContain(`missing in ${name}`);
        expect(told).toContain('other.x');
        expect(told).not.toContain(aliasDatabase(name, job.id));
        await sql('RENAME TABLE other.y TO other.x');
        await sql(/CREATE [^]*$/.exec(told)![0], name);
        await expectOwn(name);
        await sql('RENAME TABLE other.x TO other.y');
      }
    } finally {
      await sql('RENAME TABLE other.y TO other.x').catch(() => undefined);
    }
    expect((await here.server.databases()).filter((name) => name.includes('_nj_'))).toEqual([]);
  });

  it('under another name, what may still read the old one is told', async () => {
    await sql('CREATE DATABASE shop');
    await runAll(here.server.server, 'shop', [
      'CREATE TABLE t (id int)',
      "CREATE PROCEDURE built() BEGIN SET @s = 'SELECT * FROM shop.t'; PREPARE p FROM @s; EXECUTE p; END",
      'CREATE PROCEDURE twice() SELECT shop.id FROM t AS shop',
      'CREATE PROCEDURE plain() SELECT id FROM shop.t',
    ]);
    const own = await here.bench.dump('shop');
    const told = async (name: string, mode: RestoreJob['mode']) =>
      (await here.bench.restore(here.bench.restoreJob(name, mode), memorySource(own.manifest, own.backup))).warnings;
    expect(await told('shop', 'swap')).toEqual([]);
    expect(await told('copy', 'new')).toEqual([
      'These may still read shop, the database of the backup, instead of copy. Look at each: routine built (in a text), routine twice (another meaning).',
    ]);
  });
});
