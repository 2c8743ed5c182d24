/** Moments and restores of the in-memory RDS: instances and, by the same way, clusters. */
import type { DBCluster, DBClusterSnapshot, DBInstance, DBSnapshot } from '@aws-sdk/client-rds';
import { beginCluster, clusterDefaults } from './fake-rds-cluster-shape.ts';
import { begin, defaults } from './fake-rds-instance-shape.ts';
import { CLUSTERS, INSTANCES } from './fake-rds-kinds.ts';
import { clusterNamed, named, usable } from './fake-rds-points.ts';
import {
  fault,
  filterOf,
  paged,
  text,
  type Automated,
  type Input,
  type Operation,
  type Region,
} from './fake-rds-store.ts';

const EARLIEST = new Date('2026-11-14T02:00:00.000Z');
const LATEST = new Date('2026-11-21T01:55:00.000Z');

function automated(region: Region): Automated[] {
  return [
    ...region.instances
      .filter(({ shape }) => (shape.BackupRetentionPeriod ?? 0) > 0 && !shape.DBClusterIdentifier)
      .map(({ shape, data }) => ({ resourceId: shape.DbiResourceId!, kind: 'db' as const, of: shape, data })),
    ...region.clusters.map(({ shape, data }) => ({
      resourceId: shape.DbClusterResourceId!,
      kind: 'cluster' as const,
      of: shape,
      data,
    })),
    ...region.retained,
  ];
}

function source(region: Region, kind: Automated['kind'], id: string, name: string): Automated {
  const nameOf = ({ of }: Automated): string | undefined =>
    'DBInstanceIdentifier' in of ? of.DBInstanceIdentifier : (of as DBCluster).DBClusterIdentifier;
  const found = automated(region).find(
    (one) => one.kind === kind && (id ? one.resourceId === id : nameOf(one) === name),
  );
  if (!found)
    throw fault(kind === 'db' ? 'DBInstanceNotFoundFault' : 'DBClusterNotFoundFault', `${id || name} not found.`);
  return found;
}

function moment(input: Input, field: string): void {
  const at = input[field];
  if (!(at instanceof Date)) {
    if (input.UseLatestRestorableTime !== true)
      throw fault('InvalidParameterCombination', `Either ${field} or UseLatestRestorableTime.`);
    return;
  }
  if (input.UseLatestRestorableTime === true)
    throw fault('InvalidParameterCombination', `Not both ${field} and UseLatestRestorableTime.`);
  if (at < EARLIEST || at > LATEST)
    throw fault('InvalidParameterValue', `The specified instance cannot be restored to a time outside of its window.`);
}

function restored(region: Region, name: string, from: DBInstance | DBSnapshot): DBInstance {
  const shape = defaults(region, name, from.Engine!, from.EngineVersion!);
  return { ...shape, AllocatedStorage: from.AllocatedStorage, KmsKeyId: from.KmsKeyId };
}
function restoredCluster(region: Region, name: string, from: DBCluster | DBClusterSnapshot): DBCluster {
  return { ...clusterDefaults(region, name, from.Engine!, from.EngineVersion!), KmsKeyId: from.KmsKeyId };
}

export const restoreOperations: Record<string, Operation> = {
  DescribeDBInstanceAutomatedBackups({ region }, input) {
    const id = text(input.DbiResourceId) || filterOf(input, 'dbi-resource-id');
    const all = automated(region)
      .filter(({ kind, resourceId }) => kind === 'db' && (!id || resourceId === id))
      .map(({ resourceId, of }) => ({
        DbiResourceId: resourceId,
        DBInstanceIdentifier: (of as DBInstance).DBInstanceIdentifier,
        Status: region.retained.some((one) => one.resourceId === resourceId) ? 'retained' : 'active',
        RestoreWindow: { EarliestTime: EARLIEST, LatestTime: LATEST },
      }));
    return paged('DBInstanceAutomatedBackups', all, input);
  },
  DescribeDBClusterAutomatedBackups({ region }, input) {
    const id = text(input.DbClusterResourceId);
    const all = automated(region)
      .filter(({ kind, resourceId }) => kind === 'cluster' && (!id || resourceId === id))
      .map(({ resourceId }) => ({
        DbClusterResourceId: resourceId,
        RestoreWindow: { EarliestTime: EARLIEST, LatestTime: LATEST },
      }));
    return paged('DBClusterAutomatedBackups', all, input);
  },
  RestoreDBInstanceToPointInTime({ region }, input) {
    const name = text(input.TargetDBInstanceIdentifier);
    moment(input, 'RestoreTime');
    const from = source(region, 'db', text(input.SourceDbiResourceId), text(input.SourceDBInstanceIdentifier));
    INSTANCES.nameIsFree(region, name);
    begin(region, restored(region, name, from.of as DBInstance), input, from.data);
    return {};
  },
  RestoreDBInstanceFromDBSnapshot({ region }, input) {
    const [name, point] = [text(input.DBInstanceIdentifier), text(input.DBSnapshotIdentifier)];
    const from = usable(named(region, point), point, 'DBSnapshot');
    INSTANCES.nameIsFree(region, name);
    begin(region, restored(region, name, from.shape), input, from.data);
    return {};
  },
  RestoreDBClusterToPointInTime({ region }, input) {
    const name = text(input.DBClusterIdentifier);
    moment(input, 'RestoreToTime');
    const from = source(
      region,
      'cluster',
      text(input.SourceDbClusterResourceId),
      text(input.SourceDBClusterIdentifier),
    );
    CLUSTERS.nameIsFree(region, name);
    beginCluster(region, restoredCluster(region, name, from.of as DBCluster), input, from.data);
    return {};
  },
  RestoreDBClusterFromSnapshot({ region }, input) {
    const [name, point] = [text(input.DBClusterIdentifier), text(input.SnapshotIdentifier)];
    const from = usable(clusterNamed(region, point), point, 'DBClusterSnapshot');
    CLUSTERS.nameIsFree(region, name);
    beginCluster(region, restoredCluster(region, name, from.shape), input, from.data);
    return {};
  },
};
