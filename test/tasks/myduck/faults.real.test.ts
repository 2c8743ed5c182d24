/** A server that misbehaves as MyDuck does: what it says, what it leaves behind, and what must be heard of it. */
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { NightjarError } from '../../../core/errors.ts';
import { statement } from '../../../tasks/engines/myduck/exchange.ts';
import { listeningReporter, memoryBackup, memorySource, manifestOf } from '../../contracts/doubles.ts';
import { codeOf, failure } from '../../contracts/engine-bench.ts';
import { openRoom, type Room } from './room.ts';

let room: Room;
let server: Room['server'];
let bench: Room['bench'];
let keys: Room['keys'];

beforeAll(async () => {
  room = await openRoom('CREATE TABLE t (a INTEGER)', 'INSERT INTO t SELECT * FROM range(1000)');
  ({ server, bench, keys } = room);
});
afterAll(() => room.close());
beforeEach(async () => {
  await room.calm();
  Object.assign(keys, { refusals: 2 });
  keys.made.length = 0;
  server.standIn.asked.length = 0;
});

const dump = (): Promise<NightjarError> => room.failedBackup();
const nothingLeft = (): Promise<void> => room.nothingLeft();

describe('doctor of MyDuck', () => {
  it('finds a clock that is off', async () => {
    const clock = async (): Promise<unknown> =>
      (await bench.engine.probe(bench.context('shop'))).findings.find((one) => one.what.includes('clock'));
    expect(await clock()).toMatchObject({ level: 'ok' });
    server.standIn.mood.clockMs = -300_000;
    expect(await clock()).toMatchObject({ level: 'warn', what: expect.stringContaining('300 s') as string });
    server.standIn.mood.refuses = { statement: /epoch_ms/, words: 'no such function' };
    expect(await clock()).toMatchObject({ level: 'warn', what: expect.stringContaining('no such function') as string });
  });
});

describe('a backup of MyDuck', () => {
  it('takes the error that means success for one, believes no number in it, and leaves nothing in the exchange', async () => {
    const { manifest } = await bench.dump('shop');
    expect(manifest.fingerprint.tables).toEqual([{ schema: 'main', table: 't', rows: 1000 }]);
    expect(manifest.source.databaseBytes).toBeLessThan(2 ** 30);
    expect(server.standIn.isReadOnly()).toBe(false);
    await nothingLeft();
  });

  it('asks nothing of the server before S3 takes the key three times in a row, and deletes the key', async () => {
    keys.refusals = 4;
    let seen = 0;
    const { works } = keys;
    keys.works = (key, ...rest) => {
      seen += 1;
      expect(server.standIn.asked.filter((sql) => sql.startsWith('BACKUP'))).toEqual([]);
      return works.call(keys, key, ...rest);
    };
    await bench.dump('shop');
    keys.works = works;
    expect(seen).toBe(7);
    expect(keys.made).toHaveLength(1);
    await nothingLeft();
  });

  it('tells in a code of its own that a failed backup left the server read-only, until somebody restarts it', async () => {
    server.standIn.mood.uploadFails = true;
    const { code, detail } = await dump();
    expect(code).toBe('SERVER_READ_ONLY');
    expect(detail).toContain('AccessDenied');
    expect(server.standIn.isReadOnly()).toBe(true);
    await nothingLeft();
    // The next night must not take it for a server that is well.
    server.standIn.mood.uploadFails = false;
    expect((await dump()).code).toBe('SERVER_READ_ONLY');
    expect(keys.made).toHaveLength(1);
    const { findings } = await bench.engine.probe(bench.context('shop'));
    expect(findings.filter((one) => one.level === 'bad').map((one) => one.what)).toEqual([
      expect.stringContaining('The server takes writes'),
    ]);
    await server.standIn.restart();
    await bench.dump('shop');
  });

  it('tells a missing right as that: nobody restarts a server at night that takes writes', async () => {
    const words = 'permission denied for schema main';
    server.standIn.mood.refuses = { statement: /^CREATE TABLE nightjar_probe_/, words, code: '42501' };
    const before = await dump();
    expect(before.code).toBe('PRIVILEGE_MISSING');
    expect(before.detail).toContain(words);
    expect(before.detail).toContain('Nothing was asked of it yet.');
    expect(server.standIn.asked.filter((sql) => sql.startsWith('BACKUP'))).toEqual([]);
    const { findings } = await bench.engine.probe(bench.context('shop'));
    expect(findings.find((one) => one.what.includes('The server takes writes'))).toMatchObject({
      level: 'bad',
      hint: expect.stringContaining('Grant') as string,
    });

    // Taken away while the backup ran, by a server that has no numbers for it.
    delete server.standIn.mood.refuses;
    server.standIn.mood.slow = () =>
      (server.standIn.mood.refuses = { statement: /^CREATE TABLE nightjar_probe_/, words });
    const after = await dump();
    expect(after.code).toBe('PRIVILEGE_MISSING');
    expect(after.detail).toContain('BACKUP DATABASE went well');
    expect(after.detail).toContain('not known');
    await nothingLeft();
  });

  it('tells a fault of the write probe as what it is, unless the server took a write before its backup', async () => {
    const words = 'IO Error: disk quota exceeded';
    server.standIn.mood.refuses = { statement: /^CREATE TABLE nightjar_probe_/, words };
    const before = await dump();
    expect(before.code).toBe('UNEXPECTED');
    expect(before.detail).toContain(words);
    delete server.standIn.mood.refuses;
    server.standIn.mood.slow = () =>
      (server.standIn.mood.refuses = { statement: /^CREATE TABLE nightjar_probe_/, words });
    const after = await dump();
    expect(after.code).toBe('SERVER_READ_ONLY');
    expect(after.detail).toContain(words);
  });

  it('is taken while the server reads only: who writes meanwhile is told so, and can write again afterwards', async () => {
    let told = '';
    const tries: Promise<void>[] = [];
    server.standIn.mood.slow = () =>
      void tries.push(
        server.standIn.run('shop', 'INSERT INTO t VALUES (7)').then(
          () => undefined,
          (thrown: unknown) => void (told = (thrown as Error).message),
        ),
      );
    await bench.dump('shop');
    await Promise.all(tries);
    expect(told).toMatch(/read-only/);
    await server.standIn.run('shop', 'DELETE FROM t WHERE a = -1');
    // The task asked for itself, twice before it said that all was well: before the backup and after it.
    expect(server.standIn.asked.filter((sql) => sql.startsWith('CREATE TABLE nightjar_probe_'))).toHaveLength(2);
  });

  it('tells the same of a server that stays read-only though its backup went well', async () => {
    server.standIn.mood.staysReadOnly = true;
    expect((await dump()).code).toBe('SERVER_READ_ONLY');
    await nothingLeft();
  });

  it('is not kept when the server says that all is well and uploaded nothing, or a part', async () => {
    server.standIn.mood.lies = 'nothing';
    expect((await dump()).code).toBe('DUMP_EMPTY');
    server.standIn.mood.lies = 'half';
    expect((await dump()).code).toBe('DATABASE_DAMAGED');
    await nothingLeft();
  });

  it('is not kept when the connection breaks; the key lives until the server, which goes on, takes writes again', async () => {
    server.standIn.mood.drops = true;
    const { remove } = keys;
    const readOnly: boolean[] = [];
    keys.remove = (...of) => (readOnly.push(server.standIn.isReadOnly()), remove.call(keys, ...of));
    expect((await dump()).code).toBe('CONNECTION_LOST');
    keys.remove = remove;
    expect(readOnly).toEqual([false]);
    await nothingLeft();
  });

  it('leaves the key to a server that is still at work when the task is told to stop, and says so', async () => {
    const stop = new AbortController();
    server.standIn.mood.slow = () => stop.abort(new Error('told to stop'));
    const report = listeningReporter();
    const context = bench.context('shop', { signal: stop.signal, report });
    await expect(bench.engine.dump(context, memoryBackup().sink)).rejects.toThrow('told to stop');
    expect(keys.alive.size).toBe(1);
    expect(report.warnings.join()).toContain('still at its backup');
    // It goes on alone, and what it uploads then is nobody's.
    const isBack = (): Promise<boolean> =>
      server.standIn.run('shop', 'SELECT 1').then(
        () => !server.standIn.isReadOnly(),
        () => false,
      );
    await vi.waitUntil(isBack, { timeout: 30_000 });
    keys.alive.clear();
    for (const Key of await server.exchanged())
      await server.s3.send(new DeleteObjectCommand({ Bucket: 'shop-exchange', Key }));
  });

  it('says its keys to nobody but the server', async () => {
    Object.assign(server.standIn.mood, { uploadFails: true, blabs: true });
    const report = listeningReporter();
    const error = await failure(bench.engine.dump(bench.context('shop', { report }), memoryBackup().sink));
    await server.standIn.restart();
    Object.assign(server.standIn.mood, { uploadFails: false });
    const backup = memoryBackup();
    const facts = await bench.engine.dump(bench.context('shop', { report }), backup.sink);
    const told = JSON.stringify([error.toFailure(), error.stack, report, manifestOf('myduck', facts, backup, 'x')]);
    expect(keys.made).toHaveLength(2);
    for (const { id, secret } of keys.made) {
      expect(server.standIn.asked.join()).toContain(secret);
      expect(told).not.toContain(id);
      expect(told).not.toContain(secret);
    }
  });

  it('deletes keys that a dead task left, warns of one that can not be deleted, and names a right that is missing', async () => {
    keys.alive.set('AKIAOLD', { id: 'AKIAOLD', secret: 'x', createdAt: new Date(Date.now() - 27 * 3_600_000) });
    keys.alive.set('AKIAYOUNG', { id: 'AKIAYOUNG', secret: 'x', createdAt: new Date() });
    await bench.dump('shop');
    expect([...keys.alive.keys()]).toEqual(['AKIAYOUNG']);
    keys.alive.delete('AKIAYOUNG');

    const { remove, create } = keys;
    keys.remove = () => Promise.reject(new Error('Throttling'));
    const report = listeningReporter();
    await bench.dump('shop', { report });
    expect(report.warnings.join()).toContain('nightjar-exchange');
    keys.remove = remove;
    keys.alive.clear();
    keys.create = () => Promise.reject(new Error('AccessDenied'));
    expect((await dump()).code).toBe('PRIVILEGE_MISSING');
    keys.create = create;
    // A user has two keys at most: those of two other backups.
    for (const id of ['AKIAONE', 'AKIATWO']) keys.alive.set(id, { id, secret: 'x', createdAt: new Date() });
    expect((await dump()).code).toBe('PRIVILEGE_MISSING');
    keys.alive.clear();
    expect(server.standIn.isReadOnly()).toBe(false);
  });
});

describe('a restore into MyDuck', () => {
  it('never writes over a database that is there, also one that came meanwhile', async () => {
    const { manifest, backup } = await bench.dump('shop');
    const job = bench.restoreJob('later', 'new');
    const { create } = keys;
    keys.create = async (user) => {
      await server.standIn.create('later');
      return create.call(keys, user);
    };
    expect(await codeOf(bench.restore(job, memorySource(manifest, backup)))).toBe('DESTINATION_EXISTS');
    keys.create = create;
    expect(
      await server.standIn.run('later', 'SELECT * FROM duckdb_tables() WHERE database_name = current_database()'),
    ).toEqual([]);
    await server.standIn.drop('later');
    await nothingLeft();
  });

  it('refuses what MyDuck can not do, with the reason', async () => {
    const { manifest, backup } = await bench.dump('shop');
    for (const mode of ['swap', 'overwrite'] as const)
      expect(await codeOf(bench.restore(bench.restoreJob('shop', mode), memorySource(manifest, backup)))).toBe(
        'RESTORE_REFUSED',
      );
    const scoped = bench.restoreJob('part', 'new', { scope: { tables: ['main.t'] } });
    expect(await codeOf(bench.restore(scoped, memorySource(manifest, backup)))).toBe('SCOPE_REFUSED');
    const odd = bench.restoreJob('a b', 'new');
    expect(await codeOf(bench.restore(odd, memorySource(manifest, backup)))).toBe('INPUT_INVALID');
  });
});

describe('the statement', () => {
  it('speaks TLS to Amazon and says `s3c` to all others; what its parser would misread is refused', () => {
    const key = { id: 'ID', secret: 'SECRET' };
    const at = (exchange: object): string => {
      const target = server.target('shop');
      return statement(
        'BACKUP',
        { target: { ...target, exchange: { ...target.exchange, ...exchange } }, env: {} },
        'shop',
        'o.db',
        key,
      );
    };
    expect(at({ endpoint: undefined })).toBe(
      "BACKUP DATABASE shop TO 's3://shop-exchange/nightjar/o.db' ENDPOINT = 's3.us-east-1.amazonaws.com' ACCESS_KEY_ID = 'ID' SECRET_ACCESS_KEY = 'SECRET'",
    );
    expect(at({ endpoint: '127.0.0.1:9000' })).toContain("'s3c://shop-exchange");
    expect(() => at({ prefix: "it's/" })).toThrow(NightjarError);
    expect(() => at({ prefix: 'a?b/' })).toThrow(NightjarError);
  });
});
