/** What answers under a host's name may be no server, or one that only follows: told before hours are lost. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPgbouncer, type Pgbouncer } from '../../../local/pgbouncer.ts';
import type { Postgres } from '../../../local/postgres.ts';
import { startReplica } from '../../../local/postgres-replica.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { directEndpoint } from '../../../tasks/engines/postgres/pooler.ts';
import { memoryBackup, memorySource, heldBackup } from '../../contracts/doubles.ts';
import { failure, type Bench } from '../../contracts/engine-bench.ts';
import { targetAt, withClient } from './harness.ts';
import { count, leave, room, type Room } from './room.ts';

let here: Room;
let made: Awaited<ReturnType<Bench<'postgres'>['dump']>>;
beforeAll(async () => {
  here = await room(17);
  await here.server.postgres.query('CREATE DATABASE shop');
  await withClient(here.server.postgres, 'shop', (client) =>
    client.query(`CREATE TABLE orders (id int, noise text); CREATE UNLOGGED TABLE scratch (id int); INSERT INTO scratch VALUES (1);
      INSERT INTO orders SELECT i, (SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 64) j) FROM generate_series(1, 8192) i`),
  );
  made = await here.bench.dump('shop');
});
afterAll(() => leave(here));

describe.each(['transaction', 'session'] as const)('a pooler of mode %s', (mode) => {
  let pooler: Pgbouncer;
  beforeAll(async () => {
    pooler = await startPgbouncer(here.server.postgres, mode);
  });
  afterAll(() => pooler.stop());

  it('is refused by everything, and named', async () => {
    const target = {
      ...targetAt(here.server.postgres, 'shop', { tls: { verify: 'off', ca: 'rds' } }),
      host: '127.0.0.1',
      port: pooler.port,
    };
    const context = here.bench.context('shop', { target });
    const backup = memoryBackup();
    const restoring = here.bench.restoreJob('copy', 'new');
    const works = await Promise.all([
      failure(postgres.dump(context, backup.sink)),
      failure(postgres.probe(context)),
      failure(here.bench.restore(restoring, memorySource(made.manifest, made.backup), { target })),
    ]);
    for (const thrown of works)
      expect(thrown).toMatchObject({
        code: 'POOLER_REFUSED',
        detail: expect.stringContaining(`127.0.0.1:${pooler.port} answers for a server behind it`) as string,
      });
    expect(backup.written()).toBe(0);
    expect(await here.server.databases()).not.toContain('copy');
  });
});

describe('names of poolers', () => {
  it('are enough where they are Amazon’s', async () => {
    const host = 'shop.proxy-c0example.eu-west-1.rds.amazonaws.com';
    const target = { ...here.bench.context('shop').target, host };
    expect(await failure(postgres.probe(here.bench.context('shop', { target })))).toMatchObject({
      code: 'POOLER_REFUSED',
      detail: expect.stringContaining('RDS Proxy') as string,
    });
  });

  it.each([
    ['ep-a-b-123-pooler.eu-central-1.aws.neon.tech', 5432, 'x', 'ep-a-b-123.eu-central-1.aws.neon.tech:5432'],
    ['aws-0-eu-west-1.pooler.supabase.com', 6543, 'postgres.abcdef', 'db.abcdef.supabase.co:5432'],
    ['shop.postgres.database.azure.com', 6432, 'x', 'shop.postgres.database.azure.com:5432'],
    ['shop-do-user-1-0.db.ondigitalocean.com', 25_061, 'x', 'shop-do-user-1-0.db.ondigitalocean.com:25060'],
    ['pooler.example.org', 6432, 'postgres.x', undefined],
  ])('tell the server behind them: %s', (host, port, user, direct) => {
    expect(directEndpoint({ host, port }, user)).toBe(direct);
  });
});

describe('a replica', () => {
  let replica: Postgres;
  beforeAll(async () => {
    replica = await startReplica(here.server.postgres, {
      max_prepared_transactions: 5,
      max_standby_streaming_delay: '3s',
      hot_standby_feedback: 'off',
    });
  });
  afterAll(() => replica.stop());

  it('is backed up like its primary, which the backup is restored into; its own probe warns', async () => {
    const context = here.bench.context('shop', { target: targetAt(replica, 'shop', { fingerprint: 'checksums' }) });
    const { backup, manifest } = await here.bench.dump('shop', context);
    expect(manifest).toMatchObject({ consistency: 'transaction' });
    expect(context.report.warnings.join()).toContain('a replica has none');
    await here.bench.restore(here.bench.restoreJob('copy', 'new'), memorySource(manifest, backup));
    expect([await count(here, 'copy', 'orders'), await count(here, 'copy', 'scratch')]).toEqual([8192, 0]);
    const { findings } = await postgres.probe(context);
    expect(findings.map((one) => one.hint).join()).toContain('hot_standby_feedback');
  });

  it('that has to cancel the dump is told so, and nothing is kept', async () => {
    const backup = heldBackup(1_000_000);
    const target = targetAt(replica, 'shop', { compression: { algorithm: 'none', level: 0 } });
    const dump = failure(postgres.dump(here.bench.context('shop', { target }), backup.sink));
    await backup.begun;
    await here.server.postgres.query('DELETE FROM orders WHERE id % 2 = 0', { database: 'shop' });
    await here.server.postgres.query('VACUUM orders', { database: 'shop' });
    // Who waits to be read from hears of no cancelling: once the replay's patience is over, the dump may go on.
    await withClient(replica, 'shop', async (client) => {
      const waits = async (): Promise<boolean> => {
        const { rowCount } = await client.query(
          `SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event LIKE 'RecoveryConflict%'`,
        );
        return rowCount === 1;
      };
      while (!(await waits()));
      while (await waits());
    });
    backup.release();
    const thrown = await dump;
    expect(thrown.code).toBe('REPLICA_CONFLICT');
    expect(thrown.entry.hint).toContain('max_standby_streaming_delay');
    expect(backup.finished.has('archive')).toBe(false);
  });
});
