/** A living file in which a restore comes to grief half-way: by a crash in the middle of its writes, or on a full mount. */
import { execFileSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import { codeOf } from '../../contracts/engine-bench.ts';
import { leave, room, shop, tampered, type Room } from './room.ts';

let here: Room;
let source: ReturnType<typeof memorySource>;

/** The backup is some hundred KiB; what lives under its name since is small. */
const SMALL = `DROP TABLE filling; DELETE FROM orders WHERE id > 9; VACUUM;`;

beforeEach(async () => {
  here = await room();
  await shop(here, 'shop.db', 1_500);
  const { manifest, backup } = await here.bench.dump('shop.db');
  source = memorySource(manifest, backup);
  await here.sql('shop.db', SMALL);
});
afterEach(() => leave(here));

const bytes = async (): Promise<number> => (await stat(here.server.path('shop.db'))).size;

describe('a living file', () => {
  it('has its old rows when .restore was killed in the middle of its writes, and takes the backup the next time', async () => {
    const job = () => here.bench.restoreJob('shop.db', 'overwrite');
    const calm = await tampered(here, 'sqlite3', 0, '');
    await here.bench.restore(job(), source, { env: calm.env });
    await here.sql('shop.db', SMALL);
    const [before, small] = [await here.server.rowsOf('shop.db'), await bytes()];
    // The last shell is the one that writes; the kernel kills it beyond so many blocks of 512 bytes.
    const limit = Math.ceil(small / 512) + 200;
    const { env } = await tampered(here, 'sqlite3', await calm.starts(), `ulimit -c 0; ulimit -f ${limit}`);
    const code = await codeOf(here.bench.restore(job(), source, { env }));
    expect(code).toBe('RESTORE_FAILED');
    expect(await bytes(), 'some of it was written').toBeGreaterThan(small);
    expect((await here.server.databases()).sort()).toEqual(['shop.db', 'shop.db-journal']);
    // The next one who opens it undoes what was half done.
    await here.sql('shop.db', 'PRAGMA integrity_check;');
    expect(await here.server.rowsOf('shop.db')).toEqual(before);
    await here.bench.restore(job(), source);
    expect(await here.sql('shop.db', 'SELECT count(*) FROM filling; PRAGMA integrity_check;')).toBe('1500\nok');
  });

  it('has its old rows when the mounted file system is full, and nothing is left beside it', async () => {
    const { directory } = here.server;
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', directory]);
    try {
      await shop(here, 'shop.db', 10);
      await here.sql('shop.db', SMALL);
      const before = await here.server.rowsOf('shop.db');
      for (const mode of ['overwrite', 'swap', 'new'] as const) {
        const job = here.bench.restoreJob(mode === 'new' ? 'beside.db' : 'shop.db', mode);
        expect(await codeOf(here.bench.restore(job, source)), mode).toBe('DISK_FULL');
        expect(await here.server.rowsOf('shop.db'), mode).toEqual(before);
        expect(await here.server.databases(), mode).toEqual(['shop.db']);
      }
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});
