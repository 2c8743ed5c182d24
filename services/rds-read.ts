/** An RDS instance as it is now. */
import {
  DescribeDBInstanceAutomatedBackupsCommand,
  DescribeDBInstancesCommand,
  type DBInstance,
} from '@aws-sdk/client-rds';
import type { NativeResource, PitrWindow } from '../core/native.ts';
import { all, calling, GIB, isMissing, isoOf, settable, tagsOf, unless, type Rds } from './rds-calls.ts';
import { INSTANCE_SETTINGS } from './rds-settings.ts';
import { stateOf } from './rds-states.ts';
import { readValues, type Table } from './settings-table.ts';

export const INSTANCES: Table<DBInstance> = INSTANCE_SETTINGS;

/** Undefined when it is not there. */
export const findInstance = (rds: Rds, name: string): Promise<DBInstance | undefined> =>
  calling('read instance', name, () =>
    unless(isMissing, async () => {
      const answer = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: name }));
      return answer.DBInstances?.find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === name);
    }),
  );

/** By DbiResourceId, whatever it is called by now. */
export const findInstanceById = (rds: Rds, id: string): Promise<DBInstance | undefined> =>
  calling('find instance', id, async () => {
    const Filters = [{ Name: 'dbi-resource-id', Values: [id] }];
    const found = await unless(isMissing, () => rds.send(new DescribeDBInstancesCommand({ Filters })));
    return found?.DBInstances?.find(({ DbiResourceId }) => DbiResourceId === id);
  });

export const allInstances = (rds: Rds, cluster?: string): Promise<DBInstance[]> =>
  calling('list instances', cluster ?? 'the account', () =>
    all(async (marker) => {
      const Filters = cluster === undefined ? undefined : [{ Name: 'db-cluster-id', Values: [cluster] }];
      const answer = await rds.send(new DescribeDBInstancesCommand({ ...marker, Filters }));
      return { found: answer.DBInstances, marker: answer.Marker };
    }),
  );

/** What its automated backups reach, also of an instance that was deleted while they were kept. */
export async function instanceWindow(rds: Rds, resourceId: string): Promise<{ earliest?: Date; latest?: Date }> {
  const command = new DescribeDBInstanceAutomatedBackupsCommand({ DbiResourceId: resourceId });
  const ask = () =>
    unless(
      (error) => error instanceof Error && error.name.includes('NotFound'),
      () => rds.send(command),
    );
  const found = await calling('read window', resourceId, ask);
  const backup = found?.DBInstanceAutomatedBackups?.find(({ RestoreWindow }) => RestoreWindow?.EarliestTime);
  const { EarliestTime, LatestTime } = backup?.RestoreWindow ?? {};
  return { ...(EarliestTime ? { earliest: EarliestTime } : {}), ...(LatestTime ? { latest: LatestTime } : {}) };
}

async function windowOf(rds: Rds, shape: DBInstance): Promise<PitrWindow> {
  if (!shape.BackupRetentionPeriod) return { on: false };
  const { earliest, latest } = await instanceWindow(rds, shape.DbiResourceId ?? '');
  // LatestRestorableTime is the fresher of the two; it lags about five minutes.
  const last = isoOf(shape.LatestRestorableTime ?? latest);
  return { on: true, ...(earliest ? { earliest: earliest.toISOString() } : {}), ...(last ? { latest: last } : {}) };
}

export async function instanceResource(rds: Rds, shape: DBInstance): Promise<NativeResource> {
  const stateWord = shape.DBInstanceStatus ?? '';
  return {
    settings: {
      engine: 'rds',
      name: shape.DBInstanceIdentifier ?? '',
      arn: shape.DBInstanceArn ?? '',
      resourceId: shape.DbiResourceId ?? '',
      readAt: new Date().toISOString(),
      server: { engine: shape.Engine ?? '', version: shape.EngineVersion ?? '' },
      values: readValues(INSTANCES, shape),
      instances: [],
      tags: settable(tagsOf(shape.TagList)),
    },
    state: stateOf(stateWord),
    stateWord,
    window: await windowOf(rds, shape),
    bytes: (shape.AllocatedStorage ?? 0) * GIB,
    ...(shape.Endpoint?.Address ? { endpoint: shape.Endpoint.Address } : {}),
    ...(shape.Endpoint?.Port ? { port: shape.Endpoint.Port } : {}),
    ...(shape.MasterUserSecret?.SecretArn ? { passwordSecret: shape.MasterUserSecret.SecretArn } : {}),
    replicas: [...(shape.ReadReplicaDBInstanceIdentifiers ?? []), ...(shape.ReadReplicaDBClusterIdentifiers ?? [])],
  };
}
