/** An Aurora cluster of the in-memory RDS as it is described: by default, and after a request. */
import type { DBCluster } from '@aws-sdk/client-rds';
import { DEFAULT_GROUP } from './fake-rds-instance-shape.ts';
import { applyBoth } from './fake-rds-kinds.ts';
import { Being, tagsOf, text, type Cluster, type Input, type Region } from './fake-rds-store.ts';

export const address = (region: Region, name: string, kind: string): string =>
  `${name}.${kind}-abc.${region.name}.rds.example.org`;

/** What AWS gives a cluster about which nothing is said. */
export function clusterDefaults(region: Region, name: string, engine: string, version: string): DBCluster {
  return {
    DBClusterIdentifier: name,
    DBClusterArn: region.arn('cluster', name),
    DbClusterResourceId: region.id('cluster'),
    Engine: engine,
    EngineVersion: version,
    EngineMode: 'provisioned',
    Endpoint: address(region, name, 'cluster'),
    ReaderEndpoint: address(region, name, 'cluster-ro'),
    Port: 5432,
    AllocatedStorage: 1,
    StorageEncrypted: true,
    KmsKeyId: `arn:aws:kms:${region.name}:123456789012:key/default`,
    BackupRetentionPeriod: 1,
    PreferredBackupWindow: '22:11-22:41',
    PreferredMaintenanceWindow: 'wed:04:02-wed:04:32',
    VpcSecurityGroups: [{ VpcSecurityGroupId: DEFAULT_GROUP, Status: 'active' }],
    DBClusterParameterGroup: `default.${engine}${version.split('.')[0]}`,
    DBSubnetGroup: 'default',
    CopyTagsToSnapshot: false,
    IAMDatabaseAuthenticationEnabled: false,
    EnabledCloudwatchLogsExports: [],
    DeletionProtection: false,
    HttpEndpointEnabled: false,
    DatabaseInsightsMode: 'standard',
    PerformanceInsightsEnabled: false,
    NetworkType: 'IPV4',
    EngineLifecycleSupport: 'open-source-rds-extended-support',
    AssociatedRoles: [],
    DBClusterMembers: [],
    ReadReplicaIdentifiers: [],
    TagList: [],
    EarliestRestorableTime: new Date('2026-11-14T02:00:00.000Z'),
    LatestRestorableTime: new Date('2026-11-21T01:55:00.000Z'),
  };
}

const SAME = [
  ...['BackupRetentionPeriod', 'PreferredBackupWindow', 'PreferredMaintenanceWindow', 'Port', 'CopyTagsToSnapshot'],
  ...[
    'DeletionProtection',
    'StorageType',
    'BacktrackWindow',
    'NetworkType',
    'EngineLifecycleSupport',
    'DatabaseInsightsMode',
  ],
  ...[
    'PerformanceInsightsKMSKeyId',
    'PerformanceInsightsRetentionPeriod',
    'MonitoringInterval',
    'MonitoringRoleArn',
    'KmsKeyId',
  ],
  ...['ServerlessV2ScalingConfiguration', 'AutoMinorVersionUpgrade'],
] as const;

export function applyCluster(region: Region, shape: DBCluster, input: Input): void {
  applyBoth(region, shape, shape.DbClusterResourceId ?? '', SAME, input);
  if (input.DBClusterParameterGroupName !== undefined)
    shape.DBClusterParameterGroup = text(input.DBClusterParameterGroupName);
  if (input.DBSubnetGroupName !== undefined) shape.DBSubnetGroup = text(input.DBSubnetGroupName);
}

export function beginCluster(region: Region, shape: DBCluster, input: Input, data: string): Cluster {
  applyCluster(region, shape, input);
  shape.TagList = tagsOf(input.Tags);
  const made = new Being(shape, data);
  made.goes([{ status: 'creating', looks: 3 }]);
  region.clusters.push(made);
  return made;
}

export function clusterSnapshotOf(region: Region, { shape }: Cluster, name: string, now: Date) {
  return {
    DBClusterSnapshotIdentifier: name,
    DBClusterSnapshotArn: region.arn('cluster-snapshot', name),
    DBClusterIdentifier: shape.DBClusterIdentifier,
    DbClusterResourceId: shape.DbClusterResourceId,
    Engine: shape.Engine,
    EngineVersion: shape.EngineVersion,
    EngineMode: shape.EngineMode,
    AllocatedStorage: shape.AllocatedStorage,
    StorageEncrypted: shape.StorageEncrypted,
    KmsKeyId: shape.KmsKeyId,
    SnapshotType: 'manual',
    SnapshotCreateTime: now,
    TagList: [] as { Key?: string; Value?: string }[],
  };
}
