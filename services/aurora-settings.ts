/**
 * The settings of an Aurora cluster and of its members, each under the name that a request gives it.
 * Sources: AWS, RDS API reference: RestoreDBClusterToPointInTime ("the same configuration as the original DB cluster, except
 * that the new DB cluster is created with the default DB security group", "only restores the DB cluster, not the DB instances"),
 * RestoreDBClusterFromSnapshot ("a default configuration"), ModifyDBCluster, CreateDBInstance.
 */
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import { RESTORE_TAG } from '../core/names.ts';
import { settable, tagsOf } from './rds-calls.ts';
import { INSTANCE_SETTINGS } from './rds-settings.ts';
import { ALL, BOTH, INSIGHTS, MONITORING, PASSWORD, rolesOf, SERVERS } from './server-settings.ts';
import { unlessEmpty, type Setting, type Table } from './settings-table.ts';

export const CLUSTER_SETTINGS = {
  VpcSecurityGroupIds: SERVERS.VpcSecurityGroupIds,
  DBSubnetGroupName: { read: (one) => one.DBSubnetGroup, takes: BOTH, resets: 'the default subnet group' },
  DBClusterParameterGroupName: {
    read: (one) => one.DBClusterParameterGroup,
    takes: ALL,
    resets: "the engine's default cluster parameter group",
  },
  Port: { read: (one) => one.Port, takes: ALL, resets: "the engine's default port" },
  NetworkType: SERVERS.NetworkType,
  StorageType: { read: (one) => unlessEmpty(one.StorageType), takes: ALL, resets: '`aurora` (not I/O-Optimized)' },
  ServerlessV2ScalingConfiguration: {
    read: ({ ServerlessV2ScalingConfiguration: of }) =>
      of?.MaxCapacity === undefined
        ? undefined
        : {
            MinCapacity: of.MinCapacity ?? 0,
            MaxCapacity: of.MaxCapacity,
            ...(of.SecondsUntilAutoPause === undefined ? {} : { SecondsUntilAutoPause: of.SecondsUntilAutoPause }),
          },
    takes: ALL,
    resets: 'none, so that no serverless member can be made',
  },
  EnableIAMDatabaseAuthentication: SERVERS.EnableIAMDatabaseAuthentication,
  EnableCloudwatchLogsExports: SERVERS.EnableCloudwatchLogsExports,
  BacktrackWindow: { read: (one) => unlessEmpty(one.BacktrackWindow), takes: ALL, resets: 'off (0)' },
  EngineLifecycleSupport: {
    read: (one) => one.EngineLifecycleSupport,
    takes: BOTH,
    modify: (wanted) => ({ EngineLifecycleSupport: wanted }),
    resets: 'enrolled in Extended Support, which costs',
  },
  BackupRetentionPeriod: SERVERS.BackupRetentionPeriod,
  PreferredBackupWindow: SERVERS.PreferredBackupWindow,
  PreferredMaintenanceWindow: SERVERS.PreferredMaintenanceWindow,
  CopyTagsToSnapshot: SERVERS.CopyTagsToSnapshot,
  Domain: {
    read: (one) => unlessEmpty(one.DomainMemberships?.[0]?.Domain),
    takes: ALL,
    group: 'domain',
    resets: 'in no domain',
  },
  DomainIAMRoleName: {
    read: (one) => unlessEmpty(one.DomainMemberships?.[0]?.IAMRoleName),
    takes: ALL,
    group: 'domain',
    resets: 'in no domain',
  },
  EnableLocalWriteForwarding: {
    read: (one) => (one.LocalWriteForwardingStatus === 'enabled' ? true : undefined),
    takes: ['modify'],
    resets: 'off',
  },
  ...INSIGHTS,
  ...PASSWORD,
  HttpEndpointEnabled: {
    read: (one) => unlessEmpty(one.HttpEndpointEnabled),
    takes: [],
    own: 'EnableHttpEndpoint',
    resets: 'off',
  },
  AssociatedRoles: {
    read: (one) => rolesOf(one.AssociatedRoles),
    takes: [],
    own: 'AddRoleToDBCluster',
    resets: 'none',
  },
  // Read from the endpoints themselves.
  CustomEndpoints: { read: () => undefined, takes: [], own: 'CreateDBClusterEndpoint', resets: 'none' },
  DeletionProtection: SERVERS.DeletionProtection,
  KmsKeyId: { read: (one) => one.KmsKeyId, takes: BOTH, resets: 'kept, with the data' },
  StorageEncrypted: SERVERS.StorageEncrypted,
  MasterUsername: SERVERS.MasterUsername,
} as const satisfies Table<DBCluster>;

const MADE = ['create', 'modify'] as const;
/** A setting of an instance, passed when the member is made. */
const made = (setting: Setting<DBInstance>): Setting<DBInstance> => ({ ...setting, takes: MADE });

/** Members are not restored: each is made anew, the writer first. */
export const MEMBER_SETTINGS = {
  DBInstanceClass: { read: (one) => one.DBInstanceClass, takes: MADE, resets: 'there is no member' },
  PromotionTier: { read: (one) => one.PromotionTier, takes: MADE, resets: '1' },
  DBParameterGroupName: {
    read: (one) => one.DBParameterGroups?.[0]?.DBParameterGroupName,
    takes: MADE,
    resets: "the engine's default parameter group",
  },
  PubliclyAccessible: made(INSTANCE_SETTINGS.PubliclyAccessible),
  AutoMinorVersionUpgrade: made(INSTANCE_SETTINGS.AutoMinorVersionUpgrade),
  PreferredMaintenanceWindow: made(INSTANCE_SETTINGS.PreferredMaintenanceWindow),
  CACertificateIdentifier: made(INSTANCE_SETTINGS.CACertificateIdentifier),
  ...MONITORING,
  ...(Object.fromEntries(
    Object.entries(INSIGHTS).filter(([name]) => name !== 'DatabaseInsightsMode'), // a member has that of its cluster
  ) as Table<DBInstance>),
  Tags: {
    read: (one) => {
      const kept = Object.entries(settable(tagsOf(one.TagList))).filter(([key]) => key !== RESTORE_TAG);
      const tags = Object.fromEntries(kept);
      return Object.keys(tags).length === 0 ? undefined : tags;
    },
    takes: [],
    own: 'AddTagsToResource',
    resets: 'none',
  },
} as const satisfies Table<DBInstance>;
