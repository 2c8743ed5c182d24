/** A database of each service with native backups, looked at alike; and what holds however a backup of it ended. */
import { expect } from 'vitest';
import { nativeManifest } from '../../core/backup.ts';
import { isErrorCode } from '../../core/errors.ts';
import { EVENTS } from '../../core/names.ts';
import type { Config } from '../../core/config.ts';
import type { World } from '../lambdas/support/world.ts';
import type { Ended } from './calls.ts';
import type { Harness } from './harness.ts';
import { watch, type Watched } from './native-crashes.ts';
import { expectFree } from './restore-promises.ts';
import { holderOf, openServer, type ServerCase } from './server-case.ts';
import { openTable, type TableCase } from './table-case.ts';

export const NATIVES = ['rds', 'aurora', 'dynamodb'] as const;
type Native = (typeof NATIVES)[number];

type Spoilt = 'never comes' | 'fails' | 'is deleted meanwhile' | 'comes';

export interface NativeCase extends Watched {
  readonly engine: Native;
  readonly target: 'shop' | 'orders';
  readonly world: World;
  readonly harness: Harness;
  readonly server?: ServerCase;
  readonly table?: TableCase;
  /** What had the name when the case was opened. */
  readonly original: string;
  /** Every recovery point that the service keeps, in every region. */
  points(): { readonly arn: string; readonly ready: boolean }[];
  /** Of the n-th point that was asked for since the case was opened. */
  spoil(nth: number, way: Spoilt): void;
  /** What has the name, and whether clients find it there. */
  holder(): { readonly id: string; readonly serves: boolean } | undefined;
  /** What was asked of the service comes true. */
  rest(): Promise<void>;
}

const COPIES = [
  { region: 'eu-central-1', keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555' },
];

export async function openCase(engine: Native, target: object = {}): Promise<NativeCase> {
  if (engine === 'dynamodb') {
    const table = await openTable(target);
    const { tables, world } = table;
    return Object.assign(watch(world, engine, table.before), {
      engine,
      target: 'orders' as const,
      world,
      harness: table.harness,
      table,
      original: tables.tables.get('orders')!.id,
      points: () => [...tables.backups].map(([arn, { readyAt }]) => ({ arn, ready: readyAt <= world.now().getTime() })),
      spoil(_: number, way: Spoilt) {
        const [arn, point] = [...tables.backups].at(-1) ?? [];
        if (way === 'is deleted meanwhile') tables.backups.delete(arn!);
        else if (point) point.readyAt = way === 'comes' ? 0 : Infinity;
      },
      holder() {
        const there = tables.tables.get('orders');
        return there && { id: there.id, serves: there.status === 'ACTIVE' };
      },
      async rest() {
        world.clock += 60_000;
        for (let looks = 0; looks < 5; looks += 1)
          for (const name of [...tables.tables.keys()]) await tables.read(name);
      },
    });
  }
  const server = await openServer({ engine, target: { check: undefined, ...target } });
  const { rds, world } = server;
  const config = await world.config();
  world.setConfig({ ...config, copies: COPIES } satisfies Config);
  return Object.assign(watch(world, engine, server.before), {
    engine,
    target: 'shop' as const,
    world,
    harness: server.harness,
    server,
    original: server.original,
    points: () =>
      ['eu-west-1', ...COPIES.map(({ region }) => region)]
        .map((name) => rds.region(name))
        .flatMap(({ snapshots, clusterSnapshots }) => [
          ...snapshots.map(({ shape, status }) => ({ arn: shape.DBSnapshotArn!, ready: status === 'available' })),
          ...clusterSnapshots.map(({ shape, status }) => ({
            arn: shape.DBClusterSnapshotArn!,
            ready: status === 'available',
          })),
        ]),
    spoil(nth: number, way: Spoilt) {
      const region = rds.region(nth === 1 ? 'eu-west-1' : COPIES[0]!.region);
      const point = (engine === 'rds' ? region.snapshots : region.clusterSnapshots).at(-1);
      if (way === 'never comes') point?.goes([{ status: 'creating', looks: 1e9 }]);
      else if (way !== 'is deleted meanwhile') point?.goes([], way === 'fails' ? 'failed' : 'available');
      else if (engine === 'rds') region.snapshots.pop();
      else region.clusterSnapshots.pop();
    },
    holder: () => holderOf(server),
    rest: () => Promise.resolve(rds.turn(30)),
  });
}

/** No COMPLETED record promises a point that is not there, or lacks a manifest that says so. */
export async function expectPointsKept(one: NativeCase): Promise<void> {
  const { world } = one;
  const there = one.points();
  for (const record of await world.catalog.listBackups({ limit: 1_000 })) {
    if (record.status !== 'COMPLETED') continue;
    const manifest = nativeManifest(
      (await world.vault.readManifest(record.manifestKey!, record.manifestVersionId)).manifest,
    );
    const arns = manifest.points.map(({ arn }) => arn);
    expect(arns.length).toBe(one.engine === 'dynamodb' ? 1 : 1 + COPIES.length);
    expect([...record.points!].sort()).toEqual([...arns].sort());
    expect(there).toEqual(expect.arrayContaining(arns.map((arn) => ({ arn, ready: true }))));
  }
}

const WEEKS = 50 * 86_400_000;

/** How a backup ended is recorded and told, and what it was of serves as before. */
export async function expectBackupClosed(one: NativeCase, { id, status }: Ended): Promise<void> {
  const { world, target } = one;
  await one.rest();
  const record = (await world.catalog.getBackup(target, id))!;
  expect(['COMPLETED', 'FAILED']).toContain(record.status);
  if (status === 'SUCCEEDED') expect(record.status).toBe('COMPLETED');
  if (record.status === 'FAILED') {
    expect(isErrorCode(record.failure?.code ?? '')).toBe(true);
    const told = world.published.filter((each) => each.detail.backupId === id).map(({ name }) => name);
    expect(told).toContain(EVENTS.backupFailed);
  }
  await expectPointsKept(one);
  expect(one.holder()).toEqual(expect.objectContaining({ id: one.original, serves: true }));
  await expectFree(one);
}

/** Taken again it is good, and nothing stays behind for good. */
export async function expectBacksUpAgain(one: NativeCase): Promise<void> {
  one.mishap = undefined;
  await one.rest();
  const again = await one.harness.run('backup', { target: one.target }, one.before);
  expect(again.cause).toBeUndefined();
  await expectBackupClosed(one, again);
  await expectPruned(one);
}

/** Weeks later only points of good backups are left: of whatever broke the pruner has found them. */
export async function expectPruned(one: NativeCase): Promise<void> {
  const { world } = one;
  world.clock += WEEKS;
  for (let night = 0; night < 2; night += 1) {
    const ended = await one.harness.run('prune', {}, one.before);
    expect(ended.cause).toBeUndefined();
    await one.rest();
  }
  await expectPointsKept(one);
  const good = (await world.catalog.listBackups({ limit: 1_000 })).filter(({ status }) => status === 'COMPLETED');
  expect(good.length).toBeGreaterThan(0);
  const [kept, left] = [good.flatMap(({ points }) => points ?? []), one.points().map(({ arn }) => arn)];
  expect(left.sort(), 'points that are left').toEqual(kept.sort());
}
