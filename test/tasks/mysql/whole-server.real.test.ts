/** Every database of a server in one backup of one moment, with its users; each comes back as if it had been backed up alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import { manifestOfDatabase } from '../../../core/server-backup.ts';
import { memoryBackup, memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { engineOf, fakeClients, ident, inside, rowsOf, runAll } from './harness.ts';
import { MAKE_USERS, leave, room, shop, type Room } from './room.ts';

/** As far from plain as a server allows: it knows no character beyond 65,535 in a name. */
const ODD = '☃ b`x';

describe.each(['mariadb', 'mysql'] as const)('a whole server of %s', (flavour) => {
  let here: Room;
  let there: Room;
  let made: { manifest: Manifest; backup: MemoryBackup; warnings: string[] };
  const target = (more: object = {}) => here.server.target('Shop é; `x', { scope: { allDatabases: true }, ...more });
  const dump = async (more: Parameters<Room['bench']['context']>[1] = {}) => {
    const context = here.bench.context('all', { target: target(), ...more });
    const { manifest, backup } = await here.bench.dump('all', context);
    return { manifest, backup, warnings: context.report.warnings };
  };
  const sql = ({ server: { server } }: Room, text: string) => server.query(text);

  beforeAll(async () => {
    here = await room(flavour);
    there = await room(flavour);
    await here.server.seed(here.server.awkwardName);
    await sql(
      here,
      `CREATE DATABASE ${ident(ODD)} CHARACTER SET latin1; CREATE DATABASE a_empty; CREATE DATABASE \`USE it\``,
    );
    await shop(here, 'shop');
    await runAll(here.server.server, ODD, [
      'CREATE TABLE big (id int PRIMARY KEY, t text CHARACTER SET utf8mb4)',
      "INSERT INTO big VALUES (1, 'x'), (2, '\nUSE `shop`;\n'), (3, '\n--\n-- Current Database: `shop`\n--\n\nUSE `shop`;\nDROP TABLE customers;\n')",
      'CREATE VIEW elsewhere AS SELECT id FROM shop.customers',
    ]);
    await sql(
      here,
      [
        ...MAKE_USERS,
        'GRANT SELECT ON shop.* TO readers',
        flavour === 'mysql' ? "GRANT readers TO reader@'%'" : "GRANT readers TO reader@'%'",
        flavour === 'mysql' ? "SET DEFAULT ROLE readers TO reader@'%'" : "SET DEFAULT ROLE readers FOR reader@'%'",
        "GRANT EXECUTE ON PROCEDURE shop.tell TO reader@'%'",
        "GRANT ALL ON shop.* TO 'it''s'@'10.0.0.%' WITH GRANT OPTION",
        "GRANT SELECT (id), UPDATE ON shop.filling TO reader@'%'",
        "GRANT ALL ON shop.* TO kept@'%'",
      ].join(';'),
    );
    made = await dump();
  });
  afterAll(async () => {
    await leave(here);
    await leave(there);
  });

  it('holds every database but the server’s own, each in an archive of its own', () => {
    const { manifest, backup } = made;
    const names = manifest.databases!.map((one) => one.database);
    expect([...names].sort()).toEqual([here.server.awkwardName, 'USE it', 'a_empty', 'shop', ODD].sort());
    expect([...backup.archives.keys()].sort()).toEqual([...names].sort());
    expect(manifest.fingerprint.mode).toBe('checksums');
    expect(manifest.databases!.find((one) => one.database === ODD)!.details).toMatchObject({ charset: 'latin1' });
    expect(new Set(manifest.databases!.map((one) => one.snapshotAt)).size).toBe(1);
    expect(manifest.consistency).toBe('transaction');
  });

  it('is of one moment for all of them, while writers write to two at once', async () => {
    await sql(
      here,
      'CREATE DATABASE aa; CREATE DATABASE zz; CREATE TABLE aa.t (id int PRIMARY KEY); CREATE TABLE zz.t (id int PRIMARY KEY)',
    );
    const stop = new AbortController();
    const writer = inside(here.server.server, 'aa', async (connection) => {
      for (let id = 1; !stop.signal.aborted; id += 1)
        await connection.query(
          `START TRANSACTION; INSERT INTO aa.t VALUES (${id}); INSERT INTO zz.t VALUES (${id}); COMMIT`,
        );
    });
    const { manifest } = await dump().finally(() => stop.abort());
    await writer;
    const rows = manifest.fingerprint.tables.filter((one) => one.table === 't').map((one) => [one.database, one.rows]);
    expect(rows.map(([name]) => name)).toEqual(['aa', 'zz']);
    expect(rows[0]![1]).toBe(rows[1]![1]);
    await sql(here, 'DROP DATABASE aa; DROP DATABASE zz');
  });

  it('gives one of them back beside the others', async () => {
    const job = here.bench.restoreJob('copy', 'new', { fromDatabase: ODD });
    const outcome = await here.bench.restoreBackup(job, made.manifest, made.backup);
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 1, rowsFound: 3 });
    expect(await rowsOf(here.server.server, 'copy')).toEqual(await rowsOf(here.server.server, ODD));
    await here.server.dropDatabase('copy');
    const swap = here.bench.restoreJob('shop', 'swap');
    await sql(here, 'DELETE FROM shop.orders');
    await here.bench.restoreBackup(swap, made.manifest, made.backup);
    expect(await here.server.server.query('SELECT count(*) AS n FROM shop.orders')).toEqual([
      { n: expect.anything() as number },
    ]);
    expect(Number((await here.server.server.query<{ n: number }>('SELECT count(*) AS n FROM shop.orders'))[0]!.n)).toBe(
      300,
    );
  });

  it('gives all of them and its users to another server, and changes nobody who is there', async () => {
    await sql(there, "CREATE USER kept@'%' IDENTIFIED BY 'Mine-1'");
    const job = there.bench.restoreJob('all', 'new', { allDatabases: true });
    const outcome = await there.bench.restoreBackup(job, made.manifest, made.backup);
    for (const { database } of made.manifest.databases!)
      expect(await rowsOf(there.server.server, database), database).toEqual(await rowsOf(here.server.server, database));
    expect(outcome.comparison.equal).toBe(true);
    expect(outcome.warnings.join('\n')).toContain('left as they are: `kept`@`%`, `root`@`%`');
    expect(outcome.warnings.join('\n')).not.toContain('could not be made');

    const as = async (user: string, password: string, text: string, database?: string) => {
      const connection = await there.server.server.connect(database, { user, password });
      try {
        return (await connection.query(text))[0];
      } finally {
        await connection.end();
      }
    };
    expect(await as('reader', 'Secret-1', 'SELECT count(*) AS n FROM shop.orders')).toHaveLength(1);
    expect(await as('reader', 'Secret-1', 'CALL shop.tell()')).toBeDefined();
    await as('reader', 'Secret-1', 'UPDATE shop.filling SET noise = NULL');
    await expect(as('reader', 'Secret-1', 'DELETE FROM shop.orders')).rejects.toThrow();
    await as('kept', 'Mine-1', 'SELECT 1');
    await expect(as('kept', 'Mine-1', 'SELECT 1', 'shop')).rejects.toThrow();
    const grants = await there.server.server.query("SHOW GRANTS FOR 'it''s'@'10.0.0.%'");
    expect(JSON.stringify(grants)).toContain('WITH GRANT OPTION');
  });

  // MySQL before 8.0.20 tells the bodies of routines only to whoever may read everything.
  it.runIf(flavour === 'mariadb')('says that it holds no users where the login may not read them', async () => {
    await sql(here, "CREATE USER lowly@'%' IDENTIFIED BY 'Secret-1'; GRANT SELECT ON mysql.proc TO lowly@'%'");
    for (const { database } of made.manifest.databases!)
      await sql(
        here,
        `GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, EXECUTE ON ${ident(database.replace('_', '\\_'))}.* TO lowly@'%'`,
      );
    const login = async () => Promise.resolve({ username: 'lowly', password: 'Secret-1' });
    const { warnings, backup } = await dump({ login });
    expect(warnings.join('\n')).toContain('Users, roles and grants are not in the backup');
    expect(backup.finished.has('globals')).toBe(false);
    await sql(here, "DROP USER lowly@'%'");
  });

  it.each([
    [
      'loses the last database',
      "| awk '/^-- Current Database: `shop`/ {gone=1} /^.*SET TIME_ZONE=@OLD/ {gone=0} !gone'",
    ],
    ['ends half-way', '| head -c 100000'],
    ['loses rows', '| grep -v "USE .shop.;$" | sed \'s/(3,.*/(4,1);/\''],
  ])('is no backup when its tool %s', async (_what, rest) => {
    const script = `case "$*" in *--databases*) "$REAL" "$@" ${rest}; exit 0;; esac\nexec "$REAL" "$@"`;
    const backup = memoryBackup();
    const context = here.bench.context('all', {
      target: target(),
      env: { PATH: await fakeClients({ 'mariadb-dump': script }) },
    });
    const failed = await failure(engineOf(flavour).dump(context, backup.sink));
    expect(['READ_THROUGH_FAILED', 'DUMP_EMPTY']).toContain(failed.code);
  });

  it('notices a damaged archive, and no other', async () => {
    const { manifest, backup } = made;
    const good = backup.archives.get('shop')!;
    const flipped = Buffer.from(good);
    flipped[good.length >> 1]! ^= 0x10;
    const part = manifestOfDatabase(manifest, 'shop');
    const failed = await failure(
      here.bench.restore(here.bench.restoreJob('never', 'new'), memorySource(part, backup, flipped)),
    );
    expect(['CHECKSUM_MISMATCH', 'RESTORE_FAILED']).toContain(failed.code);
    expect(await here.server.databases()).not.toContain('never');
  });
});
