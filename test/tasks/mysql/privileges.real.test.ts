/** What a login may not see is missing in a dump without a word: so such a login makes none. The statements are those of the docs. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listDatabases } from '../../../tasks/engines/mysql/databases.ts';
import { reachServer, within, type Session } from '../../../tasks/engines/mysql/server.ts';
import { memoryBackup } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { engineOf, rowsOf, runAll } from './harness.ts';
import { FLAVOURS, leave, room, shop, type Room } from './room.ts';

const PAGE = readFileSync(new URL('../../../docs/engines/mysql.md', import.meta.url), 'utf8');
/** The statements of the one block that begins so. */
function fromDocs(title: string): string[] {
  const blocks = [...PAGE.matchAll(/```sql\n(-- [^\n]*)\n([^]*?)```/g)].filter(([, head]) =>
    `${head}\n`.startsWith(`-- ${title}`),
  );
  expect(blocks, title).toHaveLength(1);
  return blocks[0]![2]!
    .replace(/--[^\n]*/g, '')
    .split(';')
    .map((one) => one.trim().replace('…', 'Secret-1'))
    .filter((one) => one !== '');
}
/** Made where it lies: a function named with its database would be looked for there, whatever the copy is called. */
const DOUBLED = 'CREATE VIEW doubled AS SELECT twice(id) AS d FROM orders';
const TABLE_RIGHTS = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'];

describe.each(FLAVOURS)('a login of %s', (flavour) => {
  let here: Room;
  const maria = flavour === 'mariadb';
  const sql = (text: string) => here.server.server.query(text);
  const login = async () => Promise.resolve({ username: 'nightjar', password: 'Secret-1' });
  const grant = async (...statements: string[]) => {
    await sql("DROP USER IF EXISTS nightjar@'%'");
    for (const one of statements) await sql(one);
  };
  const MAKE = "CREATE USER nightjar@'%' IDENTIFIED BY 'Secret-1'";
  /** What the docs grant besides, so that routines are seen. */
  const routines = `GRANT SELECT ON ${maria ? 'mysql.proc' : '*.*'} TO nightjar@'%'`;
  const all = () => ({
    login,
    target: here.server.target('shop', { scope: { allDatabases: true }, fingerprint: 'counts' }),
  });
  const bad = async (context: object): Promise<string> =>
    (await engineOf(flavour).probe(here.bench.context('shop', context))).findings
      .filter((one) => one.level === 'bad')
      .map(({ what, hint }) => `${what} ${hint}`)
      .join('\n');
  const refusal = async (context: object) => {
    const backup = memoryBackup();
    const failed = await failure(engineOf(flavour).dump(here.bench.context('shop', context), backup.sink));
    expect([failed.code, backup.finished.size]).toEqual(['PRIVILEGE_MISSING', 0]);
    return failed.detail!;
  };

  beforeAll(async () => {
    here = await room(flavour);
    await shop(here, 'shop');
    await runAll(here.server.server, 'shop', [
      'CREATE FUNCTION twice(x int) RETURNS int DETERMINISTIC RETURN 2 * x',
      DOUBLED,
    ]);
    await sql('CREATE DATABASE other; CREATE TABLE other.t (id int PRIMARY KEY); CREATE DATABASE tmp');
  });
  afterAll(() => leave(here));

  it('that has what the docs say backs up everything: tables, views, triggers, routines, events', async () => {
    await grant(...fromDocs(maria ? 'Backups: MariaDB' : 'Backups: MySQL before 8.0.20'));
    expect(await bad({ login })).toBe('');
    const { manifest, backup } = await here.bench.dump('shop', here.bench.context('shop', { login }));
    await grant(
      MAKE,
      ...fromDocs('Restores\n'),
      routines,
      ...[maria ? 'SET USER' : 'SET_USER_ID', 'PROCESS'].map((one) => `GRANT ${one} ON *.* TO nightjar@'%'`),
    );
    await here.bench.restoreBackup(here.bench.restoreJob('trial', 'new'), manifest, backup, { login });
    expect(await rowsOf(here.server.server, 'trial')).toEqual(await rowsOf(here.server.server, 'shop'));
    await sql('DROP DATABASE trial');
  });

  it.each(TABLE_RIGHTS)('without %s on it makes no backup, and is told the statement', async (right) => {
    const rights = TABLE_RIGHTS.filter((one) => one !== right);
    // The same on another database is no help.
    await grant(
      MAKE,
      `GRANT ${rights.join(', ')} ON shop.* TO nightjar@'%'`,
      `GRANT ALL ON other.* TO nightjar@'%'`,
      maria ? routines : "GRANT EXECUTE ON shop.* TO nightjar@'%'",
    );
    const mend = `GRANT ${right} ON \`shop\`.* TO 'nightjar'@'%';`;
    expect(await bad({ login })).toContain(mend);
    expect(await refusal({ login })).toContain(mend);
    if (maria) {
      await sql(mend);
      expect(await bad({ login })).toBe('');
    }
  });

  it('that sees no routines, or not their bodies, makes no backup', async () => {
    await grant(MAKE, `GRANT ${TABLE_RIGHTS.join(', ')} ON shop.* TO nightjar@'%'`);
    const mend = routines.replace("nightjar@'%'", "'nightjar'@'%';");
    expect(await bad({ login })).toContain(mend);
    expect(await refusal({ login })).toContain('may not see the routines of shop');
    await sql("GRANT EXECUTE ON shop.* TO nightjar@'%'");
    expect(await bad({ login })).toContain('can not read the bodies of tell, twice');
    expect(await refusal({ login })).toContain(mend);
  });

  it('that has rights on the tables that were asked for needs no more', async () => {
    await grant(MAKE, "GRANT SELECT ON shop.orders TO nightjar@'%'");
    const target = here.server.target('shop', { scope: { tables: ['orders'] }, fingerprint: 'counts' });
    expect(await refusal({ login, target })).toContain('TRIGGER on shop');
    await sql("GRANT TRIGGER ON shop.orders TO nightjar@'%'");
    expect(await bad({ login, target })).toBe('');
    const { manifest } = await here.bench.dump('shop', here.bench.context('shop', { login, target }));
    expect(manifest.fingerprint.tables).toMatchObject([{ table: 'orders', rows: 300 }]);
  });

  it('that lacks something on one of all databases makes no backup of them; that may not see all is told so', async () => {
    const some = TABLE_RIGHTS.join(', ');
    await grant(MAKE, `GRANT ${some} ON shop.* TO nightjar@'%'`, "GRANT SELECT, EVENT ON other.* TO nightjar@'%'");
    await sql(maria ? routines : "GRANT EXECUTE ON other.* TO nightjar@'%'");
    const mend = "GRANT SHOW VIEW, TRIGGER ON `other`.* TO 'nightjar'@'%';";
    expect(await bad(all())).toContain(mend);
    expect(await refusal(all())).toContain(mend);
    await sql(`${mend} DROP VIEW shop.doubled; ${maria ? '' : "REVOKE EXECUTE ON other.* FROM nightjar@'%'"}`);
    if (!maria) await grant(MAKE, `GRANT ${some}, EXECUTE ON other.* TO nightjar@'%'`);
    const context = here.bench.context('shop', all());
    const { manifest } = await here.bench.dump('shop', context);
    expect(manifest.databases!.map((one) => one.database)).toEqual(maria ? ['other', 'shop'] : ['other']);
    expect(context.report.warnings.join('\n')).toContain('Databases that nightjar@% has no right on are not seen');
    await runAll(here.server.server, 'shop', [DOUBLED]);
  });

  it('that has what the docs say backs up all databases, and brings them and their users back', async () => {
    await grant(...fromDocs('Backups of all databases'));
    await sql(
      "CREATE USER reader@'%' IDENTIFIED BY 'Secret-2'; CREATE ROLE readers; GRANT SELECT ON shop.* TO readers",
    );
    await sql(`GRANT readers TO reader@'%'; SET DEFAULT ROLE readers ${maria ? 'FOR' : 'TO'} reader@'%'`);
    expect(await bad(all())).toBe('');
    const context = here.bench.context('shop', all());
    const { manifest, backup } = await here.bench.dump('shop', context);
    // The server's own `root` of this machine's name.
    expect(context.report.warnings.filter((one) => !one.includes('does not know as it runs'))).toEqual([]);
    expect(manifest.databases!.map((one) => one.database)).toEqual(['other', 'shop', 'tmp']);
    const before = await rowsOf(here.server.server, 'shop');
    await sql(`DROP DATABASE other; DROP DATABASE shop; DROP DATABASE tmp; DROP ROLE readers; DROP USER reader@'%'`);
    await grant(
      MAKE,
      ...fromDocs(`Restores of all databases, with users: ${maria ? 'MariaDB' : 'MySQL'}`),
      `GRANT ${maria ? 'SET USER' : 'SET_USER_ID'} ON *.* TO nightjar@'%'`,
    );
    const job = here.bench.restoreJob('all', 'new', { allDatabases: true });
    const { warnings } = await here.bench.restoreBackup(job, manifest, backup, { login });
    expect(warnings.filter((one) => !/left as they are|^Events do not run/.test(one))).toEqual([]);
    expect(await rowsOf(here.server.server, 'shop')).toEqual(before);
    const reader = await here.server.server.connect('shop', { user: 'reader', password: 'Secret-2' });
    expect((await reader.query('SELECT count(*) AS n FROM orders'))[0]).toHaveLength(1);
    await reader.end();
  });

  it('finds a database `tmp` of somebody’s, and on RDS leaves out what is empty and RDS’s, not without a word', async () => {
    const server = await reachServer(here.bench.context('shop'));
    const listed = (base?: string) =>
      within(server, async (session) => {
        const told: string[] = [];
        // Only where the server lies is pretended.
        const there: Session = {
          ...session,
          row: async <Row extends object>(text: string, values?: readonly unknown[]) =>
            base !== undefined && text.includes('@@basedir') ? ({ base } as Row) : session.row<Row>(text, values),
        };
        return { names: await listDatabases(server, there, (text) => told.push(text)), told };
      });
    expect(await listed()).toEqual({ names: ['other', 'shop', 'tmp'], told: [] });
    const rds = await listed('/rdsdbbin/mysql/');
    expect(rds.names).toEqual(['other', 'shop']);
    expect(rds.told).toEqual(['Not in the backup, because they are empty and of RDS itself: tmp.']);
    await sql('CREATE TABLE tmp.mine (id int)');
    expect(await listed('/rdsdbbin/mysql/')).toEqual({ names: ['other', 'shop', 'tmp'], told: [] });
  });
});
