/** Snapshots and moments of the in-memory RDS: instances and, by the same way, clusters. */
import type { DBCluster, DBClusterSnapshot, DBInstance, DBSnapshot } from '@aws-sdk/client-rds';
import {
  availableCluster,
  beginCluster,
  clusterDefaults,
  clusterNameIsFree,
  clusterSnapshotOf,
} from './fake-rds-clusters.ts';
import { availableInstance, begin, defaults, nameIsFree, snapshotOf } from './fake-rds-instances.ts';
import {
  Being,
  fault,
  filterOf,
  paged,
  tagsOf,
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

function usable<S>(found: Being<S> | undefined, name: string, kind: 'DBSnapshot' | 'DBClusterSnapshot'): Being<S> {
  if (!found) throw fault(`${kind}NotFoundFault`, `${kind} ${name} not found.`);
  if (found.status !== 'available') throw fault(`Invalid${kind}StateFault`, `${name} is ${found.status}.`);
  return found;
}
const named = (region: Region, name: string) =>
  region.snapshots.find(({ shape }) => shape.DBSnapshotIdentifier === name || shape.DBSnapshotArn === name);
const clusterNamed = (region: Region, name: string) =>
  region.clusterSnapshots.find(
    ({ shape }) => shape.DBClusterSnapshotIdentifier === name || shape.DBClusterSnapshotArn === name,
  );

function restored(region: Region, name: string, from: DBInstance | DBSnapshot): DBInstance {
  const shape = defaults(region, name, from.Engine!, from.EngineVersion!);
  return { ...shape, AllocatedStorage: from.AllocatedStorage, KmsKeyId: from.KmsKeyId };
}
function restoredCluster(region: Region, name: string, from: DBCluster | DBClusterSnapshot): DBCluster {
  return { ...clusterDefaults(region, name, from.Engine!, from.EngineVersion!), KmsKeyId: from.KmsKeyId };
}
const creating = [{ status: 'creating', looks: 2 }];
const MANUAL_QUOTA = 100;

export const pointOperations: Record<string, Operation> = {
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
    nameIsFree(region, name);
    begin(region, restored(region, name, from.of as DBInstance), input, from.data);
    return {};
  },
  RestoreDBInstanceFromDBSnapshot({ region }, input) {
    const [name, point] = [text(input.DBInstanceIdentifier), text(input.DBSnapshotIdentifier)];
    const from = usable(named(region, point), point, 'DBSnapshot');
    nameIsFree(region, name);
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
    clusterNameIsFree(region, name);
    beginCluster(region, restoredCluster(region, name, from.of as DBCluster), input, from.data);
    return {};
  },
  RestoreDBClusterFromSnapshot({ region }, input) {
    const [name, point] = [text(input.DBClusterIdentifier), text(input.SnapshotIdentifier)];
    const from = usable(clusterNamed(region, point), point, 'DBClusterSnapshot');
    clusterNameIsFree(region, name);
    beginCluster(region, restoredCluster(region, name, from.shape), input, from.data);
    return {};
  },

  CreateDBSnapshot({ region, now }, input) {
    const name = text(input.DBSnapshotIdentifier);
    if (named(region, name)) throw fault('DBSnapshotAlreadyExistsFault', `${name} exists already.`);
    if (region.snapshots.length >= MANUAL_QUOTA)
      throw fault('SnapshotQuotaExceededFault', 'Too many manual snapshots.');
    const from = availableInstance(region, text(input.DBInstanceIdentifier));
    const made = new Being({ ...snapshotOf(region, from, name, now), TagList: tagsOf(input.Tags) }, from.data);
    made.goes(creating);
    from.goes([{ status: 'backing-up' }]);
    region.snapshots.push(made);
    return { DBSnapshot: { ...made.shape, Status: made.status } };
  },
  CreateDBClusterSnapshot({ region, now }, input) {
    const name = text(input.DBClusterSnapshotIdentifier);
    if (clusterNamed(region, name)) throw fault('DBClusterSnapshotAlreadyExistsFault', `${name} exists already.`);
    const from = availableCluster(region, text(input.DBClusterIdentifier));
    const made = new Being({ ...clusterSnapshotOf(region, from, name, now), TagList: tagsOf(input.Tags) }, from.data);
    made.goes(creating);
    region.clusterSnapshots.push(made);
    return { DBClusterSnapshot: { ...made.shape, Status: made.status } };
  },
  DescribeDBSnapshots({ region }, input) {
    const name = text(input.DBSnapshotIdentifier);
    const all = region.snapshots.filter(
      ({ shape }) => !name || shape.DBSnapshotIdentifier === name || shape.DBSnapshotArn === name,
    );
    if (name && all.length === 0) throw fault('DBSnapshotNotFoundFault', `DBSnapshot ${name} not found.`);
    return paged(
      'DBSnapshots',
      all.map(({ shape, status }) => ({ ...shape, Status: status })),
      input,
    );
  },
  DescribeDBClusterSnapshots({ region }, input) {
    const name = text(input.DBClusterSnapshotIdentifier);
    const all = region.clusterSnapshots.filter(
      ({ shape }) => !name || shape.DBClusterSnapshotIdentifier === name || shape.DBClusterSnapshotArn === name,
    );
    if (name && all.length === 0) throw fault('DBClusterSnapshotNotFoundFault', `DBClusterSnapshot ${name} not found.`);
    return paged(
      'DBClusterSnapshots',
      all.map(({ shape, status }) => ({ ...shape, Status: status })),
      input,
    );
  },
  DeleteDBSnapshot({ region }, input) {
    const found = usable(
      named(region, text(input.DBSnapshotIdentifier)),
      text(input.DBSnapshotIdentifier),
      'DBSnapshot',
    );
    region.snapshots = region.snapshots.filter((one) => one !== found);
    return {};
  },
  DeleteDBClusterSnapshot({ region }, input) {
    const name = text(input.DBClusterSnapshotIdentifier);
    const found = usable(clusterNamed(region, name), name, 'DBClusterSnapshot');
    region.clusterSnapshots = region.clusterSnapshots.filter((one) => one !== found);
    return {};
  },
  CopyDBSnapshot({ region, other }, input) {
    const [arn, name] = [text(input.SourceDBSnapshotIdentifier), text(input.TargetDBSnapshotIdentifier)];
    const from = usable(named(other(arn.split(':')[3]!), arn), arn, 'DBSnapshot');
    if (named(region, name)) throw fault('DBSnapshotAlreadyExistsFault', `${name} exists already.`);
    const shape: DBSnapshot = { ...structuredClone(from.shape), ...copied(region, 'snapshot', input, name) };
    const made = new Being(
      {
        ...shape,
        DBSnapshotIdentifier: name,
        DBSnapshotArn: region.arn('snapshot', name),
        SourceDBSnapshotIdentifier: arn,
        // Harsher than AWS, which says no more than that an id is unique in its Region.
        DbiResourceId: `${shape.DbiResourceId}-copied`,
      },
      from.data,
    );
    made.goes(creating);
    region.snapshots.push(made);
    return { DBSnapshot: { ...made.shape, Status: made.status } };
  },
  CopyDBClusterSnapshot({ region, other }, input) {
    const [arn, name] = [text(input.SourceDBClusterSnapshotIdentifier), text(input.TargetDBClusterSnapshotIdentifier)];
    const from = usable(clusterNamed(other(arn.split(':')[3]!), arn), arn, 'DBClusterSnapshot');
    if (clusterNamed(region, name)) throw fault('DBClusterSnapshotAlreadyExistsFault', `${name} exists already.`);
    if (!from.shape.StorageEncrypted && input.KmsKeyId)
      throw fault('InvalidParameterCombination', 'An unencrypted DB cluster snapshot cannot be encrypted by copying.');
    const shape: DBClusterSnapshot = {
      ...structuredClone(from.shape),
      ...copied(region, 'cluster-snapshot', input, name),
    };
    const ids = { DBClusterSnapshotIdentifier: name, DBClusterSnapshotArn: region.arn('cluster-snapshot', name) };
    const source = {
      SourceDBClusterSnapshotArn: arn,
      DbClusterResourceId: `${shape.DbClusterResourceId}-copied`,
    };
    const made = new Being({ ...shape, ...ids, ...source }, from.data);
    made.goes(creating);
    region.clusterSnapshots.push(made);
    return { DBClusterSnapshot: { ...made.shape, Status: made.status } };
  },
};

function copied(region: Region, kind: string, input: Input, name: string): { KmsKeyId?: string; Encrypted?: boolean } {
  const key = text(input.KmsKeyId);
  if (key && key.split(':')[3] !== region.name)
    throw fault('KMSKeyNotAccessibleFault', `${key} is no key of ${region.name} (${kind} ${name}).`);
  return key ? { KmsKeyId: key, Encrypted: true } : {};
}
