/** A login that may not do all of a restore is told before anything is made, with the statement that mends it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { memorySource, type MemoryBackup } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { runAll, type FamilyServer } from './harness.ts';
import { FLAVOURS, leave, room, shop, type Room } from './room.ts';

const TABLES = ['SELECT', 'INSERT', 'DELETE', 'CREATE', 'DROP', 'ALTER', 'INDEX', 'REFERENCES'];
const CODE = ['CREATE VIEW', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'CREATE ROUTINE', 'ALTER ROUTINE', 'EXECUTE'];
const PLACES = ['`shop`', '`shop\\_%`', '`trial`', '`trial\\_%`'];

describe.each(FLAVOURS)('a restore into %s', (flavour) => {
  const maria = flavour === 'mariadb';
  let here: Room;
  let made: { backup: MemoryBackup; manifest: Manifest };
  let server: FamilyServer['server'];
  const sql = <Row = Record<string, unknown>>(text: string) => server.query<Row>(text);
  const others = maria ? 'SET USER' : 'SET_USER_ID';
  const bodies = `SELECT ON ${maria ? 'mysql.proc' : '*.*'}`;
  /** A login that has these rights in every place, and these besides. */
  const login = async (rights: readonly string[], ...besides: string[]) => {
    await sql("DROP USER IF EXISTS keeper@'%'");
    await sql("CREATE USER keeper@'%' IDENTIFIED BY 'Secret-1'");
    for (const place of PLACES) await sql(`GRANT ${rights.join(', ')} ON ${place}.* TO keeper@'%'`);
    for (const one of besides) await sql(`GRANT ${one} TO keeper@'%'`);
  };
  const restore = (mode: RestoreJob['mode'], more: Partial<RestoreJob> = {}) =>
    here.bench.restore(
      here.bench.restoreJob(mode === 'new' ? 'trial' : 'shop', mode, more),
      memorySource(made.manifest, made.backup),
      { login: async () => Promise.resolve({ username: 'keeper', password: 'Secret-1' }) },
    );
  /** Is refused with everything as it was; what it says to run makes it work. */
  const mended = async (mode: RestoreJob['mode'], lacking: RegExp) => {
    const before = await Promise.all([here.server.databases(), here.server.rowsOf('shop')]);
    const failed = await failure(restore(mode));
    expect([failed.code, failed.detail]).toEqual(['PRIVILEGE_MISSING', expect.stringMatching(lacking)]);
    expect(await Promise.all([here.server.databases(), here.server.rowsOf('shop')])).toEqual(before);
    for (const [one] of failed.detail!.matchAll(/GRANT [^;]*;/g)) await sql(one);
    expect((await restore(mode)).comparison.equal).toBe(true);
    expect(await here.server.rowsOf(mode === 'new' ? 'trial' : 'shop')).toEqual(before[1]);
  };

  beforeAll(async () => {
    here = await room(flavour, maria ? { log_bin: 'binlog', server_id: 7 } : {});
    ({ server } = here.server);
    await shop(here, 'shop');
    await runAll(server, 'shop', ['CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1']);
    made = await here.bench.dump('shop');
  });
  afterAll(() => leave(here));
  beforeEach(async () => {
    for (const name of await here.server.databases())
      if (/^(trial|shop_)/.test(name)) await here.server.dropDatabase(name);
  });

  it('says what the backup holds', () => {
    expect(made.manifest.source.details.code).toBe('event function procedure trigger view');
  });

  it.each(['CREATE VIEW', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'CREATE ROUTINE', 'ALTER ROUTINE', 'DROP', 'CREATE'])(
    'beside the original asks for %s before it begins',
    async (right) => {
      await login(
        [...TABLES, ...CODE].filter((one) => one !== right),
        `${others} ON *.*`,
        bodies,
      );
      await mended('new', new RegExp(`on trial_nj_\\w+, trial: ${right}\\. GRANT ${right} ON`));
    },
  );

  it('in its place asks for what hides the views, triggers, events and routines that serve', async () => {
    await login(TABLES, `${others} ON *.*`, bodies);
    await mended('swap', /on shop_nj_\w+, shop: .*CREATE VIEW, SHOW VIEW/);
  });

  it('asks for the bodies of others’ routines, and for the right to make things of others', async () => {
    await login([...TABLES, ...CODE], `${others} ON *.*`);
    await mended('new', /can not read the bodies of routines of others/);
    await here.server.dropDatabase('trial');
    await login([...TABLES, ...CODE], bodies);
    await mended('new', new RegExp(`others run: root@%\\. GRANT ${others} ON \\*\\.\\*`));
    await here.server.dropDatabase('trial');
    // Its own they are then.
    await login([...TABLES, ...CODE]);
    expect((await restore('new', { noOwner: true })).comparison.equal).toBe(true);
    // Those that serve stay their definers’ own, whatever becomes of the restored ones.
    expect((await failure(restore('swap', { noOwner: true }))).detail).toContain('others run: root@%');
  });

  it('asks beside a binary log who may make functions and triggers', async () => {
    await login([...TABLES, ...CODE], `${others} ON *.*`, bodies);
    await sql('SET GLOBAL log_bin_trust_function_creators = OFF');
    try {
      const before = await here.server.databases();
      const failed = await failure(restore('new'));
      expect([failed.code, failed.detail]).toEqual([
        'PRIVILEGE_MISSING',
        expect.stringContaining('SET GLOBAL log_bin_trust_function_creators = 1;'),
      ]);
      expect(await here.server.databases()).toEqual(before);
      // MySQL’s SUPER, and what MariaDB takes for it.
      await sql("GRANT SUPER ON *.* TO keeper@'%'");
      expect((await restore('new')).comparison.equal).toBe(true);
    } finally {
      await sql('SET GLOBAL log_bin_trust_function_creators = ON');
    }
  });

  it('takes rights that a role gives, where the role is in use', async () => {
    await login(['SELECT']);
    await sql("DROP ROLE IF EXISTS keepers; CREATE ROLE keepers; GRANT keepers TO keeper@'%'");
    // MySQL 8.0.15 lets nobody make a database by what a role was granted on its name.
    for (const place of maria ? PLACES : ['*'])
      await sql(`GRANT ${[...TABLES, ...CODE].join(', ')} ON ${place}.* TO keepers`);
    for (const one of [`${others} ON *.*`, bodies]) await sql(`GRANT ${one} TO keepers`);
    expect((await failure(restore('new'))).code).toBe('PRIVILEGE_MISSING');
    await sql(`SET DEFAULT ROLE keepers ${maria ? 'FOR' : 'TO'} keeper@'%'`);
    expect((await restore('new')).comparison.equal).toBe(true);
    expect((await restore('swap')).comparison.equal).toBe(true);
    await sql('DROP ROLE keepers');
  });

  it('of rows asks to see triggers, which would act on them', async () => {
    const job = { scope: { tables: ['filling'] } };
    await login(TABLES);
    const failed = await failure(restore('overwrite', job));
    expect([failed.code, failed.detail]).toEqual([
      'PRIVILEGE_MISSING',
      expect.stringContaining('shop: TRIGGER. GRANT'),
    ]);
    for (const [one] of failed.detail!.matchAll(/GRANT [^;]*;/g)) await sql(one);
    expect((await restore('overwrite', job)).comparison.equal).toBe(true);
  });
});
