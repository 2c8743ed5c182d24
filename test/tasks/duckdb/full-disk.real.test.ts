/** The file system that applications see is full: nothing of a restore stays on it, and what serves is as it was. */
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import { codeOf } from '../../contracts/engine-bench.ts';
import { run, withFile } from './harness.ts';
import { leave, room } from './room.ts';

it('a restore that finds no room beside what serves says so', async ({ skip }) => {
  const [large, small] = [await room(), await room()];
  const { directory } = small.server;
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', directory]);
  try {
    if (mounted.status !== 0) return skip('no file system can be mounted here');
    await run(large.file('shop.duckdb'), ['CREATE TABLE t AS SELECT md5(i::VARCHAR) AS b FROM range(200_000) r(i)']);
    await run(small.file('shop.duckdb'), ['CREATE TABLE t AS SELECT 1 AS b']);
    const { manifest, backup } = await large.bench.dump('shop.duckdb');
    for (const [mode, database] of [
      ['new', 'beside.duckdb'],
      ['swap', 'shop.duckdb'],
      ['overwrite', 'shop.duckdb'],
    ] as const) {
      const work = small.bench.restore(small.bench.restoreJob(database, mode), memorySource(manifest, backup));
      expect([mode, await codeOf(work)]).toEqual([mode, 'DISK_FULL']);
      expect(await readdir(directory)).toEqual(['shop.duckdb']);
    }
    const rows = await withFile(small.file('shop.duckdb'), true, (sql) => sql('SELECT b FROM t'));
    expect(rows).toEqual([{ b: 1 }]);
  } finally {
    if (mounted.status === 0) spawnSync('umount', [directory]);
    for (const one of [large, small]) await leave(one);
  }
});
