/**
 * Settings that an RDS instance, an Aurora cluster and its members have in the same words.
 * Sources: AWS, RDS API reference, as in the tables that use them.
 */
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import { sorted, type Json, type Table } from './settings-table.ts';

export const BOTH = ['moment', 'point'] as const;
export const ALL = ['moment', 'point', 'modify'] as const;

/** What both shapes have, under one name and of one type. */
type Server = { [K in keyof DBInstance & keyof DBCluster]?: (DBInstance | DBCluster)[K] | undefined };

/** Log exports are switched on and off, never said as a whole, once an instance is there. */
function logExports(wanted: Json, found: Json | undefined): Record<string, unknown> {
  const [want, have] = [wanted, found ?? []].map((list) => list as readonly string[]);
  const EnableLogTypes = want!.filter((one) => !have!.includes(one));
  const DisableLogTypes = have!.filter((one) => !want!.includes(one));
  return {
    CloudwatchLogsExportConfiguration: {
      ...(EnableLogTypes.length > 0 ? { EnableLogTypes } : {}),
      ...(DisableLogTypes.length > 0 ? { DisableLogTypes } : {}),
    },
  };
}

/** Rows that are the same for an instance and a cluster. */
export const SERVERS = {
  VpcSecurityGroupIds: {
    read: (one) => sorted(one.VpcSecurityGroups?.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId)),
    takes: ALL,
    resets: 'the default security group of the VPC',
  },
  NetworkType: { read: (one) => one.NetworkType, takes: ALL, resets: 'as the subnet group has it' },
  EnableIAMDatabaseAuthentication: { read: (one) => one.IAMDatabaseAuthenticationEnabled, takes: ALL, resets: 'off' },
  EnableCloudwatchLogsExports: {
    read: (one) => sorted(one.EnabledCloudwatchLogsExports),
    takes: BOTH,
    modify: logExports,
    resets: 'none',
  },
  BackupRetentionPeriod: { read: (one) => one.BackupRetentionPeriod, takes: ALL, resets: 'the same period' },
  PreferredBackupWindow: { read: (one) => one.PreferredBackupWindow, takes: ALL, resets: 'a random half hour' },
  PreferredMaintenanceWindow: {
    read: (one) => one.PreferredMaintenanceWindow,
    takes: ['modify'],
    resets: 'a random half hour',
  },
  CopyTagsToSnapshot: { read: (one) => one.CopyTagsToSnapshot, takes: ALL, resets: 'off' },
  // Off until everything else is done, so that a half-made alias can be taken away again.
  DeletionProtection: { read: (one) => one.DeletionProtection, takes: ['modify'], resets: 'off' },
  StorageEncrypted: { read: (one) => one.StorageEncrypted, takes: [], resets: 'kept, with the data' },
  MasterUsername: { read: (one) => one.MasterUsername, takes: [], resets: 'kept, with the data' },
} as const satisfies Table<Server>;

/** What is watched by Performance Insights and CloudWatch; the same of an instance, a member and a cluster. */
export const INSIGHTS = {
  DatabaseInsightsMode: {
    read: (one) => one.DatabaseInsightsMode,
    takes: ['modify', 'create'],
    group: 'insights',
    resets: '`standard`',
  },
  EnablePerformanceInsights: {
    read: (one) => one.PerformanceInsightsEnabled,
    takes: ['modify', 'create'],
    group: 'insights',
    resets: 'off',
  },
  PerformanceInsightsKMSKeyId: {
    read: (one) => (one.PerformanceInsightsEnabled ? one.PerformanceInsightsKMSKeyId : undefined),
    takes: ['modify', 'create'],
    group: 'insights',
    resets: 'the default key, once it is on',
  },
  PerformanceInsightsRetentionPeriod: {
    read: (one) => (one.PerformanceInsightsEnabled ? one.PerformanceInsightsRetentionPeriod : undefined),
    takes: ['modify', 'create'],
    group: 'insights',
    resets: '7 days, once it is on',
  },
} as const satisfies Table<Server>;

export const MONITORING = {
  MonitoringInterval: {
    read: (one) => one.MonitoringInterval,
    takes: ['modify', 'create'],
    group: 'monitoring',
    resets: 'off (0)',
  },
  MonitoringRoleArn: {
    read: (one) => (one.MonitoringInterval ? one.MonitoringRoleArn : undefined),
    takes: ['modify', 'create'],
    group: 'monitoring',
    resets: 'none',
  },
} as const satisfies Table<Server>;

/** A password that RDS keeps in Secrets Manager gets a secret of its own, with a new ARN, when the management is turned on. */
export const PASSWORD = {
  ManageMasterUserPassword: {
    read: ({ MasterUserSecret }) => (MasterUserSecret?.SecretArn ? true : undefined),
    takes: ['modify'],
    group: 'password',
    resets: 'the password of that moment, kept by nobody (Oracle alone takes it at the restore)',
  },
  MasterUserSecretKmsKeyId: {
    read: ({ MasterUserSecret }) => (MasterUserSecret?.SecretArn ? MasterUserSecret.KmsKeyId : undefined),
    takes: ['modify'],
    group: 'password',
    resets: 'the key `aws/secretsmanager`',
  },
} as const satisfies Table<Server>;

/** Roles that are there or on their way, by ARN and feature. */
export function rolesOf(roles: DBInstance['AssociatedRoles']): { RoleArn: string; FeatureName: string }[] {
  return (roles ?? [])
    .filter(({ Status }) => Status !== 'INVALID')
    .map(({ RoleArn = '', FeatureName = '' }) => ({ RoleArn, FeatureName }))
    .sort((a, b) => (a.RoleArn + a.FeatureName < b.RoleArn + b.FeatureName ? -1 : 1));
}
