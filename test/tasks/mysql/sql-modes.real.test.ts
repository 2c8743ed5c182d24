/** Code that was written under a session's own sql_mode: ANSI_QUOTES, and MariaDB's ORACLE with its packages. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replacedDatabase } from '../../../core/names.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { Manifest } from '../../../core/backup.ts';
import type { MemoryBackup } from '../../contracts/doubles.ts';
import { rollbackOf } from '../../contracts/engine-bench.ts';
import { engineOf, runAll } from './harness.ts';
import { FLAVOURS, leave, restored, room, type Room } from './room.ts';

const KEEPER = 'keeper@%';
const BODY = `CREATE PACKAGE BODY till AS
  carried INT := 0;
  FUNCTION sum_up(more INT) RETURN INT AS total INT; BEGIN SELECT sum(n) INTO total FROM shop.t; RETURN total + more + carried; END;
  PROCEDURE tell AS BEGIN SELECT 'it''s; told' FROM "shop"."t"; END;
  BEGIN carried := 0;
  END`;
const GRANTS = [
  'GRANT EXECUTE ON PACKAGE till TO keeper WITH GRANT OPTION',
  'GRANT EXECUTE ON PACKAGE BODY till TO keeper',
];

describe.each(FLAVOURS)('on %s', (flavour) => {
  const maria = flavour === 'mariadb';
  let here: Room;
  let made: { backup: MemoryBackup; manifest: Manifest };
  const sql = <Row = Record<string, unknown>>(text: string, database?: string): Promise<Row[]> =>
    here.server.server.query<Row>(text, database);
  const restore = (mode: RestoreJob['mode'], database: string, more: Partial<RestoreJob> = {}) =>
    restored(here, made, mode, database, more);
  /** Name, kind, mode and definer of all code. */
  const code = (database: string): Promise<unknown[]> =>
    sql(`SELECT routine_type AS kind, routine_name AS name, sql_mode AS mode, definer AS who FROM information_schema.routines WHERE routine_schema = '${database}'
         UNION SELECT 'TRIGGER', trigger_name, sql_mode, definer FROM information_schema.triggers WHERE trigger_schema = '${database}'
         UNION SELECT 'EVENT', event_name, sql_mode, definer FROM information_schema.events WHERE event_schema = '${database}'
         UNION SELECT 'VIEW', table_name, '', definer FROM information_schema.views WHERE table_schema = '${database}' ORDER BY 1, 2`);
  const grants = async (): Promise<string[]> =>
    (await sql('SHOW GRANTS FOR keeper')).map((row) => String(Object.values(row)[0])).sort();
  const works = async (database: string): Promise<void> => {
    await sql('INSERT INTO t VALUES (3, 30)', database);
    expect(await sql('SELECT id, "what is ""quoted""" AS what FROM audit', database)).toEqual([
      { id: 3, what: 'what is "quoted"' },
    ]);
    expect(await sql('SELECT total() AS total, (SELECT count(*) FROM odd) AS n', database)).toEqual([
      { total: '60', n: '3' },
    ]);
    if (maria)
      expect(await sql("SELECT 1; SET sql_mode = 'ORACLE'; SELECT till.sum_up(2) AS a", database)).toEqual([{ a: 62 }]);
    await sql('DELETE FROM t WHERE id = 3; DELETE FROM audit', database);
  };

  beforeAll(async () => {
    here = await room(flavour);
    await sql(
      `CREATE DATABASE shop; CREATE USER ${maria ? 'keeper' : "keeper@'%'"} IDENTIFIED BY 'Secret-1'; GRANT ALL ON *.* TO keeper`,
    );
    await runAll(here.server.server, 'shop', [
      'CREATE TABLE t (id int PRIMARY KEY, n int)',
      'INSERT INTO t VALUES (1, 10), (2, 20)',
      'CREATE TABLE audit (id int)',
      "SET sql_mode = 'ANSI_QUOTES'",
      'CREATE FUNCTION "total"() RETURNS decimal(10) READS SQL DATA RETURN (SELECT sum("n") FROM "shop"."t")',
      'CREATE PROCEDURE "od""d"() BEGIN SELECT "n" FROM shop."t"; END',
      'CREATE TRIGGER "tr" AFTER INSERT ON "t" FOR EACH ROW INSERT INTO "shop"."audit" VALUES (NEW."id")',
      `CREATE EVENT "tidy" ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM "shop"."audit"`,
      'CREATE VIEW "odd" AS SELECT "n" AS "a""b" FROM "t"',
      ...(maria
        ? [
            "SET sql_mode = 'ORACLE'",
            `CREATE PACKAGE till AS
               FUNCTION sum_up(more INT) RETURN INT;
               PROCEDURE tell;
             END`,
            BODY,
            'CREATE PROCEDURE older(a INT) AS BEGIN SELECT a FROM "t"; END',
          ]
        : []),
      'GRANT EXECUTE ON FUNCTION total TO keeper',
      ...(maria ? GRANTS : []),
      "SET sql_mode = ''",
    ]);
    await works('shop');
    made = await here.bench.dump('shop');
  });
  afterAll(() => leave(here));

  it('comes back in its mode, working, under any name', async () => {
    const before = await code('shop');
    expect(before).toHaveLength(maria ? 8 : 5);
    await restore('new', 'copy');
    await works('copy');
    expect(await code('copy')).toEqual(before);
    await here.server.dropDatabase('copy');
  });

  it('is given to whom the restore names', async () => {
    await restore('new', 'copy', { roleMap: { 'root@%': KEEPER, 'root@localhost': KEEPER } });
    const all = (await code('copy')) as { who: string }[];
    expect(new Set(all.map((one) => one.who))).toEqual(new Set([KEEPER]));
    await works('copy');
    await here.server.dropDatabase('copy');
  });

  it('is exchanged, and exchanged back', async () => {
    const before = await code('shop');
    const granted = await grants();
    expect(granted.filter((one) => /ON (?:FUNCTION|PACKAGE)/.test(one))).toHaveLength(maria ? 3 : 1);
    const { job } = await restore('swap', 'shop');
    expect(await grants()).toEqual(granted);
    await works('shop');
    expect(await code('shop')).toEqual(before);
    const old = replacedDatabase('shop', job.id);
    expect(await code(old)).toEqual(before);
    await engineOf(flavour).rollback(here.bench.context('shop'), rollbackOf(job));
    await works('shop');
    expect(await code('shop')).toEqual(before);
    expect(await grants()).toEqual(granted);
  });

  if (maria)
    it('keeps the body of a package whose head alone has changed since', async () => {
      const granted = await grants();
      await runAll(here.server.server, 'shop', [
        "SET sql_mode = 'ORACLE'",
        "CREATE OR REPLACE PACKAGE till COMMENT 'newer' AS FUNCTION sum_up(more INT) RETURN INT; PROCEDURE tell; END",
        BODY,
        ...GRANTS,
      ]);
      await works('shop');
      const { job } = await restore('swap', 'shop');
      await works('shop');
      expect(await grants()).toEqual(granted);
      await engineOf(flavour).rollback(here.bench.context('shop'), rollbackOf(job));
      await works('shop');
    });

  it('comes back with a whole server, and what was granted on it', async () => {
    const [granted, before] = [await grants(), await code('shop')];
    const target = here.server.target('shop', { scope: { allDatabases: true } });
    const all = await here.bench.dump('shop', { target });
    await here.server.dropDatabase('shop');
    for (const name of await here.server.databases())
      if (name.startsWith('shop_')) await here.server.dropDatabase(name);
    await sql('DROP USER keeper');
    const job = here.bench.restoreJob('shop', 'new', { allDatabases: true, target });
    const done = await here.bench.restoreBackup(job, all.manifest, all.backup);
    expect(done.warnings.filter((one) => one.includes('could not'))).toEqual([]);
    await works('shop');
    expect(await code('shop')).toEqual(before);
    expect(await grants()).toEqual(granted);
  });

  it('overwrites what is there', async () => {
    const before = await code('shop');
    await sql(
      `DROP FUNCTION total; DROP TRIGGER tr${maria ? "; SET sql_mode = 'ORACLE'; DROP PACKAGE till" : ''}`,
      'shop',
    );
    await restore('overwrite', 'shop');
    await works('shop');
    expect(await code('shop')).toEqual(before);
  });
});
