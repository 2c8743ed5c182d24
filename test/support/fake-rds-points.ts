/** Snapshots of the in-memory RDS: of instances and, by the same way, of clusters. */
import type { DBClusterSnapshot, DBSnapshot } from '@aws-sdk/client-rds';
import { clusterSnapshotOf } from './fake-rds-cluster-shape.ts';
import { snapshotOf } from './fake-rds-instance-shape.ts';
import { CLUSTERS, INSTANCES } from './fake-rds-kinds.ts';
import { Being, fault, paged, tagsOf, text, type Input, type Operation, type Region } from './fake-rds-store.ts';

export function usable<S>(
  found: Being<S> | undefined,
  name: string,
  kind: 'DBSnapshot' | 'DBClusterSnapshot',
): Being<S> {
  if (!found) throw fault(`${kind}NotFoundFault`, `${kind} ${name} not found.`);
  if (found.status !== 'available') throw fault(`Invalid${kind}StateFault`, `${name} is ${found.status}.`);
  return found;
}
export const named = (region: Region, name: string) =>
  region.snapshots.find(({ shape }) => shape.DBSnapshotIdentifier === name || shape.DBSnapshotArn === name);
export const clusterNamed = (region: Region, name: string) =>
  region.clusterSnapshots.find(
    ({ shape }) => shape.DBClusterSnapshotIdentifier === name || shape.DBClusterSnapshotArn === name,
  );

const creating = [{ status: 'creating', looks: 2 }];
const MANUAL_QUOTA = 100;

export const pointOperations: Record<string, Operation> = {
  CreateDBSnapshot({ region, now }, input) {
    const name = text(input.DBSnapshotIdentifier);
    if (named(region, name)) throw fault('DBSnapshotAlreadyExistsFault', `${name} exists already.`);
    if (region.snapshots.length >= MANUAL_QUOTA)
      throw fault('SnapshotQuotaExceededFault', 'Too many manual snapshots.');
    const from = INSTANCES.available(region, text(input.DBInstanceIdentifier));
    const made = new Being({ ...snapshotOf(region, from, name, now), TagList: tagsOf(input.Tags) }, from.data);
    made.goes(creating);
    from.goes([{ status: 'backing-up' }]);
    region.snapshots.push(made);
    return { DBSnapshot: { ...made.shape, Status: made.status } };
  },
  CreateDBClusterSnapshot({ region, now }, input) {
    const name = text(input.DBClusterSnapshotIdentifier);
    if (clusterNamed(region, name)) throw fault('DBClusterSnapshotAlreadyExistsFault', `${name} exists already.`);
    const from = CLUSTERS.available(region, text(input.DBClusterIdentifier));
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
