/**
 * The settings of an RDS instance, each under the name that a request gives it.
 * Sources: AWS, RDS API reference: RestoreDBInstanceToPointInTime ("created with most of the original configuration, but in a
 * system-selected Availability Zone, with the default security group, the default subnet group, and the default DB parameter
 * group", "by default … single-AZ"), RestoreDBInstanceFromDBSnapshot, ModifyDBInstance; the defaults stand at each parameter.
 */
import type { DBInstance } from '@aws-sdk/client-rds';
import { ALL, BOTH, INSIGHTS, MONITORING, PASSWORD, rolesOf, SERVERS } from './server-settings.ts';
import { unlessEmpty, type Json, type Setting, type Table } from './settings-table.ts';

/** IOPS and throughput are accepted where the storage type lets one choose. Source: AWS, RDS User Guide, "DB instance storage". */
const GP3_BASELINE = { iops: 3_000, throughput: 125 };
const chosenIops = ({ StorageType, Iops }: DBInstance): number | undefined =>
  StorageType === 'gp3' && Iops === GP3_BASELINE.iops ? undefined : unlessEmpty(Iops);
const chosenThroughput = ({ StorageType, StorageThroughput }: DBInstance): number | undefined =>
  StorageType !== 'gp3' || StorageThroughput === GP3_BASELINE.throughput ? undefined : unlessEmpty(StorageThroughput);

type Membership = NonNullable<DBInstance['DomainMemberships']>[number];
const domain = (read: (one: Membership) => Json | undefined): Setting<DBInstance> => ({
  read: ({ DomainMemberships }) => (DomainMemberships?.[0] ? unlessEmpty(read(DomainMemberships[0])) : undefined),
  takes: ALL,
  group: 'domain',
  resets: 'in no domain',
});

export const INSTANCE_SETTINGS = {
  DBInstanceClass: { read: (one) => one.DBInstanceClass, takes: ALL, resets: 'the same class as the original' },
  VpcSecurityGroupIds: SERVERS.VpcSecurityGroupIds,
  // A subnet group of the same VPC is refused by a modification, so it is passed or it is a difference.
  DBSubnetGroupName: {
    read: (one) => one.DBSubnetGroup?.DBSubnetGroupName,
    takes: BOTH,
    resets: 'the default subnet group',
  },
  DBParameterGroupName: {
    read: (one) => one.DBParameterGroups?.[0]?.DBParameterGroupName,
    takes: ALL,
    resets: "the engine's default parameter group; another one waits for a reboot, which is done",
  },
  OptionGroupName: {
    read: (one) => one.OptionGroupMemberships?.[0]?.OptionGroupName,
    takes: ALL,
    resets: 'the option group of that moment, or the default one',
  },
  MultiAZ: { read: (one) => one.MultiAZ, takes: ALL, resets: 'single-AZ' },
  StorageType: { read: (one) => one.StorageType, takes: ALL, group: 'storage', resets: '`io1` with IOPS, else `gp3`' },
  AllocatedStorage: {
    read: (one) => one.AllocatedStorage,
    takes: BOTH,
    // Storage can only grow.
    modify: (wanted, found) => (Number(wanted) < Number(found ?? 0) ? undefined : { AllocatedStorage: wanted }),
    group: 'storage',
    resets: 'the size of that moment',
  },
  Iops: { read: chosenIops, takes: ALL, group: 'storage', resets: 'the baseline of the storage type' },
  StorageThroughput: {
    read: chosenThroughput,
    takes: ALL,
    group: 'storage',
    resets: 'the baseline of the storage type',
  },
  MaxAllocatedStorage: {
    read: (one) => one.MaxAllocatedStorage,
    takes: ['moment', 'modify'],
    resets: 'no automatic growth',
  },
  DedicatedLogVolume: { read: (one) => unlessEmpty(one.DedicatedLogVolume), takes: ALL, resets: 'none' },
  AdditionalStorageVolumes: {
    read: (one) =>
      unlessEmpty(
        (one.AdditionalStorageVolumes ?? []).map((volume) => ({
          VolumeName: volume.VolumeName!,
          ...(volume.AllocatedStorage === undefined ? {} : { AllocatedStorage: volume.AllocatedStorage }),
          ...(volume.StorageType === undefined ? {} : { StorageType: volume.StorageType }),
          ...(volume.IOPS === undefined ? {} : { IOPS: volume.IOPS }),
        })),
      ),
    takes: BOTH,
    resets: 'the volumes of that moment',
  },
  PubliclyAccessible: { read: (one) => one.PubliclyAccessible, takes: ALL, resets: 'as the subnet group has it' },
  Port: {
    read: (one) => one.Endpoint?.Port ?? unlessEmpty(one.DbInstancePort),
    takes: BOTH,
    modify: (wanted) => ({ DBPortNumber: wanted }),
    resets: 'the same port',
  },
  NetworkType: SERVERS.NetworkType,
  EnableCustomerOwnedIp: { read: (one) => unlessEmpty(one.CustomerOwnedIpEnabled), takes: ALL, resets: 'off' },
  EnableIAMDatabaseAuthentication: SERVERS.EnableIAMDatabaseAuthentication,
  EnableCloudwatchLogsExports: SERVERS.EnableCloudwatchLogsExports,
  CACertificateIdentifier: { read: (one) => one.CACertificateIdentifier, takes: ALL, resets: "the account's default" },
  LicenseModel: { read: (one) => one.LicenseModel, takes: ALL, resets: 'the license of that moment' },
  EngineLifecycleSupport: {
    read: (one) => one.EngineLifecycleSupport,
    takes: ALL,
    resets: 'enrolled in Extended Support, which costs',
  },
  BackupRetentionPeriod: SERVERS.BackupRetentionPeriod,
  PreferredBackupWindow: SERVERS.PreferredBackupWindow,
  PreferredMaintenanceWindow: SERVERS.PreferredMaintenanceWindow,
  CopyTagsToSnapshot: SERVERS.CopyTagsToSnapshot,
  AutoMinorVersionUpgrade: { read: (one) => one.AutoMinorVersionUpgrade, takes: ALL, resets: 'on' },
  ProcessorFeatures: {
    read: (one) =>
      unlessEmpty(
        (one.ProcessorFeatures ?? [])
          .map(({ Name = '', Value = '' }) => ({ Name, Value }))
          .sort((a, b) => (a.Name < b.Name ? -1 : 1)),
      ),
    takes: ALL,
    resets: 'the default of the class',
  },
  Domain: domain((one) => one.Domain),
  DomainIAMRoleName: domain((one) => one.IAMRoleName),
  DomainFqdn: domain((one) => (one.Domain ? undefined : one.FQDN)),
  DomainOu: domain((one) => (one.Domain ? undefined : one.OU)),
  DomainAuthSecretArn: domain((one) => one.AuthSecretArn),
  DomainDnsIps: domain((one) => one.DnsIps),
  MultiTenant: { read: (one) => unlessEmpty(one.MultiTenant), takes: ['modify'], resets: 'as the data has it' },
  ...MONITORING,
  ...INSIGHTS,
  ...PASSWORD,
  AssociatedRoles: {
    read: (one) => rolesOf(one.AssociatedRoles),
    takes: [],
    own: 'AddRoleToDBInstance',
    resets: 'none',
  },
  DeletionProtection: SERVERS.DeletionProtection,
  StorageEncrypted: SERVERS.StorageEncrypted,
  KmsKeyId: { read: (one) => one.KmsKeyId, takes: [], resets: 'kept, with the data' },
  MasterUsername: SERVERS.MasterUsername,
} as const satisfies Table<DBInstance>;
