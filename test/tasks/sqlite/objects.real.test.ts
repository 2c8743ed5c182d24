/** The same engine, where the database is an object of a bucket. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAccount } from '../../../local/account.ts';
import { sqlite as shell } from '../../../local/sqlite.ts';
import { objectsPlace } from '../../../tasks/files/objects.ts';
import type { FilePlace } from '../../../tasks/files/place.ts';
import { sqlite } from '../../../tasks/engines/sqlite.ts';
import { VAULT_CLIENT } from '../../../tasks/vault-calls.ts';
import { memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { engineContract } from '../../contracts/engine.ts';
import { benchOf, codeOf, type Bench } from '../../contracts/engine-bench.ts';
import { makeVault } from '../support.ts';
import { awkwardSql, DAMAGE } from './awkward.ts';
import { rowsOf, silent, startServer, targetAt, type SqliteServer } from './harness.ts';

interface ObjectServer extends SqliteServer {
  readonly place: FilePlace;
  /** Does something with a file, and puts it back. */
  change(database: string, statements: string): Promise<void>;
}

async function startObjects(): Promise<ObjectServer> {
  const account = await startAccount();
  const s3 = new S3Client({ ...account.clientConfig, ...VAULT_CLIENT });
  const bucket = await makeVault(s3, `data-${randomUUID()}`);
  const storage = { s3: { bucket, prefix: 'shop/db/' } };
  const place = objectsPlace({ s3, ...storage.s3, signal: new AbortController().signal, alive: () => undefined });
  const root = await mkdtemp(join(tmpdir(), 'nightjar-sqlite-s3-'));
  const files = await startServer();
  const change = async (database: string, statements: string): Promise<void> => {
    const file = join(root, randomUUID());
    if (await place.stat(database)) await place.fetch(database, file);
    await shell(file, statements);
    await place.remove(database);
    await place.store(file, database);
  };
  return {
    ...files,
    s3,
    place,
    change,
    silentTools: { ...files.env, ...(await silent(root, ['sqlite3', 'zstd'])) },
    target: (database, more) => targetAt(database, { storage, ...more }),
    seed: (database) => change(database, awkwardSql({ zero: true })),
    async rowsOf(database) {
      const file = join(root, randomUUID());
      await place.fetch(database, file);
      return rowsOf(file);
    },
    damage: (database) => change(database, DAMAGE),
    databases: () => place.list(''),
    dropDatabase: async (database) => void (await place.remove(database)),
    busySession: () => Promise.resolve({ wasEnded: () => Promise.resolve(false) }),
    async stop() {
      s3.destroy();
      await account.stop();
      await files.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

engineContract({ title: 'SQLite in a bucket', engine: sqlite, depth: 'ways', start: startObjects });

describe('an object', () => {
  let server: ObjectServer;
  let bench: Bench<'sqlite'>;
  beforeAll(async () => {
    server = await startObjects();
    bench = await benchOf({ title: '', engine: sqlite, start: () => Promise.resolve(server) });
  });
  afterAll(async () => {
    await server.stop();
    await rm(bench.scratch, { recursive: true, force: true });
  });

  it('is backed up in one version, which is recorded, also in WAL mode', async () => {
    await server.change('wal.db', 'PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);');
    const { manifest, backup } = await bench.dump('wal.db');
    expect(manifest).toMatchObject({ consistency: 'snapshot', source: { details: { journalMode: 'wal' } } });
    expect(manifest.source.details.objectVersion).toBe((await server.place.stat('wal.db'))!.state);
    await bench.restore(bench.restoreJob('wal2.db', 'new'), memorySource(manifest, backup));
    expect(await server.rowsOf('wal2.db')).toEqual(await server.rowsOf('wal.db'));
    const job = { kind: 'check', id: 'x', target: server.target('wal.db'), idleMinutes: 5 } as const;
    expect(
      await sqlite.check(bench.context('wal.db'), { ...job, queries: ['SELECT count(*) = 2 FROM t'] }),
    ).toMatchObject({
      rows: 2,
      answers: [{ holds: true }],
    });
    const { findings, serverVersion } = await sqlite.probe(bench.context('wal.db'));
    expect(findings.map((one) => one.level)).not.toContain('bad');
    expect(serverVersion).toBe(manifest.source.serverVersion);
  });

  it('is refused where a journal lies beside it', async () => {
    await server.change('used.db', 'CREATE TABLE t (a);');
    await server.change('used.db-journal', 'CREATE TABLE t (a);');
    expect(await codeOf(sqlite.dump(bench.context('used.db'), memoryBackup().sink))).toBe('DUMP_FAILED');
    const { findings } = await sqlite.probe(bench.context('used.db'));
    expect(findings.find((one) => one.level === 'bad')?.hint).toContain('VACUUM INTO');
  });

  it('gets the rows of one table back, and no other name is left', async () => {
    await server.change(
      'part.db',
      'CREATE TABLE a (v); CREATE TABLE b (v); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);',
    );
    const { manifest, backup } = await bench.dump('part.db');
    await server.change('part.db', 'UPDATE a SET v = 2; UPDATE b SET v = 2;');
    const before = await server.databases();
    const job = bench.restoreJob('part.db', 'overwrite', { scope: { tables: ['a'] } });
    await bench.restore(job, memorySource(manifest, backup));
    expect(await server.rowsOf('part.db')).toMatchObject({ a: ['1,1'], b: ['1,2'] });
    expect(await server.databases()).toEqual(before);
    expect((await readdir(bench.scratch)).filter((name) => name.startsWith('sqlite-'))).toEqual([]);
  });
});
