/** Snapshots of instances and clusters: made, found, copied and deleted by the same rules. */
import {
  CopyDBClusterSnapshotCommand,
  CopyDBSnapshotCommand,
  CreateDBClusterSnapshotCommand,
  CreateDBSnapshotCommand,
  DeleteDBClusterSnapshotCommand,
  DeleteDBSnapshotCommand,
  DescribeDBClusterSnapshotsCommand,
  DescribeDBSnapshotsCommand,
} from '@aws-sdk/client-rds';
import { NightjarError } from '../core/errors.ts';
import type { CopyingService, PointState, RecoveryPoint } from '../core/native.ts';
import { POINT_PREFIX } from '../core/names.ts';
import type { RdsClients } from './clients.ts';
import {
  asTags,
  calling,
  exists,
  GIB,
  inRegion,
  isBusy,
  isMissing,
  nameOf,
  regionOf,
  siblingArn,
  unless,
  type Rds,
} from './rds-calls.ts';

/** A snapshot of either kind, in the words of one. */
export interface Snapshot {
  readonly name: string;
  readonly arn: string;
  /** Source: AWS, RDS User Guide, "Viewing DB snapshots": creating, available, copying, failed, … */
  readonly status: string;
  readonly at: Date | undefined;
  readonly gib: number;
  readonly encrypted: boolean;
  readonly keyArn: string | undefined;
  readonly engineVersion: string | undefined;
  /** DbiResourceId or DbClusterResourceId of what it was taken from. */
  readonly sourceId: string | undefined;
  /** Copied from another Region. */
  readonly copied: boolean;
  readonly optionGroup: string | undefined;
}

/** What differs between the two kinds. */
export interface SnapshotKind {
  readonly kind: 'db-snapshot' | 'cluster-snapshot';
  /** As the ARN says it. */
  readonly inArn: 'snapshot' | 'cluster-snapshot';
  create(rds: Rds, of: string, name: string, tags: { Key: string; Value: string }[]): Promise<unknown>;
  find(rds: Rds, name: string): Promise<Snapshot | undefined>;
  copy(rds: Rds, from: RecoveryPoint, keyArn: string): Promise<unknown>;
  drop(rds: Rds, name: string): Promise<unknown>;
}

export const INSTANCE_SNAPSHOTS: SnapshotKind = {
  kind: 'db-snapshot',
  inArn: 'snapshot',
  create: (rds, of, name, Tags) =>
    rds.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: of, DBSnapshotIdentifier: name, Tags })),
  async find(rds, name) {
    const { DBSnapshots } = await rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: name }));
    const one = DBSnapshots?.[0];
    return (
      one && {
        name: one.DBSnapshotIdentifier ?? name,
        arn: one.DBSnapshotArn ?? '',
        status: one.Status ?? '',
        // The data is of SnapshotDatabaseTime; a copy keeps the time of what it was copied from.
        at: one.SnapshotDatabaseTime ?? one.OriginalSnapshotCreateTime ?? one.SnapshotCreateTime,
        gib: one.AllocatedStorage ?? 0,
        encrypted: one.Encrypted ?? false,
        keyArn: one.KmsKeyId,
        engineVersion: one.EngineVersion,
        sourceId: one.DbiResourceId,
        copied: one.SourceDBSnapshotIdentifier !== undefined,
        optionGroup: one.OptionGroupName,
      }
    );
  },
  copy: (rds, from, KmsKeyId) =>
    rds.send(
      new CopyDBSnapshotCommand({
        SourceDBSnapshotIdentifier: from.arn,
        TargetDBSnapshotIdentifier: from.name,
        KmsKeyId,
        CopyTags: true,
      }),
    ),
  drop: (rds, name) => rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: name })),
};

export const CLUSTER_SNAPSHOTS: SnapshotKind = {
  kind: 'cluster-snapshot',
  inArn: 'cluster-snapshot',
  create: (rds, of, name, Tags) =>
    rds.send(new CreateDBClusterSnapshotCommand({ DBClusterIdentifier: of, DBClusterSnapshotIdentifier: name, Tags })),
  async find(rds, name) {
    const command = new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: name });
    const one = (await rds.send(command)).DBClusterSnapshots?.[0];
    return (
      one && {
        name: one.DBClusterSnapshotIdentifier ?? name,
        arn: one.DBClusterSnapshotArn ?? '',
        status: one.Status ?? '',
        at: one.SnapshotCreateTime,
        gib: one.AllocatedStorage ?? 0,
        encrypted: one.StorageEncrypted ?? false,
        keyArn: one.KmsKeyId,
        engineVersion: one.EngineVersion,
        sourceId: one.DbClusterResourceId,
        copied: one.SourceDBClusterSnapshotArn !== undefined,
        optionGroup: undefined,
      }
    );
  },
  copy: (rds, from, KmsKeyId) =>
    rds.send(
      new CopyDBClusterSnapshotCommand({
        SourceDBClusterSnapshotIdentifier: from.arn,
        TargetDBClusterSnapshotIdentifier: from.name,
        // "You can't encrypt an unencrypted DB cluster snapshot when you copy it." Source: AWS, CopyDBClusterSnapshot.
        ...(from.encrypted ? { KmsKeyId } : {}),
        CopyTags: true,
      }),
    ),
  drop: (rds, name) => rds.send(new DeleteDBClusterSnapshotCommand({ DBClusterSnapshotIdentifier: name })),
};

/** Undefined when there is none. */
export const findSnapshot = (clients: RdsClients, of: SnapshotKind, arn: string): Promise<Snapshot | undefined> =>
  calling('find recovery point', arn, () => unless(isMissing, () => of.find(clients(regionOf(arn)), nameOf(arn))));

function stateOf({ status, ...one }: Snapshot, kind: RecoveryPoint['kind']): PointState {
  if (status !== 'available') return { status: status === 'failed' ? 'failed' : 'creating', stateWord: status };
  const point: RecoveryPoint = {
    kind,
    arn: one.arn,
    name: one.name,
    // Ids are "unique to an AWS Region" (AWS, RDS API reference, DBSnapshot): a copy's is not said, for nothing says whose it is.
    ...(one.sourceId === undefined || one.copied ? {} : { sourceResourceId: one.sourceId }),
    region: regionOf(one.arn),
    at: (one.at ?? new Date(0)).toISOString(),
    bytes: one.gib * GIB,
    encrypted: one.encrypted,
    ...(one.keyArn === undefined ? {} : { keyArn: one.keyArn }),
  };
  return { status: 'ready', stateWord: status, point };
}

type PointVerbs = Pick<CopyingService, 'createPoint' | 'pointState' | 'deletePoint' | 'copyPoint'>;

/** The recovery point verbs of a service. `arnOf` answers the ARN of an instance or cluster, undefined when it is not there. */
export function pointVerbs(
  clients: RdsClients,
  of: SnapshotKind,
  arnOf: (name: string) => Promise<string | undefined>,
): PointVerbs {
  return {
    async createPoint(name, pointName, tags) {
      const source = await arnOf(name);
      if (source === undefined)
        throw new NightjarError('RESOURCE_MISSING', {
          operation: 'create recovery point',
          detail: `${name} is not there.`,
        });
      const started = (error: unknown): boolean => exists(error) || isBusy(error);
      const create = () => of.create(clients(regionOf(source)), name, pointName, asTags(tags));
      await calling('create recovery point', name, () => unless(started, create));
      return { arn: siblingArn(source, of.inArn, pointName) };
    },

    async pointState(arn) {
      const found = await findSnapshot(clients, of, arn);
      return found && stateOf(found, of.kind);
    },

    async deletePoint(arn) {
      if (!nameOf(arn).startsWith(POINT_PREFIX))
        throw new NightjarError('SERVICE_REFUSED', {
          operation: 'delete recovery point',
          detail: `${arn} was left alone: Nightjar's own begin with ${POINT_PREFIX}.`,
        });
      const drop = () => of.drop(clients(regionOf(arn)), nameOf(arn));
      await calling('delete recovery point', arn, () => unless(isMissing, drop));
    },

    async copyPoint(point, { region, keyArn }) {
      const copy = () => of.copy(clients(region), point, keyArn);
      await calling('copy recovery point', point.arn, () => unless(exists, copy));
      return { arn: inRegion(point.arn, region) };
    },
  };
}
