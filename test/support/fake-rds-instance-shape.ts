/** An instance of the in-memory RDS as it is described: by default, and after a request. */
import type { DBInstance } from '@aws-sdk/client-rds';
import { applyBoth } from './fake-rds-kinds.ts';
import { Being, tagsOf, text, type Input, type Instance, type Region } from './fake-rds-store.ts';

export const DEFAULT_GROUP = 'sg-default';

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
  applyBoth(region, shape, shape.DbiResourceId ?? '', SAME, input);
  if (input.DBParameterGroupName !== undefined)
    shape.DBParameterGroups = [
      { DBParameterGroupName: text(input.DBParameterGroupName), ParameterApplyStatus: 'pending-reboot' },
    ];
  if (input.OptionGroupName !== undefined)
    shape.OptionGroupMemberships = [{ OptionGroupName: text(input.OptionGroupName), Status: 'in-sync' }];
  if (input.DBSubnetGroupName !== undefined) shape.DBSubnetGroup = { DBSubnetGroupName: text(input.DBSubnetGroupName) };
  const port = input.Port ?? input.DBPortNumber;
  if (port !== undefined) shape.Endpoint = { ...shape.Endpoint, Port: Number(port) };
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
