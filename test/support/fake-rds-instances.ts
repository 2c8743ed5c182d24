/** Instances of the in-memory RDS, and members of its clusters. */
import type { DBInstance } from '@aws-sdk/client-rds';
import {
  Being,
  fault,
  filterOf,
  paged,
  tagsOf,
  text,
  type Input,
  type Instance,
  type Operation,
  type Region,
} from './fake-rds-store.ts';

export const DEFAULT_GROUP = 'sg-default';
const gone = (name: string): Error => fault('DBInstanceNotFoundFault', `DBInstance ${name} not found.`);
const wrongState = (name: string, status: string): Error =>
  fault('InvalidDBInstanceStateFault', `Instance ${name} is not in available state. (${status})`);

export function instanceOf(region: Region, name: string): Instance {
  const found = region.instances.find(({ shape, hidden }) => !hidden && shape.DBInstanceIdentifier === name);
  if (!found) throw gone(name);
  return found;
}
export function availableInstance(region: Region, name: string): Instance {
  const found = instanceOf(region, name);
  if (found.status !== 'available' || !found.resting) throw wrongState(name, found.status);
  return found;
}
export function nameIsFree(region: Region, name: string): void {
  if (!/^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$/.test(name))
    throw fault('InvalidParameterValue', `The parameter DBInstanceIdentifier is not a valid identifier: ${name}`);
  if (region.instances.some(({ shape }) => shape.DBInstanceIdentifier === name))
    throw fault('DBInstanceAlreadyExistsFault', 'DB instance already exists');
}

/** What AWS gives an instance about which nothing is said. */
export function defaults(region: Region, name: string, engine: string, version: string): DBInstance {
  const family = `${engine}${version.split('.')[0]}`;
  return {
    DBInstanceIdentifier: name,
    DBInstanceArn: region.arn('db', name),
    DbiResourceId: region.id('db'),
    Engine: engine,
    EngineVersion: version,
    DBInstanceClass: 'db.t3.small',
    MasterUsername: 'postgres',
    Endpoint: { Address: `${name}.abc.${region.name}.rds.example.org`, Port: 5432 },
    AllocatedStorage: 20,
    StorageType: 'gp3',
    Iops: 3000,
    StorageThroughput: 125,
    StorageEncrypted: true,
    KmsKeyId: region.arn('key', 'default').replace(':rds:', ':kms:'),
    BackupRetentionPeriod: 1,
    PreferredBackupWindow: '22:11-22:41',
    PreferredMaintenanceWindow: 'wed:04:02-wed:04:32',
    VpcSecurityGroups: [{ VpcSecurityGroupId: DEFAULT_GROUP, Status: 'active' }],
    DBParameterGroups: [{ DBParameterGroupName: `default.${family}`, ParameterApplyStatus: 'in-sync' }],
    OptionGroupMemberships: [{ OptionGroupName: `default:${engine}-${version.split('.')[0]}`, Status: 'in-sync' }],
    DBSubnetGroup: { DBSubnetGroupName: 'default' },
    MultiAZ: false,
    AutoMinorVersionUpgrade: true,
    LicenseModel: 'postgresql-license',
    PubliclyAccessible: false,
    CACertificateIdentifier: 'rds-ca-rsa2048-g1',
    CopyTagsToSnapshot: false,
    MonitoringInterval: 0,
    IAMDatabaseAuthenticationEnabled: false,
    DatabaseInsightsMode: 'standard',
    PerformanceInsightsEnabled: false,
    EnabledCloudwatchLogsExports: [],
    DeletionProtection: false,
    AssociatedRoles: [],
    NetworkType: 'IPV4',
    DedicatedLogVolume: false,
    EngineLifecycleSupport: 'open-source-rds-extended-support',
    ReadReplicaDBInstanceIdentifiers: [],
    PendingModifiedValues: {},
    TagList: [],
    LatestRestorableTime: new Date('2026-11-21T01:55:00.000Z'),
  };
}

/** Fields that are called the same in a request and in the answer. */
const SAME = [
  ...[
    'DBInstanceClass',
    'MultiAZ',
    'AutoMinorVersionUpgrade',
    'LicenseModel',
    'Iops',
    'StorageThroughput',
    'StorageType',
  ],
  ...['PubliclyAccessible', 'CopyTagsToSnapshot', 'DeletionProtection', 'MaxAllocatedStorage', 'NetworkType'],
  ...['AllocatedStorage', 'BackupRetentionPeriod', 'PreferredBackupWindow', 'DedicatedLogVolume', 'PromotionTier'],
  ...['CACertificateIdentifier', 'EngineLifecycleSupport', 'ProcessorFeatures', 'PreferredMaintenanceWindow'],
  ...['MonitoringInterval', 'MonitoringRoleArn', 'DatabaseInsightsMode', 'PerformanceInsightsKMSKeyId'],
  ...['PerformanceInsightsRetentionPeriod', 'MultiTenant'],
] as const;

/** Does to an instance what a request says; a parameter group waits for a reboot. */
export function apply(region: Region, shape: DBInstance, input: Input): void {
  const into = shape as Record<string, unknown>;
  for (const key of SAME) if (input[key] !== undefined) into[key] = input[key];
  if (Array.isArray(input.VpcSecurityGroupIds))
    shape.VpcSecurityGroups = input.VpcSecurityGroupIds.map((id: string) => ({
      VpcSecurityGroupId: id,
      Status: 'active',
    }));
  if (input.DBParameterGroupName !== undefined)
    shape.DBParameterGroups = [
      { DBParameterGroupName: text(input.DBParameterGroupName), ParameterApplyStatus: 'pending-reboot' },
    ];
  if (input.OptionGroupName !== undefined)
    shape.OptionGroupMemberships = [{ OptionGroupName: text(input.OptionGroupName), Status: 'in-sync' }];
  if (input.DBSubnetGroupName !== undefined) shape.DBSubnetGroup = { DBSubnetGroupName: text(input.DBSubnetGroupName) };
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
  const port = input.Port ?? input.DBPortNumber;
  if (port !== undefined) shape.Endpoint = { ...shape.Endpoint, Port: Number(port) };
  if (input.ManageMasterUserPassword === true)
    shape.MasterUserSecret = {
      SecretArn: `arn:aws:secretsmanager:${region.name}:123456789012:secret:rds!${shape.DbiResourceId}-AbCdEf`,
      SecretStatus: 'active',
      KmsKeyId: text(input.MasterUserSecretKmsKeyId) || `arn:aws:kms:${region.name}:123456789012:key/secretsmanager`,
    };
}

/** An instance that was just asked for: with its defaults, then what the request says. */
export function begin(region: Region, shape: DBInstance, input: Input, data: string): Instance {
  apply(region, shape, input);
  shape.TagList = tagsOf(input.Tags);
  const made = new Being(shape, data);
  made.goes([{ status: 'creating', looks: 2 }, { status: 'backing-up' }, { status: 'modifying' }]);
  region.instances.push(made);
  return made;
}

function rename(region: Region, being: Instance, to: string): void {
  const { shape } = being;
  being.goes([
    { status: 'available' },
    {
      status: 'renaming',
      then: () => {
        const member = region.clusters
          .flatMap((cluster) => cluster.shape.DBClusterMembers ?? [])
          .find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === shape.DBInstanceIdentifier);
        if (member) member.DBInstanceIdentifier = to;
        shape.DBInstanceIdentifier = to;
        shape.DBInstanceArn = region.arn('db', to);
        shape.Endpoint = { ...shape.Endpoint, Address: `${to}.abc.${region.name}.rds.example.org` };
      },
    },
    { status: 'renaming', hidden: true },
    { status: 'rebooting' },
  ]);
}

export const instanceOperations: Record<string, Operation> = {
  DescribeDBInstances({ region }, input) {
    const [name, id] = [text(input.DBInstanceIdentifier), filterOf(input, 'dbi-resource-id')];
    const cluster = filterOf(input, 'db-cluster-id');
    const found = region.instances
      .filter(({ hidden }) => !hidden)
      .filter(({ shape }) => !name || shape.DBInstanceIdentifier === name)
      .filter(({ shape }) => !id || shape.DbiResourceId === id)
      .filter(({ shape }) => !cluster || shape.DBClusterIdentifier === cluster);
    if (name && found.length === 0) throw gone(name);
    return paged(
      'DBInstances',
      found.map(({ shape, status }) => ({ ...shape, DBInstanceStatus: status })),
      input,
    );
  },
  ModifyDBInstance({ region }, input) {
    const being = availableInstance(region, text(input.DBInstanceIdentifier));
    if (input.MonitoringInterval !== undefined && Number(input.MonitoringInterval) > 0 && !input.MonitoringRoleArn)
      throw fault(
        'InvalidParameterCombination',
        'A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.',
      );
    const to = input.NewDBInstanceIdentifier;
    if (to !== undefined) {
      nameIsFree(region, text(to));
      if (input.ApplyImmediately !== true) throw fault('InvalidParameterCombination', 'the fake renames only at once');
      rename(region, being, text(to));
    } else if (Object.keys(input).length > 2) {
      being.goes([
        { status: 'available' },
        { status: 'modifying', looks: 2, then: () => apply(region, being.shape, input) },
      ]);
    }
    return { DBInstance: { ...being.shape, DBInstanceStatus: being.status } };
  },
  RebootDBInstance({ region }, input) {
    const being = availableInstance(region, text(input.DBInstanceIdentifier));
    const reload = (): void => {
      for (const group of being.shape.DBParameterGroups ?? []) group.ParameterApplyStatus = 'in-sync';
    };
    being.goes([{ status: 'rebooting', looks: 2, then: reload }]);
    return {};
  },
  StopDBInstance({ region }, input) {
    availableInstance(region, text(input.DBInstanceIdentifier)).goes([{ status: 'stopping', looks: 2 }], 'stopped');
    return {};
  },
  StartDBInstance({ region }, input) {
    const being = instanceOf(region, text(input.DBInstanceIdentifier));
    if (being.status !== 'stopped') throw wrongState(text(input.DBInstanceIdentifier), being.status);
    being.goes([{ status: 'starting', looks: 2 }]);
    return {};
  },
  AddRoleToDBInstance({ region }, input) {
    const { shape } = availableInstance(region, text(input.DBInstanceIdentifier));
    const role = { RoleArn: text(input.RoleArn), FeatureName: text(input.FeatureName), Status: 'ACTIVE' };
    if (shape.AssociatedRoles?.some(({ RoleArn }) => RoleArn === role.RoleArn))
      throw fault('DBInstanceRoleAlreadyExistsFault', 'The role is associated already.');
    shape.AssociatedRoles = [...(shape.AssociatedRoles ?? []), role];
    return {};
  },
  CreateDBInstance({ region }, input) {
    const name = text(input.DBInstanceIdentifier);
    nameIsFree(region, name);
    const cluster = region.clusters.find(({ shape }) => shape.DBClusterIdentifier === text(input.DBClusterIdentifier));
    if (!cluster) throw fault('DBClusterNotFoundFault', `DBCluster ${text(input.DBClusterIdentifier)} not found.`);
    if (cluster.status !== 'available') throw fault('InvalidDBClusterStateFault', `The cluster is ${cluster.status}.`);
    const shape = defaults(region, name, text(input.Engine), cluster.shape.EngineVersion ?? '16.4');
    shape.DBClusterIdentifier = cluster.shape.DBClusterIdentifier;
    shape.PromotionTier = 1;
    const members = cluster.shape.DBClusterMembers ?? [];
    // Harsher than AWS: of members that are made at once, the last one is the writer.
    const IsClusterWriter = !region.instances.some(
      (one) => one.shape.DBClusterIdentifier === shape.DBClusterIdentifier && one.status !== 'creating',
    );
    const others = IsClusterWriter ? members.map((one) => ({ ...one, IsClusterWriter: false })) : members;
    cluster.shape.DBClusterMembers = [...others, { DBInstanceIdentifier: name, IsClusterWriter, PromotionTier: 1 }];
    begin(region, shape, input, cluster.data);
    return {};
  },
  DeleteDBInstance({ region, now }, input) {
    const name = text(input.DBInstanceIdentifier);
    const being = instanceOf(region, name);
    if (!being.resting) throw wrongState(name, being.status);
    if (being.shape.DeletionProtection)
      throw fault(
        'InvalidParameterCombination',
        'Cannot delete protected DB Instance, please disable deletion protection and try again.',
      );
    const final = text(input.FinalDBSnapshotIdentifier);
    if (!final && input.SkipFinalSnapshot !== true && !being.shape.DBClusterIdentifier)
      throw fault(
        'InvalidParameterCombination',
        'FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.',
      );
    if (final && region.snapshots.some(({ shape }) => shape.DBSnapshotIdentifier === final))
      throw fault(
        'DBSnapshotAlreadyExistsFault',
        `Cannot create the snapshot because one with the identifier ${final} already exists.`,
      );
    const then = (): void => {
      region.instances = region.instances.filter((one) => one !== being);
      for (const { shape } of region.clusters)
        shape.DBClusterMembers = shape.DBClusterMembers?.filter((one) => one.DBInstanceIdentifier !== name);
      if (input.DeleteAutomatedBackups === false)
        region.retained.push({ resourceId: being.shape.DbiResourceId!, kind: 'db', of: being.shape, data: being.data });
    };
    if (final)
      region.snapshots.push(
        new Being({ ...snapshotOf(region, being, final, now), SnapshotType: 'manual' }, being.data),
      );
    being.goes([{ status: 'deleting', looks: 2, then }], 'deleted');
    return {};
  },
};

/** A snapshot of the instance as it is now. */
export function snapshotOf(region: Region, { shape }: Instance, name: string, now: Date) {
  return {
    DBSnapshotIdentifier: name,
    DBSnapshotArn: region.arn('snapshot', name),
    DBInstanceIdentifier: shape.DBInstanceIdentifier,
    DbiResourceId: shape.DbiResourceId,
    Engine: shape.Engine,
    EngineVersion: shape.EngineVersion,
    AllocatedStorage: shape.AllocatedStorage,
    Encrypted: shape.StorageEncrypted,
    KmsKeyId: shape.KmsKeyId,
    SnapshotType: 'manual',
    SnapshotCreateTime: now,
    OriginalSnapshotCreateTime: now,
    PercentProgress: 100,
    OptionGroupName: shape.OptionGroupMemberships?.[0]?.OptionGroupName,
    TagList: [] as { Key?: string; Value?: string }[],
  };
}
