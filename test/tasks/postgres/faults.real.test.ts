/** What goes wrong in the night: none of it may pass for a backup or a restore, none may leave something half-made. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { reachServer } from '../../../tasks/engines/postgres/server.ts';
import { joinSnapshot, openSnapshot } from '../../../tasks/engines/postgres/snapshot.ts';
import { listeningReporter, manifestOf, memoryBackup, memorySource, heldBackup } from '../../contracts/doubles.ts';
import { codeOf, failure, type Bench } from '../../contracts/engine-bench.ts';
import { targetAt, withClient } from './harness.ts';
import { count, leave, room, type Room } from './room.ts';
import { fakeTools, shop } from './trouble.ts';

const run = promisify(execFile);

describe.each([15, 18] as const)('dumping from PostgreSQL %i', (major) => {
  let here: Room;
  const SIZE = 24;
  beforeAll(async () => {
    here = await room(major);
    await shop(here, 'shop', SIZE);
  });
  afterAll(() => leave(here));

  const dumpWith = async (
    scripts: Readonly<Record<string, string>>,
  ): Promise<{ code: string; detail: string | undefined; finished: boolean }> => {
    const { root } = await fakeTools(major, scripts);
    const backup = memoryBackup();
    const env = { ...here.server.env, NIGHTJAR_POSTGRES_ROOT: root };
    try {
      const thrown = await failure(postgres.dump(here.bench.context('shop', { env }), backup.sink));
      return { code: thrown.code, detail: thrown.detail, finished: backup.finished.has('archive') };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  };

  it('fails a tool that ends with 0 and wrote nothing', async () => {
    expect(await dumpWith({ pg_dump: 'exit 0' })).toMatchObject({ code: 'DUMP_EMPTY', finished: false });
  });

  it('fails a tool that ends with 0 and wrote rubbish', async () => {
    const rubbish = await dumpWith({
      pg_dump: 'case "$*" in *--version*) exec $REAL --version;; esac; head -c 300000 /dev/zero',
    });
    expect(rubbish).toMatchObject({ code: 'READ_THROUGH_FAILED', finished: false });
  });

  it('fails a tool that ends with 0 and left the rows of a table out', async () => {
    const partial = await dumpWith({ pg_dump: 'exec $REAL "$@" --exclude-table-data=orders' });
    expect(partial).toMatchObject({ code: 'DUMP_EMPTY', finished: false });
    expect(partial.detail).toContain('public.orders');
  });

  it('fails an archive that was cut off though the tool ended with 0', async () => {
    const cut = await dumpWith({
      pg_dump: 'case "$*" in *--version*) exec $REAL --version;; esac; $REAL "$@" | head -c 4000000',
    });
    expect(cut).toMatchObject({ code: 'READ_THROUGH_FAILED', finished: false });
  });

  it('fails a reader that ends with 0 before it read all', async () => {
    const blind = await dumpWith({ pg_restore: 'case "$*" in *--list*) exec $REAL "$@";; esac; exit 0' });
    expect(blind).toMatchObject({ code: 'READ_THROUGH_FAILED', finished: false });
  });

  it('fails a pg_dumpall that ends with 0 and wrote nothing', async () => {
    expect(await dumpWith({ pg_dumpall: 'exit 0' })).toMatchObject({ code: 'DUMP_EMPTY', finished: false });
  });

  it('fails when pg_dump is killed midway', async () => {
    const killed = await dumpWith({
      pg_dump: 'case "$*" in *--version*) exec $REAL --version;; esac; $REAL "$@" | head -c 3000000; kill -9 $$',
    });
    expect(killed).toMatchObject({ code: 'DUMP_FAILED', finished: false });
    expect(killed.detail).toContain('SIGKILL');
  });
});

describe('dumping under trouble', () => {
  let here: Room;
  beforeAll(async () => {
    here = await room(17);
    await shop(here, 'shop', 16);
    await here.server.postgres.query(
      `CREATE ROLE limited LOGIN PASSWORD 'limited'; GRANT CONNECT ON DATABASE shop TO limited`,
    );
  });
  afterAll(() => leave(here));
  const as = (username: string): { login: () => Promise<{ username: string; password: string }> } => ({
    login: async () => Promise.resolve({ username, password: username }),
  });

  it('names the tables that the user may not read', async () => {
    const thrown = await failure(postgres.dump(here.bench.context('shop', as('limited')), memoryBackup().sink));
    expect(thrown.code).toBe('PRIVILEGE_MISSING');
    expect(thrown.detail).toContain('public.customers');
    const probed = await postgres.probe(here.bench.context('shop', as('limited')));
    expect(probed.findings.some((one) => one.level === 'bad' && one.what.includes('customers'))).toBe(true);
  });

  it('takes pg_read_all_data for enough, and fails rather than leave out rows that row security hides', async () => {
    await here.server.postgres.query('GRANT pg_read_all_data TO limited');
    const { manifest } = await here.bench.dump('shop', as('limited'));
    expect(manifest.fingerprint.tables).toHaveLength(3);
    await here.server.postgres.query('ALTER TABLE customers ENABLE ROW LEVEL SECURITY', { database: 'shop' });
    expect(await codeOf(here.bench.dump('shop', as('limited')))).toBe('PRIVILEGE_MISSING');
    await here.server.postgres.query('ALTER TABLE customers DISABLE ROW LEVEL SECURITY', { database: 'shop' });
  });

  it('gives up with LOCK_TIMEOUT on a table that stays locked', async () => {
    const blocker = await here.server.postgres.connect('shop');
    await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const target = targetAt(here.server.postgres, 'shop', { lockTimeoutSeconds: 1 });
    try {
      expect(await codeOf(here.bench.dump('shop', { target }))).toBe('LOCK_TIMEOUT');
    } finally {
      await blocker.end();
    }
  });

  it('tells of DDL that waited behind the dump, and the fingerprint is still the snapshot’s', async () => {
    const backup = heldBackup(1_000_000);
    const context = here.bench.context('shop');
    const dump = postgres.dump(context, backup.sink);
    await backup.begun;
    // Not before the fingerprint has its lock too: else the dump is refused, as below.
    const held = `SELECT 1 FROM pg_locks WHERE relation = 'filling'::regclass AND mode = 'AccessShareLock' AND granted`;
    while ((await here.server.postgres.query(held, { database: 'shop' })).length < 2)
      await new Promise((done) => setTimeout(done, 50));
    const other = await here.server.postgres.connect('shop');
    const ddl = other.query('TRUNCATE filling');
    // Until the watch has looked once since.
    const looked = `SELECT 1 FROM pg_stat_activity w, pg_stat_activity d WHERE d.query = 'TRUNCATE filling' AND d.wait_event_type = 'Lock'
                      AND strpos(w.query, 'pg_blocking_pids') > 0 AND w.pid <> pg_backend_pid() AND w.state = 'idle' AND w.query_start > d.query_start`;
    while ((await here.server.postgres.query(looked)).length === 0) await new Promise((done) => setTimeout(done, 100));
    backup.release();
    const facts = await dump;
    await ddl;
    await other.end();
    expect(facts.fingerprint.tables.find((one) => one.table === 'filling')?.rows).toBe(16 * 512);
    expect(context.report.warnings.join('\n')).toMatch(/TRUNCATE filling on filling .* waited at least \d+ s/);
    const job = here.bench.restoreJob('seen', 'new');
    await here.bench.restore(job, memorySource(manifestOf('postgres', facts, backup, job.source.backupId), backup));
    expect(await count(here, 'seen', 'filling')).toBe(16 * 512);
  });

  it('does not count what a TRUNCATE has left of a snapshot', async () => {
    const context = here.bench.context('seen');
    const server = await reachServer(context, ['seen']);
    const snapshot = await openSnapshot(server, context.signal);
    try {
      const join = () => joinSnapshot(server, snapshot.id, context.signal, ['"public"."orders"', '"public"."filling"']);
      await (await join()).close();
      await here.server.postgres.query(
        'BEGIN; CREATE TABLE kept AS TABLE orders; TRUNCATE orders; INSERT INTO orders TABLE kept; DROP TABLE kept; COMMIT',
        { database: 'seen' },
      );
      const thrown = await failure(join());
      expect(thrown).toMatchObject({
        code: 'SCHEMA_CHANGED',
        detail: expect.stringContaining('began: orders.') as string,
      });
    } finally {
      await snapshot.close();
    }
  });

  it('shows no password to anybody who lists processes, and keeps none in arguments', async () => {
    let seen = '';
    const backup = memoryBackup(async (bytes) => {
      if (bytes > 1_000_000 && seen === '') seen = (await run('ps', ['axww', '-o', 'args'])).stdout;
    });
    const facts = await postgres.dump(here.bench.context('seen'), backup.sink);
    expect(seen.includes('pg_dump --format=custom')).toBe(true);
    expect(seen.includes(here.server.login.password)).toBe(false);
    expect(JSON.stringify(facts)).not.toContain(here.server.login.password);
  });

  it('refuses a certificate of another authority, and a name that is not on it', async () => {
    const rds = targetAt(here.server.postgres, 'shop', { tls: { verify: 'full', ca: 'rds' } });
    expect(await codeOf(here.bench.dump('shop', { target: rds }))).toBe('TLS_FAILED');
    const { port, caPem } = here.server.postgres;
    const byOtherName = {
      ...targetAt(here.server.postgres, 'shop', { tls: { verify: 'full', ca: caPem } }),
      host: '127.0.0.2',
      port,
    };
    expect(['TLS_FAILED', 'CONNECT_FAILED']).toContain(await codeOf(here.bench.dump('shop', { target: byOtherName })));
    const off = targetAt(here.server.postgres, 'shop', { tls: { verify: 'off', ca: 'rds' } });
    const context = here.bench.context('shop', { target: off });
    await postgres.dump(context, memoryBackup().sink);
    expect(context.report.warnings.join()).toContain('TLS to the server is not verified');
  });

  it('says CONNECT_FAILED when nobody listens, and SERVER_UNSUPPORTED without a client for the server', async () => {
    const target = { ...here.bench.context('shop').target, port: 1 };
    expect(await codeOf(here.bench.dump('shop', { target }))).toBe('CONNECT_FAILED');
    const env = { ...here.server.env, NIGHTJAR_POSTGRES_ROOT: tmpdir() };
    expect(await codeOf(here.bench.dump('shop', { env }))).toBe('SERVER_UNSUPPORTED');
  });

  it('passes a failing upload on as it is, and ends', async () => {
    const backup = memoryBackup((bytes) => {
      if (bytes > 500_000) throw new Error('S3 is away');
    });
    await expect(postgres.dump(here.bench.context('seen'), backup.sink)).rejects.toThrow('S3 is away');
    expect(backup.finished.has('archive')).toBe(false);
  });

  it('says CONNECTION_LOST when the server is stopped midway', async () => {
    const backup = heldBackup(100_000);
    await shop(here, 'large', 16);
    const dump = codeOf(postgres.dump(here.bench.context('large'), backup.sink));
    await backup.begun;
    await here.server.postgres.kill();
    backup.release();
    expect(await dump).toBe('CONNECTION_LOST');
    expect(backup.finished.has('archive')).toBe(false);
    await here.server.postgres.start();
  });
});

describe('restoring under trouble', () => {
  let here: Room;
  let made: Awaited<ReturnType<Bench<'postgres'>['dump']>>;
  beforeAll(async () => {
    here = await room(16, { max_locks_per_transaction: 64 });
    await here.server.postgres.query('CREATE ROLE keeper LOGIN; CREATE ROLE grantee');
    await shop(here, 'shop', 4);
    await here.server.postgres.query('ALTER TABLE orders OWNER TO keeper; GRANT SELECT ON customers TO grantee', {
      database: 'shop',
    });
    made = await here.bench.dump('shop');
  });
  afterAll(() => leave(here));
  const source = (): ReturnType<typeof memorySource> => memorySource(made.manifest, made.backup);

  it('records roles that own or are granted something', () => {
    expect(made.manifest.roles).toEqual(['grantee', 'keeper', 'postgres']);
  });

  it('names missing roles before anything starts; without owners it goes', async () => {
    const elsewhere = await room(16);
    try {
      const job = elsewhere.bench.restoreJob('copy', 'new');
      const thrown = await failure(elsewhere.bench.restore(job, source()));
      expect(thrown.code).toBe('ROLE_MISSING');
      expect(thrown.detail).toContain('grantee, keeper');
      expect(await elsewhere.server.databases()).not.toContain('copy');
      const outcome = await elsewhere.bench.restore({ ...job, noOwner: true }, source());
      expect(outcome.comparison.equal).toBe(true);
    } finally {
      await leave(elsewhere);
    }
  });

  it('refuses an older server before anything starts, and takes a newer one', async () => {
    const older = await room(15);
    const newer = await room(18);
    try {
      const job = older.bench.restoreJob('copy', 'new', { noOwner: true });
      const thrown = await failure(older.bench.restore(job, source()));
      expect(thrown.code).toBe('RESTORE_FAILED');
      expect(thrown.detail).toContain('its own or a newer major version only');
      const up = newer.bench.restoreJob('copy', 'new', { noOwner: true });
      expect((await newer.bench.restore(up, source())).comparison.equal).toBe(true);
    } finally {
      await leave(older);
      await leave(newer);
    }
  });

  it('leaves the old database serving when its sessions can not be ended, and the next try succeeds', async () => {
    await here.server.postgres.query(`CREATE ROLE weak LOGIN CREATEDB PASSWORD 'weak'`);
    await here.server.postgres.query('CREATE DATABASE hers OWNER weak');
    const holder = await here.server.postgres.connect('hers');
    const job = here.bench.restoreJob('hers', 'swap', { noOwner: true });
    const login = async (): Promise<{ username: string; password: string }> =>
      Promise.resolve({ username: 'weak', password: 'weak' });
    const thrown = await failure(here.bench.restore(job, source(), { login }));
    expect(thrown.code).toBe('SWAP_FAILED');
    expect(thrown.detail).toContain('May not end');
    expect(await here.server.databases()).toEqual(expect.arrayContaining(['hers', aliasDatabase('hers', job.id)]));
    await holder.end();
    const report = listeningReporter();
    const outcome = await here.bench.restore(job, source(), { login, report });
    expect(outcome.replacedDatabase).toBe(replacedDatabase('hers', job.id));
    expect(report.phases).not.toContain('restoring');
    expect(await count(here, 'hers', 'orders')).toBe(300);
  });

  it('finds out before loading that a database is somebody else’s, or holds prepared transactions', async () => {
    const login = async (): Promise<{ username: string; password: string }> =>
      Promise.resolve({ username: 'weak', password: 'weak' });
    const foreign = here.bench.restoreJob('shop', 'swap', { noOwner: true });
    expect(await codeOf(here.bench.restore(foreign, source(), { login }))).toBe('PRIVILEGE_MISSING');
    await here.server.postgres.query(`BEGIN; CREATE TABLE half (); PREPARE TRANSACTION 'left'`, { database: 'shop' });
    expect(await codeOf(here.bench.restore(here.bench.restoreJob('shop', 'swap'), source()))).toBe('SWAP_FAILED');
    await here.server.postgres.query(`ROLLBACK PREPARED 'left'`, { database: 'shop' });
    expect(await here.server.databases()).toContain('shop');
  });

  it('restores in parallel from the scratch disk when told so', async () => {
    const job = here.bench.restoreJob('parallel', 'new', { jobs: 3 });
    const report = listeningReporter();
    const outcome = await here.bench.restore(job, source(), { report });
    expect(outcome.comparison.equal).toBe(true);
    expect(report.phases).toContain('downloading');
    const flipped = Buffer.from(made.backup.finished.get('archive')!);
    flipped[flipped.length - 1]! ^= 1;
    const broken = memorySource(made.manifest, made.backup, flipped);
    expect(await codeOf(here.bench.restore({ ...job, database: 'never' }, broken))).toBe('CHECKSUM_MISMATCH');
    expect(await here.server.databases()).not.toContain('never');
  });

  it('brings back some tables, with what is theirs', async () => {
    const job = here.bench.restoreJob('some', 'new', { scope: { tables: ['public.customers'] } });
    const from = source();
    const outcome = await here.bench.restore(job, from);
    expect(from.proofs()).toBe(1);
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 1, rowsFound: 500 });
    expect(await count(here, 'some', 'customers')).toBe(500);
    await here.server.postgres.query(`INSERT INTO customers (name) VALUES ('next')`, { database: 'some' });
    expect(await codeOf(count(here, 'some', 'orders'))).toBe('42P01');
    const unknown = here.bench.restoreJob('none', 'new', { scope: { tables: ['public.nothing'] } });
    expect(await codeOf(here.bench.restore(unknown, source()))).toBe('INPUT_INVALID');
    expect(await here.server.databases()).not.toContain('none');
  });

  it('brings back a partitioned table with its partitions, and compares them', async () => {
    await here.server.postgres.query('CREATE DATABASE parted');
    await withClient(here.server.postgres, 'parted', (client) =>
      client.query(`CREATE TABLE "a.b" (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF "a.b" FOR VALUES FROM (0) TO (10);
        CREATE TABLE high PARTITION OF "a.b" DEFAULT; INSERT INTO "a.b" SELECT generate_series(1, 30); CREATE TABLE other AS SELECT 1`),
    );
    const parted = await here.bench.dump('parted');
    const from = (): ReturnType<typeof memorySource> => memorySource(parted.manifest, parted.backup);
    const scope = { tables: ['public.a.b'] };
    const outcome = await here.bench.restore(here.bench.restoreJob('parted2', 'new', { scope }), from());
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 2, rowsFound: 30 });
    await here.server.postgres.query('DELETE FROM "a.b" WHERE id > 5', { database: 'parted' });
    const over = await here.bench.restore(here.bench.restoreJob('parted', 'overwrite', { scope }), from());
    expect(over.comparison).toMatchObject({ equal: true, tablesCompared: 2, rowsFound: 30 });
  });

  it('brings back the schema only, and refuses scopes that make no sense', async () => {
    await here.bench.restore(here.bench.restoreJob('hollow', 'new', { scope: { schemaOnly: true } }), source());
    expect(await count(here, 'hollow', 'orders')).toBe(0);
    const swap = here.bench.restoreJob('shop', 'swap', { scope: { schemaOnly: true } });
    expect(await codeOf(here.bench.restore(swap, source()))).toBe('SCOPE_REFUSED');
    const data = here.bench.restoreJob('no', 'new', { scope: { dataOnly: true } });
    expect(await codeOf(here.bench.restore(data, source()))).toBe('SCOPE_REFUSED');
    const schema = here.bench.restoreJob('shop', 'overwrite', { scope: { schemaOnly: true } });
    expect(await codeOf(here.bench.restore(schema, source()))).toBe('SCOPE_REFUSED');
    expect(await count(here, 'shop', 'orders')).toBe(300);
  });

  it('replaces the rows of one living table that others refer to, and makes one that is missing', async () => {
    await here.server.postgres.query(`UPDATE customers SET name = 'wrong'; DROP TABLE filling`, { database: 'shop' });
    const job = here.bench.restoreJob('shop', 'overwrite', {
      scope: { tables: ['public.customers', 'public.filling'] },
    });
    const outcome = await here.bench.restore(job, source());
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 2 });
    expect(await count(here, 'shop', `customers WHERE name = 'c' || id`)).toBe(500);
    expect(await count(here, 'shop', 'filling')).toBe(4 * 512);
    expect(await count(here, 'shop', 'orders')).toBe(300);
  });

  it('replaces all data in place', async () => {
    await here.server.postgres.query(`DELETE FROM orders; UPDATE customers SET name = NULL`, { database: 'shop' });
    const job = here.bench.restoreJob('shop', 'overwrite', { scope: { dataOnly: true } });
    expect((await here.bench.restore(job, source())).comparison).toMatchObject({ equal: true, tablesCompared: 3 });
    expect(await count(here, 'shop', 'orders')).toBe(300);
  });

  it('leaves nothing in an overwritten database that the backup does not know', async () => {
    await here.server.postgres.query('CREATE TABLE later AS SELECT * FROM orders', { database: 'shop' });
    await here.bench.restore(here.bench.restoreJob('shop', 'overwrite'), source());
    const later = await here.server.postgres.query(`SELECT to_regclass('later') AS there`, { database: 'shop' });
    expect(later).toEqual([{ there: null }]);
    expect(await count(here, 'shop', 'orders')).toBe(300);
  });

  it('overwrites a database with extensions that need each other, and forgets default privileges made since', async () => {
    const { postgres: server } = here.server;
    await server.query('CREATE EXTENSION cube; CREATE EXTENSION earthdistance', { database: 'shop' });
    await server.query('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC', { database: 'shop' });
    await here.bench.restore(here.bench.restoreJob('shop', 'overwrite'), source());
    expect(await server.query('SELECT 1 FROM pg_default_acl', { database: 'shop' })).toEqual([]);
    expect(await count(here, 'shop', 'orders')).toBe(300);
  });

  it('refuses an overwrite by a user who does not own what would be dropped, before anything is touched', async () => {
    const { postgres: server } = here.server;
    await server.query(`CREATE ROLE tenant LOGIN PASSWORD 'tenant'; GRANT pg_read_all_data TO tenant`);
    const job = here.bench.restoreJob('shop', 'overwrite', { noOwner: true });
    const login = () => Promise.resolve({ username: 'tenant', password: 'tenant' });
    const thrown = await failure(here.bench.restore(job, source(), { login }));
    expect(thrown).toMatchObject({ code: 'PRIVILEGE_MISSING' });
    expect(await count(here, 'shop', 'orders')).toBe(300);
  });

  it('rolls an overwrite back when somebody holds a table', async () => {
    const target = targetAt(here.server.postgres, 'shop', { lockTimeoutSeconds: 1 });
    await withClient(here.server.postgres, 'shop', async (client) => {
      await client.query('CREATE VIEW kept AS SELECT * FROM orders');
      await client.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
      const job = here.bench.restoreJob('shop', 'overwrite');
      expect(await codeOf(here.bench.restore(job, source(), { target }))).toBe('LOCK_TIMEOUT');
      await client.query('ROLLBACK');
    });
    expect(await count(here, 'shop', 'kept')).toBe(300);
    await here.server.postgres.query('DROP VIEW kept', { database: 'shop' });
  });
});
