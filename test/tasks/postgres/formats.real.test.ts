/** Plain SQL, parts of a database, and other owners: each comes back as it was, or is refused with the reason. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../core/backup.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { failure, type Bench, type Rows } from '../../contracts/engine-bench.ts';
import { ident, targetAt } from './harness.ts';
import { count, leave, room, type Room } from './room.ts';
import { fakeTools, shop } from './trouble.ts';

type Made = Awaited<ReturnType<Bench<'postgres'>['dump']>>;
type Fields = Parameters<typeof targetAt>[2];

const dumped = (here: Room, database: string, fields: Fields): Promise<Made> =>
  here.bench.dump(database, { target: targetAt(here.server.postgres, database, fields) });
const source = ({ manifest, backup }: Made): ReturnType<typeof memorySource> => memorySource(manifest, backup);
/** The same backup with another script, as if it had been made so. */
function rewritten({ manifest, backup }: Made, change: (script: string) => string): ReturnType<typeof memorySource> {
  const archive = gzipSync(
    Buffer.from(change(gunzipSync(backup.finished.get('archive')!).toString('latin1')), 'latin1'),
  );
  const sha256 = createHash('sha256').update(archive).digest('hex');
  return memorySource({ ...manifest, archive: { bytes: archive.length, sha256 } }, backup, archive);
}
const refusing = (here: Room, made: Made, ...job: Parameters<Bench<'postgres'>['restoreJob']>) =>
  failure(here.bench.restore(here.bench.restoreJob(...job), source(made)));

/** The oldest only with NIGHTJAR_SLOW=1: its tools write and read the same text. */
const MAJORS = process.env.NIGHTJAR_SLOW ? ([14, 18] as const) : ([18] as const);

describe.each(MAJORS)('plain SQL of PostgreSQL %i', (major) => {
  let here: Room;
  let made: Made;
  let original: Rows;
  const plain = { format: 'plain', compression: { algorithm: 'gzip', level: 1 } } as const;
  beforeAll(async () => {
    here = await room(major);
    await here.server.seed(here.server.awkwardName);
    original = await here.server.rowsOf(here.server.awkwardName);
    made = await dumped(here, here.server.awkwardName, plain);
  });
  afterAll(() => leave(here));

  it('brings an awkward database back beside it, and in its place', async () => {
    expect(made.manifest).toMatchObject({ format: 'plain', compression: { place: 'outside', algorithm: 'gzip' } });
    const beside = await here.bench.restore(here.bench.restoreJob('copy', 'new'), source(made));
    expect(beside.comparison).toMatchObject({ equal: true, mode: 'checksums' });
    expect(await here.server.rowsOf('copy')).toEqual(original);
    await here.server.damage('copy');
    await here.bench.restore(here.bench.restoreJob('copy', 'swap'), source(made));
    expect(await here.server.rowsOf('copy')).toEqual(original);
  });

  it('replaces a living database in one transaction, large objects and all', async () => {
    await here.server.damage('copy');
    const change = `CREATE TABLE later AS SELECT 1 AS x; CREATE FUNCTION atomic() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END`;
    await here.server.postgres.query(change, { database: 'copy' });
    const more = await dumped(here, 'copy', plain);
    const changed = await here.server.rowsOf('copy');
    const over = await here.bench.restore(here.bench.restoreJob('copy', 'overwrite'), source(made));
    expect(over.comparison).toMatchObject({ equal: true, mode: 'checksums' });
    expect(await here.server.rowsOf('copy')).toEqual(original);
    // A function's body may hold semicolons, and an END.
    await here.bench.restore(here.bench.restoreJob('copy', 'overwrite'), source(more));
    expect(await here.server.rowsOf('copy')).toEqual(changed);
  });

  it.runIf(major === 18)(
    'leaves the living database as it was when the last bytes are wrong, a row is missing, or somebody holds a table',
    async () => {
      const before = await here.server.rowsOf('copy');
      const over = (from = source(made), more = {}) =>
        failure(here.bench.restore(here.bench.restoreJob('copy', 'overwrite'), from, more));
      const archive = made.backup.finished.get('archive')!;
      const flipped = Buffer.from(archive);
      flipped[flipped.length - 6]! ^= 1;
      expect((await over(memorySource(made.manifest, made.backup, flipped))).code).toMatch(/CHECKSUM|RESTORE_FAILED/);
      expect(await here.server.rowsOf('copy')).toEqual(before);
      const without = rewritten(made, (script) => script.replace(/^1999\t.*\n/m, ''));
      expect(await over(without)).toMatchObject({ code: 'FINGERPRINT_DIFFERS' });
      expect(await here.server.rowsOf('copy')).toEqual(before);
      const target = targetAt(here.server.postgres, 'copy', { lockTimeoutSeconds: 1 });
      const holder = await here.server.postgres.connect('copy');
      await holder.query('BEGIN; LOCK TABLE tree IN ACCESS SHARE MODE');
      expect(await over(source(made), { target })).toMatchObject({ code: 'LOCK_TIMEOUT' });
      await holder.end();
      expect(await here.server.rowsOf('copy')).toEqual(before);
    },
  );

  it.runIf(major === 18)('that ends the transaction it is run in is told for what it is', async () => {
    const ending = rewritten(made, (script) => script.replace('CREATE TABLE public.hen', 'COMMIT AND CHAIN;\n$&'));
    const thrown = await failure(here.bench.restore(here.bench.restoreJob('copy', 'overwrite'), ending));
    expect(thrown).toMatchObject({ code: 'UNEXPECTED', detail: expect.stringContaining('look before') as string });
    await here.bench.restore(here.bench.restoreJob('copy', 'swap'), source(made));
  });

  it('is refused by parts', async () => {
    const part = await refusing(here, made, 'part', 'new', { scope: { tables: ['public.big'] } });
    expect(part).toMatchObject({ code: 'SCOPE_REFUSED', detail: expect.stringContaining('format plain') as string });
    const narrow = failure(dumped(here, 'copy', { ...plain, scope: { tables: ['public.big'] } }));
    expect(await narrow).toMatchObject({ code: 'SCOPE_REFUSED', detail: expect.stringContaining('custom') as string });
  });

  it('of a tool that ends with 0, and left rows out or was cut off, is no backup', async () => {
    const withTool = async (script: string): Promise<string> => {
      const only = 'case "$*" in *--format=plain*) ;; *) exec $REAL "$@";; esac';
      const { root } = await fakeTools(major, { pg_dump: `${only}\n${script}` });
      const backup = memoryBackup();
      const target = targetAt(here.server.postgres, here.server.awkwardName, plain);
      const env = { ...here.server.env, NIGHTJAR_POSTGRES_ROOT: root };
      const thrown = await failure(postgres.dump(here.bench.context('shop', { target, env }), backup.sink));
      expect(backup.finished.has('archive')).toBe(false);
      await rm(root, { recursive: true, force: true });
      return `${thrown.code} ${thrown.detail}`;
    };
    expect(await withTool('exit 0')).toMatch(/^DUMP_EMPTY /);
    expect(await withTool('exec $REAL "$@" --exclude-table-data=tree')).toContain(
      'DUMP_EMPTY The archive holds no data of public.tree',
    );
    expect(await withTool('$REAL "$@" | sed "/^1999\\t/d"')).toContain('public.big: 1995 rows instead of 1996');
    expect(await withTool('$REAL "$@" | head -c 9000000')).toContain('READ_THROUGH_FAILED');
    expect(await withTool('$REAL "$@" | grep -v "dump complete"')).toContain('READ_THROUGH_FAILED');
  });
});

describe('a psql that ends with 0 and did nothing', () => {
  let here: Room;
  beforeAll(async () => {
    here = await room(17);
    await shop(here, 'shop');
  });
  afterAll(() => leave(here));

  it.each(['new', 'swap', 'overwrite'] as const)('restores nothing, and is told (%s)', async (mode) => {
    const before = [await here.server.rowsOf('shop'), await here.server.databases()];
    const made = await dumped(here, 'shop', { format: 'plain', compression: { algorithm: 'none', level: 0 } });
    const job = here.bench.restoreJob(mode === 'new' ? 'copy' : 'shop', mode);
    const { root } = await fakeTools(17, { psql: 'exit 0' });
    const env = { ...here.server.env, NIGHTJAR_POSTGRES_ROOT: root };
    try {
      expect(await failure(here.bench.restore(job, source(made), { env }))).toMatchObject({ code: 'RESTORE_FAILED' });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
    expect([await here.server.rowsOf('shop'), await here.server.databases()]).toEqual(before);
  });
});

describe('parts of a database', () => {
  let here: Room;
  const query = (sql: string, database = 'shop'): Promise<unknown[]> => here.server.postgres.query(sql, { database });
  beforeAll(async () => {
    here = await room(17, {}, { fingerprint: 'counts' });
    await here.server.postgres.query('CREATE DATABASE shop');
    await query(`CREATE SCHEMA log; CREATE TYPE mood AS ENUM ('ok'); CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1;
      CREATE TABLE customers (id serial PRIMARY KEY, m mood); INSERT INTO customers SELECT i, 'ok' FROM generate_series(1, 9) i;
      CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, n int DEFAULT one()); INSERT INTO orders SELECT i, i FROM generate_series(1, 5) i;
      CREATE TABLE log.lines (id int) PARTITION BY RANGE (id); CREATE TABLE log.low PARTITION OF log.lines FOR VALUES FROM (0) TO (10);
      CREATE TABLE log.high PARTITION OF log.lines DEFAULT; INSERT INTO log.lines SELECT generate_series(1, 30);
      CREATE VIEW latest AS SELECT * FROM log.lines; CREATE FUNCTION lines() RETURNS SETOF log.lines LANGUAGE sql AS 'SELECT * FROM log.lines';
      CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM orders; SELECT lo_from_bytea(4711, 'large')`);
  });
  afterAll(() => leave(here));
  const names = async (database: string): Promise<string[]> =>
    Object.entries(await here.server.rowsOf(database)).flatMap(([name, rows]) =>
      name.startsWith('(') ? [] : [`${name} ${rows.length}`],
    );

  it('come back with all that they need, partitions too, and with no foreign key to what stayed away', async () => {
    const made = await dumped(here, 'shop', { scope: { tables: ['public.orders', 'log.lines'] } });
    expect(made.manifest.fingerprint.tables.map((one) => `${one.table} ${one.rows}`)).toEqual([
      'high 21',
      'low 9',
      'orders 5',
    ]);
    const outcome = await here.bench.restore(here.bench.restoreJob('some', 'new'), source(made));
    expect((await names('some')).sort()).toEqual(['log.high 21', 'log.low 9', 'public.orders 5']);
    expect(outcome.warnings.join()).toContain('1 foreign keys to tables outside the scope');
    const none = await refusing(here, made, 'none', 'new', { scope: { tables: ['public.customers'] } });
    expect(none).toMatchObject({
      code: 'SCOPE_REFUSED',
      detail: expect.stringContaining('public.customers') as string,
    });
    expect(await refusing(here, made, 'shop', 'swap')).toMatchObject({ code: 'SCOPE_REFUSED' });
  });

  it('replace their own rows only', async () => {
    const made = await dumped(here, 'shop', { scope: { tables: ['public.orders'] } });
    await query('DELETE FROM orders WHERE id > 2; INSERT INTO customers VALUES (100)');
    await here.bench.restore(here.bench.restoreJob('shop', 'overwrite'), source(made));
    expect([await count(here, 'shop', 'orders'), await count(here, 'shop', 'customers')]).toEqual([5, 10]);
    await query('DELETE FROM customers WHERE id = 100');
  });

  it('that are excluded stay empty, and nothing that refers to them stands in the way', async () => {
    const context = here.bench.context('shop', {
      target: targetAt(here.server.postgres, 'shop', {
        scope: { exclude: ['public.customers', 'log.low', 'log.gone'] },
      }),
    });
    const made = await here.bench.dump('shop', context);
    expect(context.report.warnings.join()).toContain('log.gone');
    expect(context.report.warnings.join()).toContain('orders_customer_fkey on orders to customers');
    const outcome = await here.bench.restore(here.bench.restoreJob('rest', 'new'), source(made));
    expect(await names('rest')).toEqual(
      expect.arrayContaining(['public.customers 0', 'log.high 21', 'log.low 0', 'public.orders 5', 'public.summary 1']),
    );
    expect(outcome.warnings.join()).toContain('1 foreign keys to tables whose rows are not in the backup');
    expect(await refusing(here, made, 'shop', 'overwrite')).toMatchObject({
      code: 'SCOPE_REFUSED',
      detail: expect.stringContaining('Use mode `swap`') as string,
    });
    // Rows alone: those that the backup has, and no other table is emptied.
    await query('DELETE FROM orders WHERE id > 2');
    await here.bench.restore(here.bench.restoreJob('shop', 'overwrite', { scope: { dataOnly: true } }), source(made));
    expect([await count(here, 'shop', 'orders'), await count(here, 'shop', 'customers')]).toEqual([5, 9]);
    expect(await count(here, 'shop', 'log.low')).toBe(9);
  });

  it('that are rows without definitions go into tables that are there, and nowhere else', async () => {
    const made = await dumped(here, 'shop', { scope: { dataOnly: true } });
    await query(`DELETE FROM orders WHERE id > 2; DELETE FROM log.lines; SELECT setval('customers_id_seq', 1)`);
    await here.bench.restore(here.bench.restoreJob('shop', 'overwrite'), source(made));
    expect([await count(here, 'shop', 'orders'), await count(here, 'shop', 'log.lines')]).toEqual([5, 30]);
    expect(await refusing(here, made, 'bare', 'new')).toMatchObject({ code: 'SCOPE_REFUSED' });
  });

  it('that nobody knows fail the dump', async () => {
    const thrown = await failure(dumped(here, 'shop', { scope: { tables: ['public.nope'] } }));
    expect(thrown).toMatchObject({ code: 'INPUT_INVALID', detail: expect.stringContaining('public.nope') as string });
  });

  it.each(['custom', 'plain'] as const)('of definitions only hold no row (%s)', async (format) => {
    const made = await dumped(here, 'shop', { format, scope: { schemaOnly: true } });
    expect(made.manifest.fingerprint).toMatchObject({ mode: 'none', tables: [] });
    await here.bench.restore(here.bench.restoreJob(`bare_${format}`, 'new'), source(made));
    const found = await names(`bare_${format}`);
    expect(found.filter((one) => !one.endsWith(' 0'))).toEqual([]);
    expect(found).toHaveLength(5);
  });
});

describe('other owners', () => {
  let here: Room;
  let there: Room;
  const roleMap = { 'shop "x"': 'Ünew', reader: 'looker', postgres: 'boss' };
  beforeAll(async () => {
    [here, there] = [await room(16), await room(18)];
    await here.server.postgres.query('CREATE ROLE "shop ""x"""');
    await here.server.postgres.query('CREATE DATABASE shop OWNER "shop ""x"""');
    await here.server.postgres.query(
      `CREATE TABLE orders (id int); INSERT INTO orders VALUES (1); ALTER TABLE orders OWNER TO "shop ""x""";
       ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON orders TO reader USING (id > 0);
       GRANT SELECT ON orders TO reader WITH GRANT OPTION; SET SESSION AUTHORIZATION reader; GRANT SELECT ON orders TO PUBLIC; RESET SESSION AUTHORIZATION;
       ALTER DEFAULT PRIVILEGES FOR ROLE "shop ""x""" GRANT SELECT ON TABLES TO reader; GRANT CREATE ON DATABASE shop TO reader;
       ALTER ROLE reader IN DATABASE shop SET work_mem TO '7MB'; SELECT lo_from_bytea(4711, 'large')`,
      { database: 'shop' },
    );
    await there.server.postgres.query(
      'CREATE ROLE "Ünew"; CREATE ROLE looker; CREATE ROLE boss SUPERUSER; DROP ROLE reader',
    );
  });
  afterAll(() => Promise.all([leave(here), leave(there)]));

  it.each([
    ['custom', 'new'],
    ['custom', 'overwrite'],
    ['plain', 'new'],
    ['plain', 'overwrite'],
  ] as const)('get what the map says, grants too (%s, %s)', async (format, mode) => {
    const made = await dumped(here, 'shop', { format });
    const name = `to_${format}_${mode}`;
    if (mode === 'overwrite') await there.server.postgres.query(`CREATE DATABASE ${ident(name)}`);
    const job = there.bench.restoreJob(name, mode, { roleMap });
    expect((await there.bench.restore(job, source(made))).comparison.equal).toBe(true);
    const [found] = await there.server.postgres.query<Record<string, string>>(
      `SELECT relowner::regrole::text AS owner, (SELECT string_agg(format('%s %s %s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, is_grantable, grantor::regrole), ', ' ORDER BY grantee::regrole::text)
                 FROM aclexplode(relacl) WHERE privilege_type = 'SELECT') AS acl,
              (SELECT array_agg(r::text)::text FROM unnest((SELECT polroles::regrole[] FROM pg_policy)) r) AS policy,
              (SELECT format('%s %s', defaclrole::regrole, (SELECT grantee::regrole FROM aclexplode(defaclacl) WHERE grantee <> defaclrole)) FROM pg_default_acl) AS defaults,
              (SELECT lomowner::regrole::text FROM pg_largeobject_metadata) AS large,
              (SELECT format('%s %s', datdba::regrole, has_database_privilege('looker', oid, 'CREATE')) FROM pg_database WHERE datname = current_database()) AS database,
              (SELECT setrole::regrole::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()) AS setting
         FROM pg_class WHERE relname = 'orders'`,
      { database: name },
    );
    expect(found).toMatchObject({ owner: '"Ünew"', policy: '{looker}', large: 'boss' });
    expect(found!.acl).toBe('"Ünew" f "Ünew", PUBLIC f looker, looker t "Ünew"');
    expect(found!.defaults).toBe('"Ünew" looker');
    if (mode === 'new') expect([found!.database, found!.setting]).toEqual(['"Ünew" t', 'looker']);
  });

  it('that are missing are named as the map calls them', async () => {
    const made = await dumped(here, 'shop', {});
    const thrown = await refusing(there, made, 'never', 'new', { roleMap: { ...roleMap, reader: 'nobody here' } });
    expect(thrown).toMatchObject({ code: 'ROLE_MISSING', detail: expect.stringContaining('nobody here') as string });
  });

  it('are left out of plain SQL with every grant', async () => {
    const made: { manifest: Manifest } & Made = await dumped(here, 'shop', { format: 'plain' });
    await there.server.postgres.query('CREATE ROLE reader');
    await there.bench.restore(there.bench.restoreJob('mine', 'new', { noOwner: true }), source(made));
    const [found] = await there.server.postgres.query(
      `SELECT relowner::regrole::text AS owner, relacl AS acl FROM pg_class WHERE relname = 'orders'`,
      { database: 'mine' },
    );
    expect(found).toEqual({ owner: 'postgres', acl: null });
  });
});
