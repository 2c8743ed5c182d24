/** A server that is killed at work, disks that are full, a bucket that refuses: what is told, and what is left. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NightjarError } from '../../../core/errors.ts';
import { aliasDatabase } from '../../../core/names.ts';
import { listeningReporter, memorySource } from '../../contracts/doubles.ts';
import { codeOf, dropOf, failure, type Bench } from '../../contracts/engine-bench.ts';
import { BUCKET } from './harness.ts';
import { openRoom, type More, type Room } from './room.ts';

let room: Room;
let server: Room['server'];
let bench: Room['bench'];
let made: Awaited<ReturnType<Bench<'myduck'>['dump']>>;

beforeAll(async () => {
  room = await openRoom('CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS m FROM range(200_000) r(i)');
  ({ server, bench } = room);
  made = await bench.dump('shop');
});
afterAll(() => room.close());
beforeEach(() => room.calm());

const restoring = (database: string, more: More = {}): Promise<unknown> =>
  bench.restore(bench.restoreJob(database, 'new'), memorySource(made.manifest, made.backup), more);
const backingUp = (more?: More): Promise<NightjarError> => room.failedBackup(more);
const nothingLeft = async (): Promise<void> => {
  await room.nothingLeft();
  expect((await readdir(bench.scratch)).filter((one) => one.startsWith('duckdb-'))).toEqual([]);
};
const count = async (database: string): Promise<unknown> =>
  (await server.standIn.run(database, 'SELECT count(*)::INT AS n FROM t'))[0]!.n;
const takesWrites = (): Promise<unknown> => server.standIn.run('shop', 'DELETE FROM t WHERE i < 0');

describe('a server that is killed', () => {
  it('in the middle of a backup: nothing is kept, the key is gone, and it takes writes when it is back', async () => {
    server.standIn.mood.dies = true;
    const { code, detail } = await backingUp();
    expect(code).toBe('CONNECT_FAILED');
    expect(detail).toContain('CONNECTION_LOST');
    await nothingLeft();
    server.standIn.mood.dies = false;
    await server.standIn.restart();
    await takesWrites();
    expect((await bench.dump('shop')).manifest.fingerprint.tables).toEqual(made.manifest.fingerprint.tables);
  });

  it('and is back while it is waited for: the backup fails by the lost connection, and writes were tried', async () => {
    server.standIn.mood.dies = true;
    server.standIn.asked.length = 0;
    let [tried, back] = [0, Promise.resolve()];
    const report = listeningReporter();
    report.moved = () => {
      if (!server.standIn.asked.some((sql) => sql.startsWith('BACKUP')) || (tried += 1) !== 20) return;
      server.standIn.mood.dies = false;
      back = server.standIn.restart();
    };
    expect((await backingUp({ report })).code).toBe('CONNECTION_LOST');
    await back;
    expect(server.standIn.asked.at(-1)).toBe('ROLLBACK');
    await takesWrites();
    await nothingLeft();
  });

  it('in the middle of a restore: told with what may be left; the other databases are as they were', async () => {
    server.standIn.mood.dies = true;
    const { code, detail } = await failure(restoring('again'));
    expect(code).toBe('CONNECTION_LOST');
    expect(detail).toContain('it may show again when it is back');
    expect(detail).toContain('drop it, or restore under another name');
    await nothingLeft();

    server.standIn.mood.dies = false;
    await server.standIn.restart();
    expect(await count('shop')).toBe(200_000);
    await takesWrites();
    // Half a file is no database to DuckDB: the name is free, and the next restore writes over it.
    expect(await codeOf(server.standIn.run('again', 'SELECT count(*) FROM t'))).toContain('again');
    await restoring('again');
    expect(await count('again')).toBe(200_000);
    await server.standIn.drop('again');
  });

  it('leaves the pruner nothing to drop under a working name, and nothing else is dropped', async () => {
    const job = bench.restoreJob('again', 'new');
    const drop = (name: string): Promise<unknown> => bench.engine.drop(bench.context('shop'), dropOf(job, name));
    expect(await drop(aliasDatabase('again', job.id))).toEqual({ dropped: false });
    expect(await codeOf(drop('again'))).toBe('INPUT_INVALID');
  });
});

describe('a writer that never rests', () => {
  it('is refused while the server is backed up, and the backup holds what was committed at one moment', async () => {
    await server.standIn.create('busy');
    await server.standIn.run('busy', 'CREATE TABLE a (i INTEGER); CREATE TABLE b (i INTEGER)');
    let [done, refused, over] = [0, 0, false];
    const words = new Set<string>();
    const writing = (async () => {
      for (let i = 0; !over; i += 1)
        await server.standIn
          .run('busy', `BEGIN; INSERT INTO a VALUES (${i}); INSERT INTO b VALUES (${i}); COMMIT`)
          .then(
            () => (done += 1),
            (thrown: unknown) => ((refused += 1), words.add((thrown as Error).message)),
          );
    })();
    const now = { before: 0, at: 0 };
    server.standIn.mood.slow = () => (now.at = done);
    now.before = done;
    const { manifest, backup } = await bench.dump('busy');
    const after = done;
    await vi.waitUntil(() => done > after);
    over = true;
    await writing;
    expect(refused).toBeGreaterThan(0);
    expect([...words].join()).toMatch(/read-only/);

    await bench.restore(bench.restoreJob('moment', 'new'), memorySource(manifest, backup));
    const [rows] = await server.standIn.run(
      'moment',
      'SELECT (SELECT count(*)::INT FROM a) AS a, (SELECT count(*)::INT FROM b) AS b',
    );
    // Nothing was written between the moment at which it began to read only, and its end.
    expect(rows).toEqual({ a: now.at, b: now.at });
    expect(manifest.fingerprint.tables.map((one) => one.rows)).toEqual([now.at, now.at]);
    expect(now.at).toBeGreaterThan(now.before);
    for (const name of ['busy', 'moment']) await server.standIn.drop(name);
  });
});

describe('a full disk', () => {
  it('of the server is told in its words, with what is left of the file', async () => {
    server.standIn.mood.full = true;
    const { code, detail } = await failure(restoring('again'));
    expect(code).toBe('RESTORE_FAILED');
    expect(detail).toContain('no space left on device');
    expect(detail).toContain('The server does not show again; a part of the file may lie in its directory');
    await nothingLeft();
    expect(await count('shop')).toBe(200_000);
    await server.standIn.drop('again');
  });

  it('of the task ends a backup and a restore: the server takes writes, and has heard of no restore', async ({
    skip,
  }) => {
    const small = await mkdtemp(join(tmpdir(), 'nightjar-small-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', small]);
    if (mounted.status !== 0) return skip('no file system can be mounted here');
    try {
      expect((await backingUp({ scratch: small })).code).toBe('DISK_FULL');
      await takesWrites();
      await nothingLeft();
      server.standIn.asked.length = 0;
      expect(await codeOf(restoring('again', { scratch: small }))).toBe('DISK_FULL');
      expect(server.standIn.asked.filter((sql) => sql.startsWith('RESTORE'))).toEqual([]);
      expect(await server.standIn.databases()).not.toContain('again');
      expect(await readdir(small)).toEqual([]);
      await nothingLeft();
    } finally {
      spawnSync('umount', [small]);
      await rm(small, { recursive: true });
    }
  });
});

describe('an exchange that refuses', () => {
  /** The task's own client, whose calls of this name are refused; the server's are not. */
  const refusing = (name: string): S3Client =>
    new Proxy(server.s3, {
      get(client, property) {
        if (property !== 'send') return Reflect.get(client, property) as unknown;
        return async (command: object, ...rest: never[]) => {
          if (command.constructor.name === name)
            throw Object.assign(new Error('Access Denied'), {
              name: 'AccessDenied',
              $metadata: { httpStatusCode: 403 },
            });
          return client.send(command as never, ...rest);
        };
      },
    });

  it('the task its backup: nothing is kept, and the server takes writes', async () => {
    expect((await backingUp({ s3: refusing('GetObjectCommand') })).code).toBe('STORAGE_DENIED');
    await takesWrites();
    await nothingLeft();
  });

  it('the task its upload: the server has heard of no restore', async () => {
    server.standIn.asked.length = 0;
    for (const name of ['CreateMultipartUploadCommand', 'UploadPartCommand', 'CompleteMultipartUploadCommand'])
      expect([name, await codeOf(restoring('again', { s3: refusing(name) }))]).toEqual([name, 'STORAGE_DENIED']);
    expect(server.standIn.asked.filter((sql) => sql.startsWith('RESTORE'))).toEqual([]);
    await nothingLeft();
  });

  it('the server its download: the restore fails by the server’s own words', async () => {
    server.standIn.mood.refuses = { statement: /^RESTORE/, words: 'failed to download file, AccessDenied' };
    const { code, detail } = await failure(restoring('again'));
    expect([code, detail]).toEqual([
      'RESTORE_FAILED',
      expect.stringContaining('failed to download file, AccessDenied'),
    ]);
    await nothingLeft();
  });

  it('to remove what the task put there: the backup is good, and says what to remove by hand', async () => {
    const report = listeningReporter();
    await bench.dump('shop', { s3: refusing('DeleteObjectCommand'), report });
    expect(report.warnings.join()).toContain('Remove it by hand');
    for (const Key of await server.exchanged()) await server.s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }));
  });
});
