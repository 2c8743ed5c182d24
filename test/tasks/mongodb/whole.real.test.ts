/** A backup of a whole server: every database, and its users and roles, on another server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databasesIn } from '../../../core/server-backup.ts';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { codeOf, type Bench } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { targetAt } from './harness.ts';
import { leave, room, shop, type Room } from './room.ts';

let [here, there]: (Room | undefined)[] = [];
let made: Awaited<ReturnType<Bench<'mongodb'>['dump']>>;
const all = () => there!.bench.restoreJob('shop', 'new', { allDatabases: true });
const as = (username: string) => ({ login: async () => Promise.resolve({ username, password: username }) });

beforeAll(async () => {
  [here, there] = await Promise.all([room(), room()]);
  await shop(here, 'shop');
  await here.server.client.db('bank-é_😀').collection<Row>('orders').insertOne({ _id: 1 });
  const admin = here.server.client.db('admin');
  const books = { resource: { db: 'shop', collection: 'orders' }, actions: ['find'] };
  await admin.command({ createRole: 'reads books', privileges: [books], roles: [] });
  await admin.command({ createUser: 'reader', pwd: 'reader', roles: [{ role: 'read', db: 'shop' }] });
  await admin.command({ createUser: 'keeper', pwd: 'keeper', roles: [{ role: 'backup', db: 'admin' }] });
  const compression = { algorithm: 'none', level: 0 } as const;
  const target = targetAt(here.server.mongodb, 'shop', { scope: { allDatabases: true }, compression });
  made = await here.bench.dump('shop', { target, ...as('keeper') });
});
afterAll(async () => {
  for (const one of [here, there]) if (one) await leave(one);
});

describe('a backup of a whole server', () => {
  it('says of every database what a backup of its own would say', () => {
    const { manifest, backup } = made;
    expect(databasesIn(manifest)).toEqual(['bank-é_😀', 'shop']);
    expect(manifest.databases!.map((one) => [one.databaseBytes > 0, one.archive])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
    expect(manifest.fingerprint.tables.map((one) => [one.database, one.schema, one.table, one.rows])).toEqual(
      expect.arrayContaining([
        ['bank-é_😀', '', 'orders', 1],
        ['shop', '', 'customers', 500],
        ['shop', '', 'orders', 300],
      ]),
    );
    expect(manifest.fingerprint.tables).toHaveLength(3);
    const globals = backup.finished.get('globals')!.toString();
    expect(globals).toContain('"createUser":"reader"');
    expect(globals).toContain('"createRole":"reads books"');
    expect(globals).not.toMatch(/"pwd"|storedKey/);
  });

  it('brings one of them back, under another name, whichever was asked for', async () => {
    const restore = (database: string, mode: 'new' | 'swap', more: object = {}) =>
      here!.bench.restoreBackup(here!.bench.restoreJob(database, mode, more), made.manifest, made.backup);
    const { server } = here!;
    const kept = [await server.rowsOf('shop'), await server.rowsOf('bank-é_😀')];
    expect((await restore('copy', 'new')).comparison).toMatchObject({ equal: true, tablesCompared: 2, rowsFound: 800 });
    expect(await server.rowsOf('copy')).toEqual(kept[0]);
    const other = await restore('copy2', 'new', { fromDatabase: 'bank-é_😀' });
    expect(other.comparison).toMatchObject({ equal: true, tablesCompared: 1 });
    expect(await server.rowsOf('copy2')).toEqual(kept[1]);
    await server.client.db('bank-é_😀').collection('orders').deleteMany({});
    const swapped = await restore('bank-é_😀', 'swap');
    expect(await server.rowsOf('bank-é_😀')).toEqual(kept[1]);
    for (const name of ['copy', 'copy2', swapped.replacedDatabase!]) await server.dropDatabase(name);
    expect(await codeOf(restore('x', 'new', { fromDatabase: 'nowhere' }))).toBe('INPUT_INVALID');
    const one = await restore('some', 'new', { scope: { tables: ['orders'] } });
    expect(one.comparison).toMatchObject({ equal: true, tablesCompared: 1, rowsFound: 300 });
    await server.dropDatabase('some');
  });

  it('comes back on an empty server: databases, roles, and users with their passwords', async () => {
    const { server, bench } = there!;
    const login = () => codeOf(mongodb.probe(bench.context('shop', as('reader'))));
    expect(await login()).toBe('AUTH_FAILED');
    const job = all();
    const done = await bench.restoreBackup(job, made.manifest, made.backup);
    expect(done.comparison).toMatchObject({ equal: true, tablesCompared: 3, rowsFound: 801 });
    for (const name of ['shop', 'bank-é_😀'])
      expect(await server.rowsOf(name)).toEqual(await here!.server.rowsOf(name));
    expect(await login()).toMatch(/^no error/);
    const { roles } = await server.client.db('admin').command({ rolesInfo: 1 });
    expect(roles).toMatchObject([{ role: 'reads books', privileges: [{ actions: ['find'] }] }]);
    // Who was there is who he was: the other server's `admin` has another password.
    expect(done.warnings.join()).toContain('left as they are: user admin@admin');
    expect(await codeOf(mongodb.probe(bench.context('shop')))).toMatch(/^no error/);
    const again = await bench.restoreBackup(job, made.manifest, made.backup);
    expect(again.comparison.equal).toBe(true);
  });

  it('leaves a user that is there with his own password, and says whom it may not make', async () => {
    const { server, bench } = there!;
    const admin = server.client.db('admin');
    await admin.command({ dropUser: 'reader' });
    await admin.command({ createUser: 'keeper', pwd: 'another', roles: [{ role: 'read', db: 'shop' }] });
    await admin.command({
      createUser: 'writer',
      pwd: 'writer',
      roles: [{ role: 'readWriteAnyDatabase', db: 'admin' }],
    });
    const globals = async (username: string): Promise<string> => {
      const context = bench.context('shop', as(username));
      await mongodb.restoreGlobals!(context, memorySource(made.manifest, made.backup), all());
      return context.report.warnings.join('\n');
    };
    expect(await globals('writer')).toMatch(/not brought back: .*role: "restore"/s);
    const names = async () => {
      const { users } = (await admin.command({ usersInfo: { forAllDBs: true } })) as unknown as {
        users: { user: string }[];
      };
      return users.map((one) => one.user);
    };
    expect(await names()).not.toContain('reader');
    await admin.command({ createUser: 'mender', pwd: 'mender', roles: [{ role: 'restore', db: 'admin' }] });
    expect(await globals('mender')).toContain('user keeper@admin');
    expect(await names()).toContain('reader');
    const keeper = (password: string) =>
      codeOf(
        mongodb.probe(bench.context('shop', { login: async () => Promise.resolve({ username: 'keeper', password }) })),
      );
    expect(await keeper('keeper')).toBe('AUTH_FAILED');
    expect(await keeper('another')).toMatch(/^no error/);
  });

  it('brings no user of an archive that is damaged', async () => {
    const { bench } = there!;
    const stored = Buffer.from(made.backup.finished.get('archive')!);
    stored[stored.indexOf('storedKey') + 20]! ^= 0x01;
    const source = memorySource(made.manifest, made.backup, stored);
    const damaged = mongodb.restoreGlobals!(bench.context('shop'), source, all());
    expect(await codeOf(damaged)).toBe('RESTORE_FAILED');
    const cut = memorySource(made.manifest, made.backup, stored.subarray(0, 40));
    expect(['RESTORE_FAILED', 'CHECKSUM_MISMATCH']).toContain(
      await codeOf(mongodb.restoreGlobals!(bench.context('shop'), cut, all())),
    );
  });
});
