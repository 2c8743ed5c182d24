/**
 * Rights on what the services themselves restore. Deleting ends at the names that a restore makes; the one right to delete an
 * original is the state's that does it. A Nightjar without such targets has none of these functions.
 */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Config } from '../core/config.ts';
import {
  allow,
  originals,
  onOriginals,
  rds,
  under,
  servers,
  tables,
  originalServers,
  originalsAndMembers,
  madeServers,
  madeMembers,
  suffixedMembers,
  points,
  groups,
  originalTables,
  madeTables,
  withStreams,
  keysThrough,
  when,
} from './native-arns.ts';
import { secretsOfServers, readSecret, pointerRights } from './pointer-grants.ts';

type Scoped = (scope: Construct, config: Config) => PolicyStatement[];

const POLICY_ACTIONS = ['dynamodb:PutResourcePolicy', 'dynamodb:DeleteResourcePolicy', 'dynamodb:GetResourcePolicy'];

/** A scalable target outlives its table and would be in the way of the next one's. */
const forgetScaling = (): PolicyStatement =>
  allow(['application-autoscaling:DeregisterScalableTarget'], ['*'], {
    StringEquals: { 'application-autoscaling:service-namespace': 'dynamodb' },
  });

export const NATIVE_GRANTS = [
  'resourcesRead',
  'openNative',
  'discover',
  'pitrWrite',
  'pointsWrite',
  'pointsCopy',
  'pointsDelete',
  'aliasWrite',
  'serversRename',
  'serversRepoint',
  'serversRemove',
  'hostsRead',
  'pointerRead',
  'pointerWrite',
  'tablesFence',
  'liftFence',
  'tablesRead',
  'tablesDelete',
  'tablesAlias',
  'tablesRecreate',
  'tablesApply',
  'tableAliasRemove',
  'tablesLastPoint',
  'itemsWrite',
] as const;
export type NativeGrant = (typeof NATIVE_GRANTS)[number];

export const NATIVE_MEANING: Readonly<Record<NativeGrant, Scoped>> = {
  // Describing knows few resources; it reads names and settings, no data.
  resourcesRead: (_scope, config) => [
    ...when(servers(config), () => [
      allow(
        [
          'rds:DescribeDBInstances',
          'rds:DescribeDBClusters',
          'rds:DescribeDBClusterEndpoints',
          'rds:DescribeDBSnapshots',
          'rds:DescribeDBClusterSnapshots',
          'rds:DescribeDBInstanceAutomatedBackups',
          'rds:DescribeDBClusterAutomatedBackups',
          'rds:DescribeAccountAttributes',
          'rds:DescribeOptionGroups',
          'rds:DescribeEventSubscriptions',
          'rds:DescribeDBProxies',
          'rds:DescribeDBProxyTargetGroups',
          'rds:DescribeDBProxyTargets',
          'rds:DescribeBlueGreenDeployments',
          'rds:DescribeGlobalClusters',
          'rds:DescribeDBEngineVersions',
          'rds:DescribeDBParameterGroups',
          'rds:DescribeDBClusterParameterGroups',
          'rds:DescribeDBSubnetGroups',
          'rds:ListTagsForResource',
        ],
        ['*'],
      ),
    ]),
    ...when(tables(config), () => [
      allow(
        [
          'dynamodb:DescribeTable',
          'dynamodb:DescribeContinuousBackups',
          'dynamodb:DescribeTimeToLive',
          'dynamodb:DescribeContributorInsights',
          'dynamodb:ListContributorInsights',
          'dynamodb:DescribeKinesisStreamingDestination',
          'dynamodb:DescribeBackup',
          'dynamodb:GetResourcePolicy',
          'dynamodb:ListBackups',
          'dynamodb:ListTables',
          'dynamodb:ListTagsOfResource',
          'application-autoscaling:DescribeScalableTargets',
          'application-autoscaling:DescribeScalingPolicies',
          'application-autoscaling:DescribeScheduledActions',
          'application-autoscaling:ListTagsForResource',
          'lambda:ListEventSourceMappings',
        ],
        ['*'],
      ),
    ]),
  ],
  /** A restore is refused before it begins, so its opening looks first. */
  openNative: (scope, config) => NATIVE_MEANING.resourcesRead(scope, config),
  discover: (_scope, { discovery: { engines } }) => [
    ...when(engines.includes('rds'), () => [allow(['rds:DescribeDBInstances'], ['*'])]),
    ...when(engines.includes('aurora'), () => [allow(['rds:DescribeDBClusters'], ['*'])]),
    ...when(engines.includes('dynamodb'), () => [
      allow(['dynamodb:ListTables', 'dynamodb:ListTagsOfResource', 'dynamodb:DescribeTable'], ['*']),
    ]),
  ],
  pitrWrite: (scope, config) => [
    ...onOriginals(scope, config, ['rds:ModifyDBInstance', 'rds:ModifyDBCluster'], originalServers),
    ...onOriginals(scope, config, ['dynamodb:UpdateContinuousBackups'], originalTables),
  ],
  pointsWrite: (scope, config) => [
    ...when(servers(config), () =>
      onOriginals(
        scope,
        config,
        ['rds:CreateDBSnapshot', 'rds:CreateDBClusterSnapshot', 'rds:AddTagsToResource'],
        originalServers,
        [...madeServers(scope, config), ...points(scope)],
      ),
    ),
    ...when(tables(config), () =>
      onOriginals(scope, config, ['dynamodb:CreateBackup'], originalTables, madeTables(scope, config)),
    ),
  ],
  pointsCopy: (scope, config) => [
    ...when(servers(config) && config.copies.length > 0, () => [
      allow(
        ['rds:CopyDBSnapshot', 'rds:CopyDBClusterSnapshot', 'rds:AddTagsToResource'],
        [...points(scope), ...config.copies.flatMap((copy) => points(scope, copy.region))],
      ),
      allow(
        ['kms:CreateGrant', 'kms:DescribeKey', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
        config.copies.map((copy) => copy.keyArn),
        { StringEquals: { 'kms:ViaService': config.copies.map((copy) => `rds.${copy.region}.amazonaws.com`) } },
      ),
      keysThrough(scope, 'rds'),
    ]),
  ],
  pointsDelete: (scope, config) => [
    // By Nightjar's own prefix: a server may leave the config long before its last snapshot.
    allow(['rds:DescribeDBSnapshots', 'rds:DescribeDBClusterSnapshots'], ['*']),
    allow(
      ['rds:DeleteDBSnapshot', 'rds:DeleteDBClusterSnapshot'],
      [...points(scope), ...config.copies.flatMap((copy) => points(scope, copy.region))],
    ),
    // A backup's ARN names its table and not the backup, so this can't reach beyond the config: not to every backup in the account.
    ...when(tables(config), () => [
      allow(
        ['dynamodb:DeleteBackup'],
        under([...originalTables(scope, config), ...madeTables(scope, config)], 'backup/*'),
      ),
    ]),
  ],
  aliasWrite: (scope, config) => [
    allow(
      [
        'rds:RestoreDBInstanceToPointInTime',
        'rds:RestoreDBInstanceFromDBSnapshot',
        'rds:RestoreDBClusterToPointInTime',
        'rds:RestoreDBClusterFromSnapshot',
      ],
      [...originalServers(scope, config), ...madeServers(scope, config), ...points(scope), ...groups(scope)],
    ),
    allow(
      [
        'rds:AddTagsToResource',
        'rds:RemoveTagsFromResource',
        'rds:EnableHttpEndpoint',
        'rds:ModifyDBInstance',
        'rds:ModifyDBCluster',
        'rds:RebootDBInstance',
        'rds:AddRoleToDBInstance',
        'rds:AddRoleToDBCluster',
        'rds:CreateDBClusterEndpoint',
      ],
      [...madeServers(scope, config), ...groups(scope)],
    ),
    ...when(originals(config, 'aurora').length > 0, () => [
      allow(['rds:CreateDBInstance'], [...rds(scope, 'db', ['*']), ...madeServers(scope, config), ...groups(scope)], {
        Null: { 'aws:RequestTag/nightjar:restore': 'false' },
      }),
      allow(['rds:CreateDBClusterEndpoint', 'rds:AddTagsToResource'], rds(scope, 'cluster-endpoint', ['*'])),
    ]),
    ...madeMembers(scope, config, ['rds:ModifyDBInstance', 'rds:RebootDBInstance', 'rds:AddTagsToResource']),
    // Source: AWS, RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager".
    allow(
      ['secretsmanager:CreateSecret', 'secretsmanager:TagResource'],
      [Stack.of(scope).formatArn({ service: 'secretsmanager', resource: 'secret:rds!*' })],
    ),
    allow(
      ['iam:PassRole'],
      [Stack.of(scope).formatArn({ service: 'iam', region: '', resource: 'role', resourceName: '*' })],
      {
        StringEquals: { 'iam:PassedToService': ['rds.amazonaws.com', 'monitoring.rds.amazonaws.com'] },
      },
    ),
    keysThrough(scope, 'rds'),
  ],
  serversRename: (scope, config) =>
    onOriginals(
      scope,
      config,
      ['rds:ModifyDBInstance', 'rds:ModifyDBCluster', 'rds:StartDBInstance', 'rds:StartDBCluster'],
      originalsAndMembers,
      madeServers(scope, config),
    ),
  serversRepoint: (scope, config) => [
    allow(
      ['rds:RegisterDBProxyTargets', 'rds:DeregisterDBProxyTargets'],
      [...rds(scope, 'target-group', ['*']), ...originalServers(scope, config), ...madeServers(scope, config)],
    ),
    allow(
      ['rds:AddSourceIdentifierToSubscription', 'rds:RemoveSourceIdentifierFromSubscription'],
      rds(scope, 'es', ['*']),
    ),
    ...when(originals(config, 'aurora').length > 0, () => [
      allow(
        ['rds:CreateDBClusterEndpoint', 'rds:DeleteDBClusterEndpoint', 'rds:AddTagsToResource'],
        [...rds(scope, 'cluster-endpoint', ['*']), ...rds(scope, 'cluster', originals(config, 'aurora'))],
      ),
    ]),
    allow(['rds:StopDBInstance', 'rds:StopDBCluster'], madeServers(scope, config)),
    // Alarms of metric math name a server by its resource id; whichever they are is known by looking at all.
    allow(['cloudwatch:DescribeAlarms'], ['*']),
    ...onOriginals(scope, config, ['rds:ModifyDBInstance', 'rds:ModifyDBCluster'], originalServers),
  ],
  serversRemove: (scope, config) => [
    ...when(servers(config), () => [
      allow(
        [
          'rds:DeleteDBInstance',
          'rds:DeleteDBCluster',
          'rds:ModifyDBInstance',
          'rds:ModifyDBCluster',
          'rds:StartDBInstance',
          'rds:StartDBCluster',
          'rds:StopDBInstance',
          'rds:StopDBCluster',
        ],
        madeServers(scope, config),
      ),
      ...madeMembers(scope, config, ['rds:DeleteDBInstance', 'rds:ModifyDBInstance']),
      ...suffixedMembers(scope, config, ['rds:DeleteDBInstance', 'rds:ModifyDBInstance']),
      allow(
        ['rds:CreateDBSnapshot', 'rds:CreateDBClusterSnapshot', 'rds:AddTagsToResource'],
        [...madeServers(scope, config), ...points(scope)],
      ),
    ]),
  ],
  hostsRead: (scope, config) => secretsOfServers(config).flatMap((one) => readSecret(scope, one)),
  pointerRead: (scope, config) => pointerRights(scope, config, false),
  pointerWrite: (scope, config) => pointerRights(scope, config, true),
  tablesFence: (scope, config) =>
    onOriginals(scope, config, POLICY_ACTIONS, (...of) => withStreams(originalTables(...of))),
  /** A swap's execution that was stopped behind its fence leaves it to who comes after. */
  liftFence: (scope, config) => NATIVE_MEANING.tablesFence(scope, config),
  tablesRead: (scope, config) =>
    when(tables(config), () => [
      allow(
        ['dynamodb:Scan', 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'],
        [...originalTables(scope, config), ...madeTables(scope, config)],
      ),
      keysThrough(scope, 'dynamodb'),
    ]),
  // UpdateTable lifts the deletion protection, in the place of the deletion only.
  tablesDelete: (scope, config) => [
    ...onOriginals(scope, config, ['dynamodb:DeleteTable', 'dynamodb:UpdateTable'], originalTables),
    ...when(tables(config), () => [forgetScaling()]),
  ],
  tableAliasRemove: (scope, config) =>
    when(tables(config), () => [
      allow(['dynamodb:DeleteTable', 'dynamodb:UpdateTable'], madeTables(scope, config)),
      forgetScaling(),
    ]),
  /** Of an alias that has served, before it goes. */
  tablesLastPoint: (scope, config) =>
    when(tables(config), () => [allow(['dynamodb:CreateBackup'], madeTables(scope, config))]),
  tablesAlias: (scope, config) => restoring(scope, config, madeTables(scope, config)),
  tablesRecreate: (scope, config) => restoring(scope, config, originalTables(scope, config)),
  tablesApply: (scope, config) =>
    when(tables(config), () => {
      const all = [...originalTables(scope, config), ...madeTables(scope, config)];
      return [
        allow(
          [
            'dynamodb:UpdateTable',
            'dynamodb:UpdateTimeToLive',
            'dynamodb:UpdateContinuousBackups',
            'dynamodb:UpdateContributorInsights',
            'dynamodb:EnableKinesisStreamingDestination',
            'dynamodb:UpdateKinesisStreamingDestination',
            'dynamodb:TagResource',
          ],
          all,
        ),
        allow(POLICY_ACTIONS, withStreams(all)),
        allow(['dynamodb:UpdateContributorInsights'], under(all, 'index/*')),
        allow(
          [
            'application-autoscaling:RegisterScalableTarget',
            'application-autoscaling:PutScalingPolicy',
            'application-autoscaling:PutScheduledAction',
          ],
          ['*'],
          { StringEquals: { 'application-autoscaling:service-namespace': 'dynamodb' } },
        ),
        allow(['iam:CreateServiceLinkedRole'], ['*'], {
          StringEquals: { 'iam:AWSServiceName': 'dynamodb.application-autoscaling.amazonaws.com' },
        }),
        mappings(scope),
        allow(
          ['kinesis:DescribeStream', 'kinesis:PutRecord', 'kinesis:PutRecords'],
          [Stack.of(scope).formatArn({ service: 'kinesis', resource: 'stream', resourceName: '*' })],
        ),
        keysThrough(scope, 'dynamodb'),
      ];
    }),
  itemsWrite: (scope, config) =>
    when(tables(config), () => [
      allow(['dynamodb:Scan', 'dynamodb:GetItem', 'dynamodb:BatchGetItem'], madeTables(scope, config)),
      ...onOriginals(
        scope,
        config,
        ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
        originalTables,
      ),
      keysThrough(scope, 'dynamodb'),
    ]),
};

/**
 * Making tables from moments and backups. The restoring role needs rights on the items of the table that is made, and on those of
 * no other. Source: AWS, DynamoDB Developer Guide, "Using IAM with DynamoDB backup and restore".
 */
const restoring = (scope: Construct, config: Config, made: readonly string[]): PolicyStatement[] =>
  when(tables(config), () => {
    const all = [...originalTables(scope, config), ...madeTables(scope, config)];
    return [
      allow(['dynamodb:RestoreTableToPointInTime'], all),
      allow(['dynamodb:RestoreTableFromBackup'], [...all, ...under(all, 'backup/*')]),
      allow(
        [
          'dynamodb:BatchWriteItem',
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:Scan',
          'dynamodb:UpdateItem',
          'dynamodb:TagResource',
        ],
        made,
      ),
      keysThrough(scope, 'dynamodb'),
    ];
  });

/**
 * Functions over a table's stream have names that nobody knows at deploy, and mappings have ids: the rights end at this account's
 * own functions in this region, which holds for both actions. Source: AWS, Service Authorization Reference, "Actions, resources,
 * and condition keys for AWS Lambda".
 */
const mappings = (scope: Construct): PolicyStatement =>
  allow(['lambda:CreateEventSourceMapping', 'lambda:DeleteEventSourceMapping'], ['*'], {
    ArnLike: {
      'lambda:FunctionArn': Stack.of(scope).formatArn({
        service: 'lambda',
        resource: 'function',
        resourceName: '*',
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    },
  });
