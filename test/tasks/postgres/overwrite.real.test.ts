/** Overwrites that need more care than others: by somebody who is no superuser, and of the schema only. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listeningReporter, memorySource } from '../../contracts/doubles.ts';
import { failure, type Bench } from '../../contracts/engine-bench.ts';
import { count, leave, room, type Room } from './room.ts';
import { ident, type PostgresServer } from './harness.ts';

const hers = { login: () => Promise.resolve({ username: 'hers', password: 'hers' }) };

/** A database whose owner is no superuser, and owns all that is in it. */
async function ownedShop(here: Room, database: string): Promise<void> {
  await here.server.postgres.query(`CREATE DATABASE ${ident(database)} OWNER hers`);
  const client = await here.server.postgres.connect(database, { user: 'hers', password: 'hers' });
  try {
    await client.query(`
      CREATE SCHEMA crm; CREATE TABLE crm.customers (id serial PRIMARY KEY, name text);
      INSERT INTO crm.customers (name) SELECT 'c' || i FROM generate_series(1, 500) i;
      CREATE TABLE crm.visits (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE crm.visits_all PARTITION OF crm.visits DEFAULT; INSERT INTO crm.visits VALUES (1, '2026-01-01');
      CREATE FUNCTION crm.shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)'; SELECT lo_from_bytea(0, 'large');
      CREATE TYPE crm.mood AS ENUM ('good', 'bad'); COMMENT ON SCHEMA crm IS 'hers'`);
  } finally {
    await client.end();
  }
}

describe.each([14, 18] as const)('an owner who is no superuser, on PostgreSQL %i', (major) => {
  let here: Room;
  let made: Awaited<ReturnType<Bench<'postgres'>['dump']>>;
  beforeAll(async () => {
    here = await room(major);
    await here.server.postgres.query(`CREATE ROLE hers LOGIN PASSWORD 'hers'; CREATE ROLE other LOGIN`);
    await ownedShop(here, 'owned');
    made = await here.bench.dump('owned', hers);
  });
  afterAll(() => leave(here));
  const query = (sql: string): Promise<unknown[]> => here.server.postgres.query(sql, { database: 'owned' });
  const overwriting = (dumped = made, more: Parameters<typeof here.bench.restoreJob>[2] = {}): Promise<unknown> =>
    here.bench.restore(
      here.bench.restoreJob('owned', 'overwrite', more),
      memorySource(dumped.manifest, dumped.backup),
      hers,
    );

  it('overwrites what is all hers, and is refused before anything is touched while a schema is not', async () => {
    if (major === 14) {
      expect(await failure(overwriting())).toMatchObject({
        code: 'PRIVILEGE_MISSING',
        detail: expect.stringContaining('schema public') as string,
      });
      await query('ALTER SCHEMA public OWNER TO hers');
    }
    const before = await here.server.rowsOf('owned');
    await query(`DELETE FROM crm.customers; DROP TABLE crm.visits; CREATE TABLE crm.later AS SELECT 1 AS x`);
    await query('ALTER TABLE crm.later OWNER TO other');
    await overwriting();
    expect(await here.server.rowsOf('owned')).toEqual(before);
  });

  it.each([
    ['an owner she can not become', 'ALTER TABLE crm.customers OWNER TO other', 'hand objects to other'],
    [
      'an event trigger',
      `CREATE FUNCTION crm.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION crm.e()`,
      'make EVENT TRIGGER',
    ],
    ['an extension that is not trusted', 'CREATE EXTENSION pageinspect', 'make the extension pageinspect'],
  ])('is refused %s before anything is touched', async (_, change, words) => {
    await here.server.postgres.query('CREATE DATABASE source TEMPLATE owned');
    await here.server.postgres.query(change, { database: 'source' });
    const dumped = await here.bench.dump('source');
    const before = await here.server.rowsOf('owned');
    const report = listeningReporter();
    const job = here.bench.restoreJob('owned', 'overwrite');
    const thrown = await failure(
      here.bench.restore(job, memorySource(dumped.manifest, dumped.backup), { ...hers, report }),
    );
    expect(thrown).toMatchObject({ code: 'PRIVILEGE_MISSING', detail: expect.stringContaining(words) as string });
    expect(report.phases).not.toContain('restoring');
    expect(await here.server.rowsOf('owned')).toEqual(before);
    await here.server.dropDatabase('source');
  });

  it.each([
    ['a publication', 'CREATE PUBLICATION theirs FOR ALL TABLES', 'DROP PUBLICATION theirs'],
    [
      'a foreign data wrapper',
      'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w',
      'DROP FOREIGN DATA WRAPPER w CASCADE',
    ],
    ['a large object', 'SELECT lo_from_bytea(4711, $$x$$)', 'SELECT lo_unlink(4711)'],
  ])('is refused while %s in the database is somebody else’s', async (_, change, undo) => {
    await query(change);
    const before = await here.server.rowsOf('owned');
    const report = listeningReporter();
    const job = here.bench.restoreJob('owned', 'overwrite');
    const work = here.bench.restore(job, memorySource(made.manifest, made.backup), { ...hers, report });
    expect(await failure(work)).toMatchObject({ code: 'PRIVILEGE_MISSING' });
    expect(report.phases).not.toContain('restoring');
    expect(await here.server.rowsOf('owned')).toEqual(before);
    await query(undo);
  });
});

describe('overwriting the schema only', () => {
  let here: Room;
  let made: Awaited<ReturnType<Bench<'postgres'>['dump']>>;
  let empty: Awaited<ReturnType<PostgresServer['rowsOf']>>;
  const DATABASE = 'parted';
  beforeAll(async () => {
    here = await room(17);
    await here.server.postgres.query(`CREATE DATABASE ${DATABASE}`);
    await query(`CREATE TABLE a (id int PRIMARY KEY, at date) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF a FOR VALUES FROM (0) TO (10);
      CREATE TABLE high PARTITION OF a DEFAULT; CREATE TABLE b (id int REFERENCES a); CREATE VIEW seen AS SELECT * FROM a;
      SELECT lo_from_bytea(4711, 'kept')`);
    empty = await here.server.rowsOf(DATABASE);
    await query('INSERT INTO a SELECT generate_series(1, 30); INSERT INTO b SELECT 7');
    made = await here.bench.dump(DATABASE);
  });
  afterAll(() => leave(here));
  const query = (sql: string): Promise<unknown[]> => here.server.postgres.query(sql, { database: DATABASE });
  const restoring = (more: Parameters<typeof here.bench.restore>[2] = {}): Promise<unknown> =>
    here.bench.restore(
      here.bench.restoreJob(DATABASE, 'overwrite', { scope: { schemaOnly: true } }),
      memorySource(made.manifest, made.backup),
      more,
    );

  it('is refused while a table has rows, also one that the backup does not know', async () => {
    expect(await failure(restoring())).toMatchObject({
      code: 'SCOPE_REFUSED',
      detail: expect.stringMatching(/drops public\.(low|high|b), which has rows/) as string,
    });
    await query('TRUNCATE a, b; CREATE TABLE unknown AS SELECT 1 AS x');
    const before = await here.server.rowsOf(DATABASE);
    expect(await failure(restoring())).toMatchObject({
      code: 'SCOPE_REFUSED',
      detail: expect.stringContaining('public.unknown') as string,
    });
    expect(await here.server.rowsOf(DATABASE)).toEqual(before);
    await query('DROP TABLE unknown');
  });

  it('replaces partitioned tables, and leaves nothing that the backup does not know', async () => {
    await query(`DROP TABLE b; ALTER TABLE a ADD COLUMN wrong text; CREATE TABLE unknown (id int)`);
    await restoring();
    expect(await here.server.rowsOf(DATABASE)).toEqual(empty);
  });

  it('notices a row that is written while it waits for the table', async () => {
    const writer = await here.server.postgres.connect(DATABASE);
    try {
      await writer.query('BEGIN; INSERT INTO a VALUES (5)');
      const work = failure(restoring());
      await waiting(here, 'LOCK TABLE');
      await writer.query('COMMIT');
      expect(await work).toMatchObject({ code: 'SCOPE_REFUSED' });
    } finally {
      await writer.end();
    }
    expect(await count(here, DATABASE, 'a')).toBe(1);
    await query('TRUNCATE a CASCADE');
  });

  it('notices a table that is made after it has looked', async () => {
    const holder = await here.server.postgres.connect(DATABASE);
    try {
      await query('CREATE SEQUENCE held; CREATE SCHEMA zz');
      // Only tables are locked before the look: the drop waits for the sequence, with schema zz still open to others.
      await holder.query(`BEGIN; SELECT nextval('held')`);
      const work = failure(restoring());
      await waiting(here, 'DROP EVENT TRIGGER');
      await query('CREATE TABLE zz.fresh AS SELECT 1 AS x');
      await holder.query('COMMIT');
      expect(await work).toMatchObject({
        code: 'SCOPE_REFUSED',
        detail: expect.stringContaining('at this very moment') as string,
      });
    } finally {
      await holder.end();
    }
    expect(await count(here, DATABASE, 'zz.fresh')).toBe(1);
  });
});

/** Resolves when a session of a restore waits for a lock with such a statement. */
async function waiting(here: Room, statement: string): Promise<void> {
  for (;;) {
    const found = await here.server.postgres.query(
      `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND strpos(query, '${statement}') > 0 AND pid <> pg_backend_pid()`,
    );
    if (found.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
