/**
 * The settings of an Aurora cluster and of its members, each under the name that a request gives it.
 * Sources: AWS, RDS API reference: RestoreDBClusterToPointInTime ("the same configuration as the original DB cluster, except
 * that the new DB cluster is created with the default DB security group", "only restores the DB cluster, not the DB instances"),
 * RestoreDBClusterFromSnapshot ("a default configuration"), ModifyDBCluster, CreateDBInstance.
 */
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import { RESTORE_TAG } from '../core/names.ts';
import { settable, tagsOf } from './rds-calls.ts';
import { INSIGHTS, logExports, MONITORING, PASSWORD, rolesOf } from './rds-settings.ts';
import { sorted, unlessEmpty, type Table } from './settings-table.ts';

const BOTH = ['moment', 'point'] as const;
const ALL = ['moment', 'point', 'modify'] as const;

export const CLUSTER_SETTINGS = {
  VpcSecurityGroupIds: {
    read: (one) => sorted(one.VpcSecurityGroups?.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId)),
    takes: ALL,
    resets: 'the default security group of the VPC',
  },
  DBSubnetGroupName: { read: (one) => one.DBSubnetGroup, takes: BOTH, resets: 'the default subnet group' },
  DBClusterParameterGroupName: {
    read: (one) => one.DBClusterParameterGroup,
    takes: ALL,
    resets: "the engine's default cluster parameter group",
  },
  Port: { read: (one) => one.Port, takes: ALL, resets: "the engine's default port" },
  NetworkType: { read: (one) => one.NetworkType, takes: ALL, resets: 'as the subnet group has it' },
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
  EnableIAMDatabaseAuthentication: { read: (one) => one.IAMDatabaseAuthenticationEnabled, takes: ALL, resets: 'off' },
  EnableCloudwatchLogsExports: {
    read: (one) => sorted(one.EnabledCloudwatchLogsExports),
    takes: BOTH,
    modify: logExports,
    resets: 'none',
  },
  BacktrackWindow: { read: (one) => unlessEmpty(one.BacktrackWindow), takes: ALL, resets: 'off (0)' },
  EngineLifecycleSupport: {
    read: (one) => one.EngineLifecycleSupport,
    takes: BOTH,
    modify: (wanted) => ({ EngineLifecycleSupport: wanted }),
    resets: 'enrolled in Extended Support, which costs',
  },
  BackupRetentionPeriod: { read: (one) => one.BackupRetentionPeriod, takes: ALL, resets: 'the same period' },
  PreferredBackupWindow: { read: (one) => one.PreferredBackupWindow, takes: ALL, resets: 'a random half hour' },
  PreferredMaintenanceWindow: {
    read: (one) => one.PreferredMaintenanceWindow,
    takes: ['modify'],
    resets: 'a random half hour',
  },
  CopyTagsToSnapshot: { read: (one) => one.CopyTagsToSnapshot, takes: ALL, resets: 'off' },
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
  ...(INSIGHTS as unknown as Table<DBCluster>),
  ...(PASSWORD as Table<DBCluster>),
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
  // Off until everything else is done, so that a half-made alias can be taken away again.
  DeletionProtection: { read: (one) => one.DeletionProtection, takes: ['modify'], resets: 'off' },
  KmsKeyId: { read: (one) => one.KmsKeyId, takes: BOTH, resets: 'kept, with the data' },
  StorageEncrypted: { read: (one) => one.StorageEncrypted, takes: [], resets: 'kept, with the data' },
  MasterUsername: { read: (one) => one.MasterUsername, takes: [], resets: 'kept, with the data' },
} as const satisfies Table<DBCluster>;

const MADE = ['create', 'modify'] as const;

/** Members are not restored: each is made anew, the writer first. */
export const MEMBER_SETTINGS = {
  DBInstanceClass: { read: (one) => one.DBInstanceClass, takes: MADE, resets: 'there is no member' },
  PromotionTier: { read: (one) => one.PromotionTier, takes: MADE, resets: '1' },
  DBParameterGroupName: {
    read: (one) => one.DBParameterGroups?.[0]?.DBParameterGroupName,
    takes: MADE,
    resets: "the engine's default parameter group",
  },
  PubliclyAccessible: { read: (one) => one.PubliclyAccessible, takes: MADE, resets: 'as the subnet group has it' },
  AutoMinorVersionUpgrade: { read: (one) => one.AutoMinorVersionUpgrade, takes: MADE, resets: 'on' },
  PreferredMaintenanceWindow: {
    read: (one) => one.PreferredMaintenanceWindow,
    takes: MADE,
    resets: 'a random half hour',
  },
  CACertificateIdentifier: { read: (one) => one.CACertificateIdentifier, takes: MADE, resets: "the account's default" },
  ...(MONITORING as Table<DBInstance>),
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
