/** Native targets for the world of the command line: an instance `shop-db`, a table `orders`, their backups and restores. */
import type { BackupRecord, NativeManifest } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import type { ConfigInput } from '../../core/config.ts';
import { idOfExecution } from '../../core/ids.ts';
import { manifestKey } from '../../core/names.ts';
import type { NativeResource, NativeRestore, NativeSettings } from '../../core/native.ts';
import type { NativeRecord } from '../../core/serving.ts';
import { at, recordOf } from './world.ts';

const ARN = 'arn:aws:rds:eu-west-1:123456789012';
const TABLE = 'arn:aws:dynamodb:eu-west-1:123456789012:table/orders';
export const POINT = `${ARN}:snapshot:nightjar-shop-rds-1`;

export const NATIVE_TARGETS: ConfigInput['targets'] = [
  { name: 'shop-rds', engine: 'rds', instance: 'shop-db', pointer: { parameter: '/shop/host' } },
  { name: 'orders', engine: 'dynamodb', table: 'orders' },
];

export const settingsOf = (engine: 'rds' | 'dynamodb' = 'rds'): NativeSettings => ({
  engine,
  name: engine === 'rds' ? 'shop-db' : 'orders',
  arn: engine === 'rds' ? `${ARN}:db:shop-db` : TABLE,
  resourceId: engine === 'rds' ? 'db-ORIGINAL' : 'table-original',
  readAt: at(5),
  ...(engine === 'rds' ? { server: { engine: 'postgres', version: '17.5' } } : {}),
  values: engine === 'rds' ? { MultiAZ: true, BackupRetentionPeriod: 7 } : { BillingMode: 'PAY_PER_REQUEST' },
  instances: [],
  tags: { team: 'shop' },
});

export const resourceOf = (engine: 'rds' | 'dynamodb' = 'rds', more: Partial<NativeResource> = {}): NativeResource => ({
  settings: settingsOf(engine),
  state: 'ready',
  stateWord: 'available',
  window: { on: true, earliest: at(7 * 24), latest: at(0.1) },
  bytes: 100 * 2 ** 30,
  replicas: [],
  ...more,
});

export const nativeManifestOf = (record: BackupRecord): NativeManifest => ({
  manifestVersion: 1,
  backupId: record.backupId,
  target: record.target,
  engine: record.engine as 'rds',
  method: 'native',
  kind: 'full',
  trigger: record.trigger,
  startedAt: record.startedAt,
  snapshotAt: record.startedAt,
  completedAt: record.endedAt ?? record.startedAt,
  window: { on: true, earliest: at(7 * 24), latest: at(5) },
  points: [
    {
      kind: 'db-snapshot',
      arn: POINT,
      name: 'nightjar-shop-rds-1',
      region: 'eu-west-1',
      at: record.startedAt,
      bytes: 100,
      encrypted: true,
    },
  ],
  settings: settingsOf(record.engine === 'dynamodb' ? 'dynamodb' : 'rds'),
  warnings: [],
});

/** A good native backup, in the catalog the way the workflow puts it there. */
export async function putNative(
  store: Catalog,
  hoursAgo: number,
  more: Partial<BackupRecord> = {},
): Promise<BackupRecord> {
  const record = recordOf(hoursAgo, { target: 'shop-rds', engine: 'rds', method: 'native', ...more });
  await store.openBackup(record);
  const facts = {
    manifestKey: manifestKey(record.target, record.backupId),
    manifestVersionId: 'v1',
    snapshotAt: record.startedAt,
    storedBytes: 0,
    databaseBytes: 100,
    window: { on: true, earliest: at(7 * 24), latest: at(5) },
    points: [POINT],
    warnings: [],
  };
  await store.completeBackup(record.target, record.backupId, facts, at(hoursAgo - 0.1));
  return (await store.getBackup(record.target, record.backupId))!;
}

/** A swap of the instance that came through, so many hours ago. */
export function nativeRestore(
  hoursAgo: number,
  more: Partial<NativeRecord> = {},
  native: Partial<NativeRestore> = {},
): NativeRecord {
  const startedAt = at(hoursAgo);
  return {
    restoreId: idOfExecution('arn:native-restore', startedAt),
    target: 'shop-rds',
    destination: 'shop-rds',
    mode: 'swap',
    database: 'shop-db',
    status: 'COMPLETED',
    executionArn: `arn:aws:states:eu-west-1:123456789012:execution:nightjar-restore:n-${hoursAgo}`,
    startedAt,
    endedAt: at(hoursAgo - 1),
    restoredDatabase: 'shop-db',
    replacedDatabase: 'shop-db-old-0123456789',
    replacedUntil: at(-24),
    ...more,
    native: {
      from: { kind: 'moment', sourceArn: `${ARN}:db:shop-db`, sourceResourceId: 'db-ORIGINAL', at: 'latest' },
      alias: 'shop-db-nj-0123456789',
      oldName: 'shop-db-old-0123456789',
      original: { arn: `${ARN}:db:shop-db`, resourceId: 'db-ORIGINAL' },
      settings: settingsOf(),
      restored: { arn: `${ARN}:db:shop-db-nj-0123456789`, resourceId: 'db-RESTORED' },
      steps: {
        RestoreServer: { startedAt, doneAt: at(hoursAgo - 0.5) },
        RenameOriginal: { startedAt: at(hoursAgo - 0.6), doneAt: at(hoursAgo - 0.7) },
      },
      serving: 'restored',
      ...native,
    },
  };
}

/** The same, waiting for an answer before its outage. */
export const waitingRestore = (more: Partial<NonNullable<NativeRestore['approval']>> = {}): NativeRecord => {
  const record = nativeRestore(
    3,
    {
      status: 'RUNNING',
      endedAt: undefined,
      restoredDatabase: undefined,
      replacedDatabase: undefined,
      replacedUntil: undefined,
    },
    {
      serving: 'original',
      steps: { RestoreServer: { startedAt: at(3), doneAt: at(2) } },
      approval: { token: 'the-token', askedAt: at(1), until: at(-23), ...more },
    },
  );
  return record;
};

/** The same swap of a table: its original is the point of a safety backup. */
export const tableRestore = (
  hoursAgo: number,
  more: Partial<NativeRecord> = {},
  native: Partial<NativeRestore> = {},
): NativeRecord => {
  const record = nativeRestore(hoursAgo, { target: 'orders', destination: 'orders', database: 'orders', ...more });
  return {
    ...record,
    replacedDatabase: undefined,
    replacedUntil: undefined,
    native: {
      ...record.native,
      oldName: undefined,
      settings: settingsOf('dynamodb'),
      alias: 'orders-nj-0123456789',
      steps: { RestoreTable: { startedAt: at(hoursAgo) }, DeleteTable: { startedAt: at(hoursAgo - 0.5) } },
      ...native,
    },
  };
};
