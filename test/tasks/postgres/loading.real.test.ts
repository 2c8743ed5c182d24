/** What breaks while a restore loads: what served goes on serving, with every row, and nothing half-made is left beside it. */
import { execFileSync } from 'node:child_process';
import { chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import type { Bench } from '../../contracts/engine.ts';
import { targetAt } from './harness.ts';
import { failure, leave, room, type Room } from './room.ts';
import { fakeTools, shop } from './trouble.ts';

const MAJOR = 17;
describe.each(['custom', 'plain'] as const)('a restore of the format %s', (format) => {
  let here: Room;
  let made: Awaited<ReturnType<Bench<'postgres'>['dump']>>;
  let before: { rows: unknown; databases: string[] };
  const seen = async (): Promise<typeof before> => ({
    rows: await here.server.rowsOf('shop'),
    databases: (await here.server.databases()).sort(),
  });
  const restore = (
    mode: 'swap' | 'overwrite',
    more: { readonly archive?: Buffer; readonly root?: string } = {},
  ): ReturnType<typeof failure> =>
    failure(
      here.bench.restore(
        here.bench.restoreJob('shop', mode),
        memorySource(made.manifest, made.backup, more.archive),
        more.root === undefined ? {} : { env: { ...here.server.env, NIGHTJAR_POSTGRES_ROOT: more.root } },
      ),
    );
  beforeAll(async () => {
    here = await room(MAJOR);
    await shop(here, 'shop', 8);
    made = await here.bench.dump('shop', { target: targetAt(here.server.postgres, 'shop', { format }) });
  });
  beforeEach(async () => {
    before = await seen();
  });
  afterAll(() => leave(here));

  const ofTool = it.runIf(format === 'custom');
  ofTool.each(['swap', 'overwrite'] as const)('whose tool is killed changes nothing (%s)', async (mode) => {
    // An overwrite has pg_restore write a script, which psql runs.
    const loads = mode === 'swap' ? '*--dbname*' : '*--file*';
    const { root } = await fakeTools(MAJOR, {
      pg_restore: `case "$*" in ${loads}) ;; *) exec $REAL "$@";; esac; head -c 2000000 | $REAL "$@"; kill -9 $$`,
    });
    try {
      const thrown = await restore(mode, { root });
      expect(thrown.code).toBe('RESTORE_FAILED');
      expect(await seen()).toEqual(before);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });

  it.each(['swap', 'overwrite'] as const)('of an archive that ends early changes nothing (%s)', async (mode) => {
    const whole = Buffer.from(made.backup.finished.get('archive')!);
    const thrown = await restore(mode, { archive: whole.subarray(0, Math.floor(whole.length / 2)) });
    expect(['RESTORE_FAILED', 'CHECKSUM_MISMATCH']).toContain(thrown.code);
    expect(await seen()).toEqual(before);
  });

  it('says that the server’s disk is full, and changes nothing', async () => {
    const small = await mkdtemp(join(tmpdir(), 'nightjar-small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small]);
    const server = here.server.postgres;
    try {
      const [data] = await server.query<{ data_directory: string }>('SHOW data_directory');
      const { uid, gid } = await stat(data!.data_directory);
      await chown(small, uid, gid);
      // New databases are copies of a template, and lie where it does.
      await server.query(`CREATE TABLESPACE small LOCATION '${small}'`);
      await server.query('ALTER DATABASE template0 SET TABLESPACE small');
      const thrown = await restore('swap');
      expect(thrown.code).toBe('DISK_FULL');
      expect(thrown.detail).toContain('No space left on device');
      expect(await seen()).toEqual(before);
    } finally {
      await server.query('ALTER DATABASE template0 SET TABLESPACE pg_default');
      await server.query('DROP TABLESPACE small');
      execFileSync('umount', ['-l', small]);
      await rm(small, { recursive: true, force: true });
    }
  });

  ofTool('whose server dies says so, and everything is there when it is back', async () => {
    const { root } = await fakeTools(MAJOR, {
      pg_restore:
        'case "$*" in *--dbname*) ;; *) exec $REAL "$@";; esac; touch "$0.begun"; (head -c 2000000; sleep 5; cat) | $REAL "$@"',
    });
    try {
      const failed = restore('swap', { root });
      await vi.waitFor(() => stat(join(root, String(MAJOR), 'bin', 'pg_restore.begun')), { timeout: 60_000 });
      await here.server.postgres.kill();
      const thrown = await failed;
      expect(thrown.code, thrown.message).toBe('CONNECTION_LOST');
    } finally {
      await here.server.postgres.start();
      await rm(root, { recursive: true, force: true });
    }
    const after = await seen();
    expect(after.rows).toEqual(before.rows);
  });
});
