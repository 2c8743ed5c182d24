/** The page's commands for a day without Nightjar. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { holdSqlite, sqlite as shell } from '../../../local/sqlite.ts';
import { packedFile } from '../../../tasks/pipes/packing.ts';
import { blocksOf, typed } from '../../support/by-hand.ts';
import { rowsOf, targetAt } from './harness.ts';
import { leave, room, shop, type Room } from './room.ts';

let here: Room;
beforeAll(async () => void (here = await room()));
afterAll(() => leave(here));

it.each(['file', 'sql'] as const)('the page’s commands bring a backup back without Nightjar (%s)', async (format) => {
  const work = await mkdtemp(join(tmpdir(), 'nightjar-by-hand-'));
  try {
    const name = `shop-${format}.db`;
    await shop(here, name, 100);
    const target = targetAt(name, { format });
    const { backup } = await here.bench.dump(name, { target });
    const stored = packedFile(format === 'file' ? 'archive.db' : 'archive.sql', target.compression);
    await mkdir(join(work, 'vault'));
    await writeFile(join(work, 'vault', stored), backup.finished.get('archive')!);

    const [bring, exchange] = await blocksOf('sqlite.md', 'Without Nightjar');
    const others = format === 'file' ? '# format sql' : '# format file';
    const lines = bring!.split('\n').filter((line) => !line.endsWith(others));
    const site = join(work, 'site');
    await mkdir(site);
    const place = { vault: join(work, 'vault'), cwd: site };
    expect((await typed(lines.join('\n'), place)).stdout.trim()).toBe('ok');

    // What lived there was left by a crash: its journal must not meet the restored file.
    await shell(join(site, 'shop.db'), 'CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(99999));');
    const crashing =
      'PRAGMA synchronous = OFF; PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN; UPDATE t SET a = randomblob(99999);';
    await (await holdSqlite(join(site, 'shop.db'), crashing)).kill();
    expect(await readdir(site)).toContain('shop.db-journal');
    await typed(exchange!, place);
    expect((await readdir(site)).sort()).toEqual(['away', 'shop.db']);
    expect((await readdir(join(site, 'away'))).sort()).toEqual(['shop.db', 'shop.db-journal']);
    expect(await rowsOf(join(site, 'shop.db'))).toEqual(await here.server.rowsOf(name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
});
