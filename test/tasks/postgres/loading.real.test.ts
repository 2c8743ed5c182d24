/** What breaks while a restore loads: what served goes on serving, with every row, and nothing half-made is left beside it. */
import { execFileSync } from 'node:child_process';
import { chown, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { aliasDatabase } from '../../../core/names.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { failure, type Bench } from '../../contracts/engine-bench.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';
import { fakeTools, haltingSource, shop, toolsRunning } from './trouble.ts';

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
  it.each(
    (['new', 'swap', 'overwrite'] as const).flatMap((mode) =>
      (['killed', 'ended by the server'] as const).map((how) => [mode, how] as const),
    ),
  )(
    'by %s whose tool is %s in the midst of it changes nothing, and leaves nothing behind',
    async (mode, how) => {
      const telling = 'echo $$ > "$0.pid"; exec $REAL "$@"';
      const { root } = await fakeTools(MAJOR, { psql: telling, pg_restore: telling });
      const tool = format === 'plain' || mode === 'overwrite' ? 'psql' : 'pg_restore';
      const source = haltingSource(made.manifest, made.backup);
      const job = here.bench.restoreJob(mode === 'new' ? 'copy' : 'shop', mode);
      const database = mode === 'overwrite' ? 'shop' : aliasDatabase(job.database, job.id);
      try {
        const env = { ...here.server.env, NIGHTJAR_POSTGRES_ROOT: root };
        const failed = failure(here.bench.restore(job, source, { env }));
        await source.halted;
        const loading = `SELECT pid FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'COPY public.filling %'`;
        const backends = await vi.waitFor(
          async () => {
            const found = await here.server.postgres.query<{ pid: number }>(loading, { values: [database] });
            expect(found).toHaveLength(1);
            return found;
          },
          { timeout: 30_000 },
        );
        if (how === 'killed')
          process.kill(Number(await readFile(join(root, String(MAJOR), 'bin', `${tool}.pid`), 'utf8')), 'SIGKILL');
        else {
          await here.server.postgres.query('SELECT pg_terminate_backend($1)', { values: [backends[0]!.pid] });
          // The tool hears of it only when it has something to say.
          source.goOn();
        }
        const thrown = await failed;
        expect(thrown.code, thrown.message).toBe(how === 'killed' ? 'RESTORE_FAILED' : 'CONNECTION_LOST');
        if (how === 'killed') expect(thrown.detail).toContain(`${tool} was ended by SIGKILL`);
        expect(await toolsRunning()).toEqual([]);
        expect(await seen()).toEqual(before);
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    },
    60_000,
  );

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
