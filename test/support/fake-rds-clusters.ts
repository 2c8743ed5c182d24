/** Aurora clusters of the in-memory RDS. */
import type { DBCluster } from '@aws-sdk/client-rds';
import { DEFAULT_GROUP } from './fake-rds-instances.ts';
import {
  Being,
  fault,
  filterOf,
  paged,
  tagsOf,
  text,
  type Cluster,
  type Input,
  type Operation,
  type Region,
} from './fake-rds-store.ts';

const gone = (name: string): Error => fault('DBClusterNotFoundFault', `DBCluster ${name} not found.`);
const wrongState = (name: string, status: string): Error =>
  fault('InvalidDBClusterStateFault', `Cluster ${name} is not in available state. (${status})`);

export function clusterOf(region: Region, name: string): Cluster {
  const found = region.clusters.find(({ shape, hidden }) => !hidden && shape.DBClusterIdentifier === name);
  if (!found) throw gone(name);
  return found;
}
export function availableCluster(region: Region, name: string): Cluster {
  const found = clusterOf(region, name);
  if (found.status !== 'available' || !found.resting) throw wrongState(name, found.status);
  return found;
}
export function clusterNameIsFree(region: Region, name: string): void {
  if (!/^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/.test(name))
    throw fault('InvalidParameterValue', `Not a valid identifier: ${name}`);
  if (region.clusters.some(({ shape }) => shape.DBClusterIdentifier === name))
    throw fault('DBClusterAlreadyExistsFault', 'DB Cluster already exists');
}

const address = (region: Region, name: string, kind: string): string =>
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

function apply(region: Region, shape: DBCluster, input: Input): void {
  const into = shape as Record<string, unknown>;
  for (const key of SAME) if (input[key] !== undefined) into[key] = input[key];
  if (Array.isArray(input.VpcSecurityGroupIds))
    shape.VpcSecurityGroups = input.VpcSecurityGroupIds.map((id: string) => ({
      VpcSecurityGroupId: id,
      Status: 'active',
    }));
  if (input.DBClusterParameterGroupName !== undefined)
    shape.DBClusterParameterGroup = text(input.DBClusterParameterGroupName);
  if (input.DBSubnetGroupName !== undefined) shape.DBSubnetGroup = text(input.DBSubnetGroupName);
  if (input.EnableIAMDatabaseAuthentication !== undefined)
    shape.IAMDatabaseAuthenticationEnabled = input.EnableIAMDatabaseAuthentication === true;
  if (input.EnablePerformanceInsights !== undefined)
    shape.PerformanceInsightsEnabled = input.EnablePerformanceInsights === true;
  if (input.EnableCloudwatchLogsExports !== undefined)
    shape.EnabledCloudwatchLogsExports = [...(input.EnableCloudwatchLogsExports as string[])];
  const logs = input.CloudwatchLogsExportConfiguration as
    { EnableLogTypes?: string[]; DisableLogTypes?: string[] } | undefined;
  if (logs)
    shape.EnabledCloudwatchLogsExports = [
      ...(shape.EnabledCloudwatchLogsExports ?? []).filter((one) => !logs.DisableLogTypes?.includes(one)),
      ...(logs.EnableLogTypes ?? []),
    ];
  if (input.ManageMasterUserPassword === true)
    shape.MasterUserSecret = {
      SecretArn: `arn:aws:secretsmanager:${region.name}:123456789012:secret:rds!${shape.DbClusterResourceId}-AbCdEf`,
      SecretStatus: 'active',
      KmsKeyId: text(input.MasterUserSecretKmsKeyId) || `arn:aws:kms:${region.name}:123456789012:key/secretsmanager`,
    };
}

export function beginCluster(region: Region, shape: DBCluster, input: Input, data: string): Cluster {
  apply(region, shape, input);
  shape.TagList = tagsOf(input.Tags);
  const made = new Being(shape, data);
  made.goes([{ status: 'creating', looks: 3 }]);
  region.clusters.push(made);
  return made;
}

function rename(region: Region, being: Cluster, to: string): void {
  const { shape } = being;
  being.goes([
    { status: 'available' },
    {
      status: 'renaming',
      then: () => {
        const was = shape.DBClusterIdentifier;
        for (const one of region.instances)
          if (one.shape.DBClusterIdentifier === was) one.shape.DBClusterIdentifier = to;
        for (const one of region.endpoints)
          if (one.shape.DBClusterIdentifier === was) one.shape.DBClusterIdentifier = to;
        shape.DBClusterIdentifier = to;
        shape.DBClusterArn = region.arn('cluster', to);
        shape.Endpoint = address(region, to, 'cluster');
        shape.ReaderEndpoint = address(region, to, 'cluster-ro');
      },
    },
    { status: 'renaming', hidden: true },
  ]);
}

const customOf = (region: Region, { DBClusterIdentifier }: DBCluster): string[] =>
  region.endpoints
    .filter(({ shape }) => shape.DBClusterIdentifier === DBClusterIdentifier)
    .map(({ shape }) => shape.Endpoint!);

const members = (region: Region, name: string) =>
  region.instances.filter(({ shape }) => shape.DBClusterIdentifier === name);

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

export const clusterOperations: Record<string, Operation> = {
  DescribeDBClusters({ region }, input) {
    const [name, id] = [text(input.DBClusterIdentifier), filterOf(input, 'db-cluster-resource-id')];
    const found = region.clusters
      .filter(({ hidden }) => !hidden)
      .filter(({ shape }) => !name || shape.DBClusterIdentifier === name)
      .filter(({ shape }) => !id || shape.DbClusterResourceId === id);
    if (name && found.length === 0) throw gone(name);
    return paged(
      'DBClusters',
      found.map(({ shape, status }) => ({ ...shape, Status: status, CustomEndpoints: customOf(region, shape) })),
      input,
    );
  },
  EnableHttpEndpoint({ region }, input) {
    const found = region.clusters.find(({ shape }) => shape.DBClusterArn === input.ResourceArn);
    if (!found) throw gone(text(input.ResourceArn));
    found.shape.HttpEndpointEnabled = true;
    return {};
  },
  ModifyDBCluster({ region }, input) {
    const being = availableCluster(region, text(input.DBClusterIdentifier));
    const to = input.NewDBClusterIdentifier;
    if (to !== undefined) {
      clusterNameIsFree(region, text(to));
      if (input.ApplyImmediately !== true) throw fault('InvalidParameterCombination', 'the fake renames only at once');
      rename(region, being, text(to));
    } else
      being.goes([
        { status: 'available' },
        { status: 'modifying', looks: 2, then: () => apply(region, being.shape, input) },
      ]);
    return { DBCluster: { ...being.shape, Status: being.status } };
  },
  StopDBCluster({ region }, input) {
    const name = text(input.DBClusterIdentifier);
    availableCluster(region, name).goes([{ status: 'stopping', looks: 2 }], 'stopped');
    for (const member of members(region, name)) member.goes([{ status: 'stopping', looks: 2 }], 'stopped');
    return {};
  },
  StartDBCluster({ region }, input) {
    const name = text(input.DBClusterIdentifier);
    const being = clusterOf(region, name);
    if (being.status !== 'stopped') throw wrongState(name, being.status);
    being.goes([{ status: 'starting', looks: 2 }]);
    for (const member of members(region, name)) member.goes([{ status: 'starting', looks: 2 }]);
    return {};
  },
  DeleteDBCluster({ region, now }, input) {
    const name = text(input.DBClusterIdentifier);
    const being = availableCluster(region, name);
    if (being.shape.DeletionProtection)
      throw fault(
        'InvalidParameterCombination',
        'Cannot delete protected Cluster, please disable deletion protection and try again.',
      );
    if (members(region, name).some(({ status }) => status !== 'deleting'))
      throw fault(
        'InvalidDBClusterStateFault',
        'Cluster cannot be deleted, it still contains DB instances in non-deleting state.',
      );
    const final = text(input.FinalDBSnapshotIdentifier);
    if (!final && input.SkipFinalSnapshot !== true)
      throw fault(
        'InvalidParameterCombination',
        'FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.',
      );
    if (final) {
      if (region.clusterSnapshots.some(({ shape }) => shape.DBClusterSnapshotIdentifier === final))
        throw fault('DBClusterSnapshotAlreadyExistsFault', `${final} exists already.`);
      region.clusterSnapshots.push(new Being(clusterSnapshotOf(region, being, final, now), being.data));
    }
    const then = (): void => {
      region.clusters = region.clusters.filter((one) => one !== being);
      region.endpoints = region.endpoints.filter(({ shape }) => shape.DBClusterIdentifier !== name);
    };
    being.goes([{ status: 'deleting', looks: 2, then }], 'deleted');
    return {};
  },
  AddRoleToDBCluster({ region }, input) {
    const { shape } = availableCluster(region, text(input.DBClusterIdentifier));
    const role = { RoleArn: text(input.RoleArn), FeatureName: text(input.FeatureName), Status: 'ACTIVE' };
    if (
      shape.AssociatedRoles?.some(
        ({ RoleArn, FeatureName }) => RoleArn === role.RoleArn && FeatureName === role.FeatureName,
      )
    )
      throw fault('DBClusterRoleAlreadyExistsFault', 'The role is associated already.');
    shape.AssociatedRoles = [...(shape.AssociatedRoles ?? []), role];
    return {};
  },
  DescribeDBClusterEndpoints({ region }, input) {
    const [name, id] = [text(input.DBClusterIdentifier), text(input.DBClusterEndpointIdentifier)];
    const found = region.endpoints
      .filter(({ shape }) => !name || shape.DBClusterIdentifier === name)
      .filter(({ shape }) => !id || shape.DBClusterEndpointIdentifier === id);
    return paged(
      'DBClusterEndpoints',
      found.map(({ shape, status }) => ({ ...shape, Status: status })),
      input,
    );
  },
  CreateDBClusterEndpoint({ region }, input) {
    const [name, id] = [text(input.DBClusterIdentifier), text(input.DBClusterEndpointIdentifier)];
    availableCluster(region, name);
    if (region.endpoints.some(({ shape }) => shape.DBClusterEndpointIdentifier === id))
      throw fault('DBClusterEndpointAlreadyExistsFault', `${id} exists already.`);
    const known = members(region, name).map(({ shape }) => shape.DBInstanceIdentifier);
    const [StaticMembers, ExcludedMembers] = [input.StaticMembers, input.ExcludedMembers].map(
      (list) => (list ?? []) as string[],
    );
    const stranger = [...StaticMembers!, ...ExcludedMembers!].find((one) => !known.includes(one));
    if (stranger) throw fault('DBInstanceNotFoundFault', `DBInstance ${stranger} not found.`);
    const made = new Being(
      {
        ...{
          DBClusterEndpointIdentifier: id,
          DBClusterIdentifier: name,
          EndpointType: 'CUSTOM',
          StaticMembers,
          ExcludedMembers,
        },
        ...{ CustomEndpointType: text(input.EndpointType), Endpoint: address(region, id, 'cluster-custom') },
      },
      '',
    );
    made.goes([{ status: 'creating' }]);
    region.endpoints.push(made);
    return {};
  },
  DeleteDBClusterEndpoint({ region }, input) {
    const id = text(input.DBClusterEndpointIdentifier);
    const found = region.endpoints.find(({ shape }) => shape.DBClusterEndpointIdentifier === id);
    if (!found) throw fault('DBClusterEndpointNotFoundFault', `${id} not found.`);
    const then = (): void => {
      region.endpoints = region.endpoints.filter((one) => one !== found);
    };
    found.goes([{ status: 'deleting', then }]);
    return {};
  },
};
