/** What goes wrong in the night: none of it may pass for a backup or a restore, none may leave something half-made. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { aliasDatabase, replacedDatabase } from '../../../core/names.ts';
import { mongodb } from '../../../tasks/engines/mongodb.ts';
import { manifestOf, memoryBackup, memorySource, heldBackup } from '../../contracts/doubles.ts';
import { codeOf, dropOf, failure, rollbackOf, type Bench } from '../../contracts/engine-bench.ts';
import type { Row } from './awkward.ts';
import { fakeTools, PATH, targetAt } from './harness.ts';
import { failNext, leave, room, shop, type Room } from './room.ts';

const run = promisify(execFile);
/** Every rename with NIGHTJAR_SLOW; every second takes half the time. */
const STEP = process.env.NIGHTJAR_SLOW ? 1 : 2;

let here: Room;
let made: Awaited<ReturnType<Bench<'mongodb'>['dump']>>;
const source = (): ReturnType<typeof memorySource> => memorySource(made.manifest, made.backup);
beforeAll(async () => {
  here = await room();
  await shop(here, 'shop', 12);
  await shop(here, 'small');
  const admin = here.server.client.db('admin');
  await admin.command({ createUser: 'limited', pwd: 'limited', roles: [{ role: 'read', db: 'small' }] });
  made = await here.bench.dump('small');
});
afterAll(() => leave(here));
const as = (username: string): { login: () => Promise<{ username: string; password: string }> } => ({
  login: async () => Promise.resolve({ username, password: username }),
});

describe('dumping with tools that misbehave', () => {
  const dumpWith = async (
    scripts: Readonly<Record<string, string>>,
  ): Promise<{ code: string; detail: string | undefined; finished: boolean }> => {
    const fakes = await fakeTools(scripts);
    const backup = memoryBackup();
    try {
      const context = here.bench.context('shop', { env: { PATH: `${fakes}:${PATH}` } });
      const thrown = await failure(mongodb.dump(context, backup.sink));
      return { code: thrown.code, detail: thrown.detail, finished: backup.finished.has('archive') };
    } finally {
      await rm(fakes, { recursive: true, force: true });
    }
  };
  const VERSION = 'case "$*" in *--version*) exec $REAL --version;; esac;';

  it('fails a tool that ends with 0 and wrote rubbish', async () => {
    const rubbish = await dumpWith({ mongodump: `${VERSION} head -c 300000 /dev/zero` });
    expect(rubbish).toMatchObject({ code: 'READ_THROUGH_FAILED', finished: false });
  });

  it('fails a tool that ends with 0 and left a collection out, or its documents', async () => {
    const without = await dumpWith({ mongodump: `${VERSION} exec $REAL "$@" --excludeCollection=orders` });
    expect(without).toMatchObject({ code: 'DUMP_EMPTY', finished: false });
    expect(without.detail).toContain('orders');
  });

  it('fails an archive that was cut off though the tool ended with 0', async () => {
    const cut = await dumpWith({ mongodump: `${VERSION} $REAL "$@" | head -c 4000000` });
    expect(cut).toMatchObject({ code: 'READ_THROUGH_FAILED', finished: false });
  });

  it('fails an archive in which a byte of a document changed on its way', async () => {
    const flipped = await dumpWith({ mongodump: `${VERSION} $REAL "$@" | sed 's/"c499"/"c498"/; s/c499/c498/'` });
    expect(flipped).toMatchObject({ code: 'READ_THROUGH_FAILED', finished: false });
    expect(flipped.detail).toContain('CRC');
  });

  it('fails when mongodump is killed midway', async () => {
    const killed = await dumpWith({ mongodump: `${VERSION} $REAL "$@" | head -c 3000000; kill -9 $$` });
    expect(killed).toMatchObject({ code: 'DUMP_FAILED', finished: false });
    expect(killed.detail).toContain('SIGKILL');
  });

  it('fails a mongorestore that ends with 0 and left documents out', async () => {
    const fakes = await fakeTools({
      mongorestore: '$REAL "$@" 2>&1 | sed "s/ 0 document(s) failed/ 2 document(s) failed/" >&2',
    });
    const before = await here.server.databases();
    const env = { PATH: `${fakes}:${PATH}` };
    const thrown = await failure(here.bench.restore(here.bench.restoreJob('small', 'swap'), source(), { env }));
    expect(thrown).toMatchObject({ code: 'RESTORE_FAILED' });
    expect(thrown.detail).toContain('left 2 documents out');
    expect(await here.server.databases()).toEqual(before);
    await rm(fakes, { recursive: true, force: true });
  });
});

describe('dumping under trouble', () => {
  it('says PRIVILEGE_MISSING for what the user may not read, and probe how to grant it', async () => {
    const fields = { target: targetAt(here.server.mongodb, 'shop'), ...as('limited') };
    expect(['PRIVILEGE_MISSING', 'DATABASE_MISSING']).toContain(await codeOf(here.bench.dump('shop', fields)));
    await failNext(here, { command: 'find', code: 13, name: 'Unauthorized' });
    expect(await codeOf(here.bench.dump('small', as('limited')))).toBe('PRIVILEGE_MISSING');
    const probed = await mongodb.probe(here.bench.context('small', as('limited')));
    await failNext(here);
    const bad = probed.findings.filter((one) => one.level === 'bad');
    expect(bad[0]?.what).toContain('small.orders');
    expect(bad[0]?.hint).toContain('grantRolesToUser("limited", [{ role: "read", db: "small" }])');
  });

  it('needs no more than read on the database', async () => {
    const { manifest } = await here.bench.dump('small', as('limited'));
    expect(manifest.fingerprint.tables).toHaveLength(2);
    const probed = await mongodb.probe(here.bench.context('small', as('limited')));
    expect(probed.findings.filter((one) => one.level === 'bad')).toEqual([]);
  });

  it('says that a standalone’s backup is of no one moment', async () => {
    const context = here.bench.context('small');
    expect((await mongodb.dump(context, memoryBackup().sink)).consistency).toBe('none');
    expect(context.report.warnings.join()).toContain('one after the other');
  });

  it('counts what is in the archive, whatever writers do meanwhile', async () => {
    const backup = heldBackup(100_000);
    const context = here.bench.context('shop');
    const dump = mongodb.dump(context, backup.sink);
    await backup.begun;
    const db = here.server.client.db('shop');
    await db.collection<Row>('filling').insertMany(Array.from({ length: 500 }, (_, i) => ({ _id: `late ${i}` })));
    await db.collection<Row>('orders').deleteMany({ _id: { $gte: 250 } as never });
    await db.createCollection('made meanwhile');
    backup.release();
    const facts = await dump;
    expect(context.report.warnings.join()).toContain('made meanwhile');
    const job = here.bench.restoreJob('seen', 'new');
    const manifest = manifestOf('mongodb', facts, backup, job.source.backupId);
    expect((await here.bench.restore(job, memorySource(manifest, backup))).comparison.equal).toBe(true);
    await here.server.dropDatabase('seen');
    await db.dropCollection('made meanwhile');
  });

  it('shows no password to anybody who lists processes', async () => {
    let seen = '';
    const backup = memoryBackup(async (bytes) => {
      if (bytes > 100_000 && seen === '') seen = (await run('ps', ['axww', '-o', 'args'])).stdout;
    });
    await mongodb.dump(here.bench.context('shop'), backup.sink);
    expect(seen).toContain('mongodump --config=');
    expect(seen).not.toContain(here.server.login.password);
  });

  it('refuses a certificate of another authority, and says when none is verified', async () => {
    const rds = targetAt(here.server.mongodb, 'small', { tls: { verify: 'full', ca: 'rds' } });
    expect(await codeOf(mongodb.probe(here.bench.context('small', { target: { ...rds } })))).toBe('TLS_FAILED');
    const off = targetAt(here.server.mongodb, 'small', { tls: { verify: 'off', ca: 'rds' } });
    const context = here.bench.context('small', { target: off });
    await mongodb.dump(context, memoryBackup().sink);
    expect(context.report.warnings.join()).toContain('TLS to the server is not verified');
  });

  it('passes a failing upload on as it is, and ends', async () => {
    const backup = memoryBackup((bytes) => {
      if (bytes > 200_000) throw new Error('S3 is away');
    });
    await expect(mongodb.dump(here.bench.context('shop'), backup.sink)).rejects.toThrow('S3 is away');
    expect(backup.finished.has('archive')).toBe(false);
  });
});

describe('restoring under trouble', () => {
  it('lets the next restore begin, whatever an earlier one’s exchange broke off at, and loses nothing', async () => {
    const original = await here.server.rowsOf('small');
    const seen = new Set<string>();
    for (let after = 0; ; after += STEP) {
      const damaged = await damage(after);
      const job = here.bench.restoreJob('small', 'swap');
      const old = replacedDatabase('small', job.id);
      await failNext(here, { command: 'renameCollection', code: 189, name: 'PrimarySteppedDown', after });
      const context = here.bench.context('small');
      const thrown = await mongodb.restore(context, job, source()).then(() => undefined, asError);
      await failNext(here);
      if (!thrown) {
        // There are so many renames: into the database, one or two for each name, and out of it.
        expect(after).toBeGreaterThan(8);
        expect(context.report.exchanged).toMatchObject({ serves: 'incoming', underway: false, keepAs: old });
        await here.server.dropDatabase(old);
        break;
      }
      const told = context.report.exchanged!;
      seen.add(`${thrown.code} ${told.serves}`);
      if (thrown.code === 'SWAP_FAILED') {
        // Nothing had changed, and nothing is left of it.
        expect(told, String(after)).toMatchObject({ serves: 'before', underway: false });
        expect(await here.server.rowsOf('small'), String(after)).toEqual(damaged);
        expect(await here.server.databases(), String(after)).toEqual(['shop', 'small']);
      } else expect(thrown.code, String(after)).toBe('SWAP_UNFINISHED');
      const next = await restoredBy(here.bench.restoreJob('small', 'swap'));
      expect(await here.server.rowsOf('small'), String(after)).toEqual(original);
      const kept = thrown.code === 'SWAP_FAILED' ? next.done.replacedDatabase! : old;
      expect(await here.server.rowsOf(kept), String(after)).toEqual(damaged);
      expect(next.warnings.includes('broke off'), String(after)).toBe(thrown.code === 'SWAP_UNFINISHED');
      for (const name of new Set([kept, next.done.replacedDatabase!])) await here.server.dropDatabase(name);
      expect(await here.server.databases(), String(after)).toEqual(['shop', 'small']);
    }
    expect([...seen].sort()).toEqual(['SWAP_FAILED before', 'SWAP_UNFINISHED incoming', 'SWAP_UNFINISHED mixed']);
  });

  it('goes on by itself when the same restore is started again after its server went away', async () => {
    const original = await here.server.rowsOf('small');
    const damaged = await damage(0);
    const job = here.bench.restoreJob('small', 'swap');
    await failNext(here, { command: 'renameCollection', code: 189, name: 'PrimarySteppedDown', after: 6 });
    expect(await codeOf(here.bench.restore(job, source()))).toBe('SWAP_UNFINISHED');
    await failNext(here);
    const { done } = await restoredBy(job);
    expect(await here.server.rowsOf('small')).toEqual(original);
    expect(await here.server.rowsOf(done.replacedDatabase!)).toEqual(damaged);
    await here.server.dropDatabase(done.replacedDatabase!);
    expect(await here.server.databases()).toEqual(['shop', 'small']);
  });

  it('gives up what a killed task had only copied, and no backup has it before that', async () => {
    const original = await here.server.rowsOf('small');
    const before = await damage(0);
    for (const how of ['restored again', 'pruned'] as const) {
      const job = here.bench.restoreJob('small', 'swap');
      await dyingAtCopying(job);
      const marked = (await here.server.client.db('small').listCollections().toArray()).map((one) => one.name);
      expect(marked.filter((name) => name.startsWith('nj_')).length).toBeGreaterThan(0);
      for (const scope of [undefined, { allDatabases: true } as const]) {
        const context = here.bench.context(
          'small',
          scope ? { target: targetAt(here.server.mongodb, 'small', { scope }) } : {},
        );
        const backup = memoryBackup();
        const facts = await mongodb.dump(context, backup.sink);
        const tables = facts.fingerprint.tables.filter((one) => (one.database ?? 'small') === 'small');
        expect(tables.map((one) => one.table).sort()).toEqual(['customers', 'made since', 'orders']);
        expect(context.report.warnings.join()).toContain('broke off at the step "copying"');
      }
      const alias = aliasDatabase('small', job.id);
      if (how === 'pruned') {
        await mongodb.drop(here.bench.context('small'), dropOf(job, alias, { database: 'small' }));
        expect(await here.server.rowsOf('small')).toEqual(before);
        expect(await here.server.databases()).toEqual(['shop', 'small']);
        continue;
      }
      const next = await restoredBy(here.bench.restoreJob('small', 'swap'));
      expect(next.warnings).toContain('It was given up');
      expect(await here.server.rowsOf('small')).toEqual(original);
      expect(await here.server.rowsOf(next.done.replacedDatabase!)).toEqual(before);
      const back = await mongodb.rollback(here.bench.context('small'), rollbackOf(next.job));
      await here.server.dropDatabase(back.setAside);
    }
    const { done } = await restoredBy(here.bench.restoreJob('small', 'swap'));
    await here.server.dropDatabase(done.replacedDatabase!);
    expect(await here.server.rowsOf('small')).toEqual(original);
  });

  it('a rollback that broke off keeps the old data, also when a restore comes in between', async () => {
    const original = await here.server.rowsOf('small');
    for (let after = 0; ; after += 2 * STEP) {
      const old = await damage(after);
      const first = await restoredBy(here.bench.restoreJob('small', 'swap'));
      const name = first.done.replacedDatabase!;
      await failNext(here, { command: 'renameCollection', code: 189, name: 'PrimarySteppedDown', after });
      const code = await codeOf(mongodb.rollback(here.bench.context('small'), rollbackOf(first.job)));
      await failNext(here);
      const done = code.startsWith('no error');
      if (!done) {
        const drop = dropOf(first.job, name, { database: 'small' });
        const dropping = mongodb.drop(here.bench.context('small'), drop);
        // The pruner leaves what is still needed.
        expect(await codeOf(dropping), String(after)).toBe('SWAP_UNFINISHED');
      }
      const next = await restoredBy(here.bench.restoreJob('small', 'swap'));
      expect(await here.server.rowsOf('small'), String(after)).toEqual(original);
      const held = (await here.server.databases()).filter((one) => one.startsWith('small_'));
      const whole = await Promise.all(held.map((one) => here.server.rowsOf(one)));
      expect(
        whole.filter((one) => isDeepStrictEqual(one, old)),
        `${after} ${code}`,
      ).toHaveLength(1);
      expect(next.warnings.includes('broke off')).toBe(!done);
      for (const one of held) await here.server.dropDatabase(one);
      if (done) break;
    }
  });

  it('says what the server’s full disk or a missing right is, drops what it made, and leaves the old database', async () => {
    const original = await here.server.rowsOf('small');
    await failNext(here, { command: 'insert', code: 14_031, name: 'OutOfDiskSpace', after: 1 });
    const full = await failure(here.bench.restore(here.bench.restoreJob('small', 'swap'), source()));
    await failNext(here);
    expect(full.code).toBe('DISK_FULL');
    expect(full.detail).toContain('OutOfDiskSpace');
    const job = here.bench.restoreJob('small', 'swap');
    expect(await codeOf(here.bench.restore(job, source(), as('limited')))).toBe('PRIVILEGE_MISSING');
    expect(await here.server.databases()).toEqual(['shop', 'small']);
    expect(await here.server.rowsOf('small')).toEqual(original);
  });

  it('sets what differs aside under the working name, also of a restore beside', async () => {
    const [first, ...others] = made.manifest.fingerprint.tables;
    const wrong = {
      ...made.manifest,
      fingerprint: { ...made.manifest.fingerprint, tables: [{ ...first!, rows: first!.rows + 1 }, ...others] },
    };
    const job = here.bench.restoreJob('beside', 'new');
    expect(await codeOf(here.bench.restore(job, memorySource(wrong, made.backup)))).toBe('FINGERPRINT_DIFFERS');
    expect(await here.server.databases()).toEqual([aliasDatabase('beside', job.id), 'shop', 'small'].sort());
    await here.server.dropDatabase(aliasDatabase('beside', job.id));
  });

  it('compares what would expire at once, before it may', async () => {
    const db = here.server.client.db('sessions');
    const ttl = { name: 'ttl', expireAfterSeconds: 60 };
    const rows = Array.from({ length: 20 }, (_, i) => ({ _id: i, at: new Date(Date.now() - i * 3_600_000) }));
    await db.collection<Row>('open').insertMany(rows);
    await db.collection('open').createIndex({ at: 1 }, ttl);
    const sessions = await here.bench.dump('sessions');
    await here.server.client.db('admin').command({ nightjarExpire: true });
    const job = here.bench.restoreJob('later', 'new');
    const done = await here.bench.restore(job, memorySource(sessions.manifest, sessions.backup));
    expect(done.comparison).toMatchObject({ equal: true, rowsFound: 20 });
    const later = here.server.client.db('later').collection('open');
    expect(await later.listIndexes().toArray()).toContainEqual(expect.objectContaining(ttl));
    expect(await later.countDocuments({})).toBe(1);
    await here.server.client.db('admin').command({ nightjarExpire: false });
    for (const name of ['sessions', 'later']) await here.server.dropDatabase(name);
  });

  it('notices an index that did not come back', async () => {
    const fakes = await fakeTools({ mongorestore: 'exec $REAL "$@" --noIndexRestore' });
    const env = { PATH: `${fakes}:${PATH}` };
    const job = here.bench.restoreJob('small', 'overwrite');
    const thrown = await failure(here.bench.restore(job, source(), { env }));
    expect(thrown.code).toBe('FINGERPRINT_DIFFERS');
    expect(thrown.detail).toContain('by customer');
    expect(await here.server.databases()).toEqual(['shop', 'small']);
    await rm(fakes, { recursive: true, force: true });
  });

  it('replaces one living collection and leaves the others', async () => {
    const original = await here.server.rowsOf('small');
    const db = here.server.client.db('small');
    await db.collection('orders').deleteMany({});
    await db.collection<Row>('customers').insertOne({ _id: 'since' });
    const job = here.bench.restoreJob('small', 'overwrite', { scope: { tables: ['orders'] } });
    expect((await here.bench.restore(job, source())).comparison).toMatchObject({
      equal: true,
      tablesCompared: 1,
      rowsFound: 300,
    });
    const found = await here.server.rowsOf('small');
    expect(found.orders).toEqual(original.orders);
    expect(found.customers).toHaveLength(501);
    await db.collection<Row>('customers').deleteOne({ _id: 'since' as never });
    expect(await here.server.rowsOf('small')).toEqual(original);
    expect(await here.server.databases()).toEqual(['shop', 'small']);
  });

  it('refuses scopes that make no sense, and names that the backup lacks', async () => {
    const refused = async (mode: 'new' | 'swap' | 'overwrite', scope: object): Promise<string> =>
      codeOf(here.bench.restore(here.bench.restoreJob(mode === 'new' ? 'none' : 'small', mode, { scope }), source()));
    expect(await refused('swap', { tables: ['orders'] })).toBe('SCOPE_REFUSED');
    expect(await refused('overwrite', { schemaOnly: true })).toBe('SCOPE_REFUSED');
    expect(await refused('new', { dataOnly: true })).toBe('SCOPE_REFUSED');
    expect(await refused('new', { tables: ['nothing'] })).toBe('INPUT_INVALID');
    expect(await here.server.databases()).toEqual(['shop', 'small']);
  });

  it('says CONNECTION_LOST when the server is stopped midway', async () => {
    const backup = heldBackup(100_000);
    const nobody = { ...targetAt(here.server.mongodb, 'shop'), port: 1 };
    const unreached = codeOf(mongodb.probe(here.bench.context('shop', { target: nobody })));
    await shop(here, 'large', 30);
    const dump = codeOf(mongodb.dump(here.bench.context('large'), backup.sink));
    await backup.begun;
    await here.server.mongodb.kill();
    backup.release();
    expect(await dump).toBe('CONNECTION_LOST');
    expect(backup.finished.has('archive')).toBe(false);
    expect(await unreached).toBe('CONNECT_FAILED');
  });
});

const asError = (thrown: unknown): NightjarError => thrown as NightjarError;

/** Changes `small`, and answers with what it holds then. */
async function damage(by: number) {
  const db = here.server.client.db('small');
  await db.collection('orders').updateMany({}, { $set: { damaged: by } });
  await db.collection<Row>('made since').insertOne({ _id: by });
  return here.server.rowsOf('small');
}

async function restoredBy(job: RestoreJob) {
  const context = here.bench.context('small');
  const done = await mongodb.restore(context, job, source());
  return { job, done, warnings: context.report.warnings.join(' ') };
}

/** A task that is killed while it copies: nothing puts anything in order after it. */
async function dyingAtCopying(job: RestoreJob): Promise<void> {
  const stop = new AbortController();
  const context = here.bench.context('small', { signal: stop.signal });
  const exchange = context.report.exchange.bind(context.report);
  context.report.exchange = async (state) => {
    await exchange(state);
    setTimeout(() => stop.abort(new NightjarError('TASK_STOPPED', {})), 0);
  };
  expect(await codeOf(mongodb.restore(context, job, source()))).toBe('TASK_STOPPED');
  expect(context.report.exchanged).toMatchObject({ serves: 'before', underway: true });
}
