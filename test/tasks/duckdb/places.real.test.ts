/** A database that is an object; large values; many tables. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TargetOf } from '../../../core/config.ts';
import { duckdb } from '../../../tasks/engines/duckdb.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { codeOf, dropOf, rollbackOf } from '../../contracts/engine-bench.ts';
import { useVault } from '../vault-room.ts';
import { rowsOf, run, targetAt, withFile } from './harness.ts';
import { crashedWriter, leave, room, type Room } from './room.ts';

const SLOW = process.env.NIGHTJAR_SLOW === '1';
let here: Room;
beforeAll(async () => {
  here = await room();
});
afterAll(() => leave(here));

describe('a database that is an object', () => {
  const vault = useVault();
  const inBucket = (name: string): TargetOf<'duckdb'> =>
    targetAt(name, { storage: { s3: { bucket: vault.bucket, prefix: 'data/' } } });
  const put = async (name: string, file: string): Promise<void> =>
    void (await vault.direct.send(
      new PutObjectCommand({ Bucket: vault.bucket, Key: `data/${name}`, Body: readFileSync(file) }),
    ));
  const names = async (): Promise<string[]> =>
    ((await vault.direct.send(new ListObjectsV2Command({ Bucket: vault.bucket }))).Contents ?? []).map(
      (one) => one.Key!,
    );
  const rows = async (name: string): Promise<unknown> => {
    const { Body } = await vault.direct.send(new GetObjectCommand({ Bucket: vault.bucket, Key: `data/${name}` }));
    const file = join(here.server.directory, 'fetched.duckdb');
    await writeFile(file, await Body!.transformToByteArray());
    return rowsOf(file);
  };

  it('is backed up with the .wal beside it, swapped, rolled back, and what was replaced is dropped', async () => {
    const file = here.file('origin.duckdb');
    await run(file, ['CREATE TABLE t AS SELECT i FROM range(1000) r(i)']);
    crashedWriter(file, ['INSERT INTO t SELECT i FROM range(1000, 1500) r(i)']);
    await put('shop.duckdb', file);
    await put('shop.duckdb.wal', `${file}.wal`);
    const more = { target: inBucket('shop.duckdb'), s3: vault.direct };
    const { manifest, backup } = await here.bench.dump('shop.duckdb', more);
    expect(manifest.consistency).toBe('snapshot');
    expect(manifest.fingerprint.tables).toEqual([{ schema: 'main', table: 't', rows: 1500 }]);

    await rm(file);
    await rm(`${file}.wal`, { force: true });
    await run(file, ['CREATE TABLE t AS SELECT i FROM range(3) r(i)']);
    await put('shop.duckdb', file);
    const damaged = await rows('shop.duckdb');
    const job = { ...here.bench.restoreJob('shop.duckdb', 'swap'), target: more.target };
    const outcome = await here.bench.restore(job, memorySource(manifest, backup), more);
    expect(outcome.comparison).toMatchObject({ equal: true, rowsFound: 1500 });
    expect((await rows('shop.duckdb')) as object).toHaveProperty(['main.t', 'length'], 1500);
    // Neither file has the other's rows to come.
    expect(await names()).toEqual(
      expect.arrayContaining([`data/${outcome.replacedDatabase}`, `data/${outcome.replacedDatabase}.wal`]),
    );
    expect(await names()).not.toContain('data/shop.duckdb.wal');

    const context = here.bench.context('shop.duckdb', more);
    const { setAside } = await duckdb.rollback(context, rollbackOf(job));
    expect(await names()).toContain('data/shop.duckdb.wal');
    await vault.direct.send(
      new PutObjectCommand({ Bucket: vault.bucket, Key: 'data/shop.duckdb', Body: readFileSync(file) }),
    );
    expect(await rows('shop.duckdb')).toEqual(damaged);
    expect(await duckdb.drop(context, dropOf(job, setAside))).toEqual({ dropped: true });
    expect((await names()).sort()).toEqual(['data/shop.duckdb', 'data/shop.duckdb.wal']);
  });

  it('that is not there is said to be missing, and probed without being changed', async () => {
    const more = { target: inBucket('shop.duckdb'), s3: vault.direct };
    expect(await codeOf(here.bench.dump('shop.duckdb', more))).toBe('DATABASE_MISSING');
    await run(here.file('probed.duckdb'), ['CREATE TABLE t (a INTEGER)']);
    await put('shop.duckdb', here.file('probed.duckdb'));
    const { findings } = await duckdb.probe(here.bench.context('shop.duckdb', more));
    expect(findings.filter((one) => one.level !== 'ok')).toEqual([]);
  });
});

describe.each(['file', 'parquet'] as const)('as %s', (format) => {
  it('what is too large for the little memory that comes first is done again with more, and rows keep their order', async () => {
    const name = `wide-${format}.duckdb`;
    await run(here.file(name), [
      'CREATE TABLE ordered AS SELECT i FROM range(100_000) r(i)',
      // Two values of 24 MB, and an index that is made again.
      "CREATE TABLE wide AS SELECT i, repeat('abcdefgh' || i, 2_700_000) AS b FROM range(2) r(i)",
      'CREATE TABLE keyed (id VARCHAR PRIMARY KEY)',
      'INSERT INTO keyed SELECT md5(i::VARCHAR) FROM range(100_000) r(i)',
    ]);
    const target = targetAt(name, { format, fingerprint: 'checksums' });
    const { manifest, backup } = await here.bench.dump(name, { target });
    const job = here.bench.restoreJob(`again-${name}`, 'new');
    const outcome = await here.bench.restore(job, memorySource(manifest, backup));
    expect(outcome.comparison).toMatchObject({ equal: true, mode: 'checksums', rowsFound: 200_002 });
    const unsorted =
      'SELECT count(*)::INT AS n FROM (SELECT i, lag(i) OVER () AS before FROM ordered) WHERE i < before';
    expect(await withFile(here.file(`again-${name}`), true, (sql) => sql(unsorted))).toEqual([{ n: 0 }]);
  });

  // Of `file` the contract holds it.
  if (format === 'parquet')
    it('brings 64 MiB in one value back, byte by byte', async () => {
      const bytes = randomBytes(64 * 1024 ** 2);
      await here.server.large.make('large.duckdb', bytes);
      const { manifest, backup } = await here.bench.dump('large.duckdb', {
        target: targetAt('large.duckdb', { format }),
      });
      const job = here.bench.restoreJob('larger.duckdb', 'new');
      await here.bench.restore(job, memorySource(manifest, backup));
      const back = await here.server.large.read('larger.duckdb');
      expect({ size: back.length, same: back.equals(bytes) }).toEqual({ size: bytes.length, same: true });
    });

  it.runIf(SLOW)('10,000 tiny tables come back', async () => {
    const name = `many-${format}.duckdb`;
    const tables = Array.from({ length: 10_000 }, (_, index) => `CREATE TABLE t${index} AS SELECT ${index} AS a`);
    await run(here.file(name), ['BEGIN', ...tables, 'COMMIT']);
    const { manifest, backup } = await here.bench.dump(name, { target: targetAt(name, { format }) });
    const outcome = await here.bench.restore(
      here.bench.restoreJob(`again-${name}`, 'new'),
      memorySource(manifest, backup),
    );
    expect(outcome.comparison).toMatchObject({ equal: true, tablesCompared: 10_000, rowsFound: 10_000 });
  });
});
