/** A table `orders`, spoilt since noon, and a restore of it whose record is opened: the states are called one by one. */
import type { NativeRestore } from '../../../core/native.ts';
import type { Look, OpenedNativeRestore } from '../../../core/payloads.ts';
import { aliasResource, manifestKey } from '../../../core/names.ts';
import type { RestoreMode } from '../../../core/engines.ts';
import type { TableEvent, TableNeeds } from '../../../lambdas/native/table.ts';
import { memoryCatalog } from '../../../stores/memory-catalog.ts';
import { FakeTables, type Items } from '../../support/fake-tables.ts';
import { configOf } from '../support/world.ts';

export const RESTORE = '01JDABCDEFGHJKMNPQRSTVWXYZ';
export const SAFETY = '01JDABCDEFGHJKMNPQRSTVWXY0';
export const ALIAS = aliasResource('dynamodb', 'orders', RESTORE);
export const GOOD: Items = new Map([
  ['a', 'good'],
  ['b', 'good'],
  ['c', 'good'],
  ['d', 'good'],
  ['e', 'expired'],
]);
export const NOON = Date.parse('2026-11-21T12:00:00.000Z');
const ARN = 'arn:aws:states:eu-west-1:123456789012:execution:shop-prod-restore:r1';

export const tableTarget = (more: object = {}) => ({ name: 'orders', engine: 'dynamodb', table: 'orders', ...more });

export interface TableWorld {
  readonly parts: TableNeeds;
  readonly tables: FakeTables;
  clock: number;
  event(more?: Partial<TableEvent>): TableEvent;
  native(): Promise<NativeRestore>;
  /** Looks until the state is done, each after the pause that it asks for. Answers how often it looked. */
  through(state: (event: TableEvent) => Promise<Look>, event?: TableEvent): Promise<number>;
  /** The safety backup, as the backup machine makes it. */
  safety(): Promise<TableEvent>;
  change(change: Partial<NativeRestore>): Promise<void>;
}

export async function tableWorld(
  options: { mode?: RestoreMode; target?: object; missing?: boolean; from?: NativeRestore['from'] } = {},
): Promise<TableWorld> {
  const { mode = 'swap', missing = false } = options;
  const catalog = memoryCatalog();
  const config = configOf({ targets: [tableTarget(options.target) as never] });
  const now = (): Date => new Date(world.clock);
  const tables = new FakeTables(now);
  const services = { dynamodb: tables } as unknown as TableNeeds['services'];
  const opened: OpenedNativeRestore = {
    way: 'table',
    id: RESTORE,
    target: 'orders',
    attempt: 1,
    mode,
    approve: false,
    check: false,
    original: !missing,
    set: false,
  };
  const native = async (): Promise<NativeRestore> => (await catalog.getRestore(RESTORE))!.native!;
  const world: TableWorld = {
    parts: { catalog, config: () => Promise.resolve(config), services, now },
    tables,
    clock: NOON,
    event: (more = {}) => ({
      executionArn: ARN,
      startedAt: '2026-11-21T13:00:00.000Z',
      input: { target: 'orders', at: 'latest', mode },
      opened,
      ...more,
    }),
    native,
    async through(state, event = world.event()) {
      for (let looks = 1; looks < 1_000; looks += 1) {
        const { done, waitSeconds } = await state(event);
        world.clock += waitSeconds * 1_000;
        if (done) return looks;
      }
      throw new Error('It never ends.');
    },
    async safety() {
      const { arn } = await tables.createPoint('orders', `nightjar-orders-${SAFETY.toLowerCase()}`);
      while ((await tables.pointState(arn))?.status !== 'ready') world.clock += 1_000;
      const at = now().toISOString();
      await catalog.openBackup({
        backupId: SAFETY,
        target: 'orders',
        engine: 'dynamodb',
        method: 'native',
        kind: 'full',
        trigger: 'admin',
        status: 'RUNNING',
        executionArn: 'arn:safety',
        startedAt: at,
      });
      await catalog.completeBackup(
        'orders',
        SAFETY,
        {
          manifestKey: manifestKey('orders', SAFETY),
          manifestVersionId: 'v1',
          snapshotAt: at,
          storedBytes: 0,
          databaseBytes: 5,
          warnings: [],
          points: [arn],
        },
        at,
      );
      return world.event({ safety: { Output: { backupId: SAFETY } } });
    },
    change: async (change) =>
      void (await catalog.updateRestore(RESTORE, ['RUNNING'], { native: { ...(await native()), ...change } })),
  };
  tables.make('orders', GOOD);
  const { settings } = (await tables.read('orders'))!;
  world.clock += 1_800_000;
  const moment = new Date(world.clock).toISOString();
  world.clock += 1_800_000;
  tables.write('orders', 'a', 'spoilt');
  tables.write('orders', 'f', 'new');
  if (missing) tables.tables.delete('orders');
  const { arn, resourceId } = settings;
  await catalog.openRestore({
    restoreId: RESTORE,
    target: 'orders',
    destination: 'orders',
    mode,
    database: 'orders',
    status: 'RUNNING',
    executionArn: ARN,
    startedAt: now().toISOString(),
    native: {
      from: options.from ?? { kind: 'moment', sourceArn: arn, sourceResourceId: resourceId, at: moment },
      alias: ALIAS,
      ...(missing ? {} : { original: { arn, resourceId } }),
      settings,
      steps: {},
      serving: missing ? 'nothing' : 'original',
    },
  });
  return world;
}
