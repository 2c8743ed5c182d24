/** Rights in IAM's words, by exact ARN. Each statement stands for one sentence that a person can check. */
import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Config } from '../core/config.ts';
import { EVENT_SOURCE, machineName, METRIC_NAMESPACE, type Machine } from '../core/names.ts';
import { machinesFor, nativesOf, type Grant } from './function-list.ts';
import { NATIVE_GRANTS, NATIVE_MEANING, type NativeGrant } from './native-grants.ts';
import type { VaultFacts } from './vault-facts.ts';

export interface GrantFacts {
  readonly config: Config;
  readonly vault: VaultFacts;
  readonly work: IBucket;
  /** The object with the deployed config. */
  readonly configObject: { readonly bucket: string; readonly key: string };
  readonly clusterName: string;
}

/** Made from names and not from resources: an execution's Lambdas and its machine name each other. */
export const executionArns = (scope: Construct, name: string, machine: Machine, suffix = '*'): string =>
  Stack.of(scope).formatArn({
    service: 'states',
    resource: 'execution',
    resourceName: `${machineName(name, machine)}:${suffix}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });

export const machineArn = (scope: Construct, name: string, machine: Machine): string =>
  Stack.of(scope).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: machineName(name, machine),
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });

export const taskArns = (scope: Construct, clusterName: string): string =>
  Stack.of(scope).formatArn({ service: 'ecs', resource: 'task', resourceName: `${clusterName}/*` });

export const clusterArn = (scope: Construct, clusterName: string): string =>
  Stack.of(scope).formatArn({ service: 'ecs', resource: 'cluster', resourceName: clusterName });

const via = (scope: Construct, service: string): string => `${service}.${Stack.of(scope).region}.amazonaws.com`;

/** Lets a service use the vault's key in the caller's name, and nobody use it directly. */
export const keyThrough = (
  scope: Construct,
  vault: VaultFacts,
  service: 's3' | 'dynamodb',
  actions: readonly string[],
): PolicyStatement =>
  new PolicyStatement({
    actions: [...actions],
    resources: [vault.key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': via(scope, service) } },
  });

/** What DynamoDB does with a table's own key. Source: AWS, DynamoDB Developer Guide, "Encryption at rest: usage". */
export const CATALOG_KEY_ACTIONS = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
] as const;

/** SES checks the sender's identity and, while the account is in the sandbox, each recipient's. */
function mailIdentities(scope: Construct, mail: Config['mail']): string[] {
  const domain = mail.from.slice(mail.from.lastIndexOf('@') + 1);
  return [...new Set([mail.from, domain, ...mail.to])].map((identity) =>
    Stack.of(scope).formatArn({ service: 'ses', resource: 'identity', resourceName: identity }),
  );
}

/** Without it S3 also says "forbidden" of an object that is missing. */
const listVault = (vault: VaultFacts): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:ListBucket'], resources: [vault.bucket.bucketArn] }),
];

const readWork = (work: IBucket, prefix: string): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:GetObject'], resources: [work.arnForObjects(`${prefix}/*`)] }),
  new PolicyStatement({ actions: ['s3:ListBucket'], resources: [work.bucketArn] }),
];

const writeWork = (work: IBucket, prefix: string): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:PutObject'], resources: [work.arnForObjects(`${prefix}/*`)] }),
];

type Statements = (scope: Construct, facts: GrantFacts) => PolicyStatement[];

const MEANING: Readonly<Record<Exclude<Grant, NativeGrant>, Statements>> = {
  config: (scope, { configObject }) => [
    new PolicyStatement({
      actions: ['s3:GetObject'],
      resources: [
        Arn.format(
          { service: 's3', region: '', account: '', resource: configObject.bucket, resourceName: configObject.key },
          Stack.of(scope),
        ),
      ],
    }),
  ],
  catalogRead: (scope, { vault }) => [
    new PolicyStatement({
      actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'],
      resources: [vault.catalog.tableArn],
    }),
    new PolicyStatement({ actions: ['dynamodb:Query'], resources: [`${vault.catalog.tableArn}/index/byEntity`] }),
    keyThrough(scope, vault, 'dynamodb', CATALOG_KEY_ACTIONS),
  ],
  catalogWrite: (_scope, { vault }) => [
    new PolicyStatement({
      actions: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
      resources: [vault.catalog.tableArn],
    }),
  ],
  vaultList: (_scope, { vault }) => listVault(vault),
  vaultRead: (scope, { vault }) => [
    new PolicyStatement({
      actions: ['s3:GetObject', 's3:GetObjectVersion'],
      resources: [vault.bucket.arnForObjects('*')],
    }),
    ...listVault(vault),
    keyThrough(scope, vault, 's3', ['kms:Decrypt']),
  ],
  // A manifest is small: no parts, so no right to decrypt either.
  vaultWrite: (scope, { vault }) => [
    new PolicyStatement({ actions: ['s3:PutObject'], resources: [vault.bucket.arnForObjects('*')] }),
    keyThrough(scope, vault, 's3', ['kms:GenerateDataKey']),
  ],
  vaultThaw: (_scope, { vault }) => [
    new PolicyStatement({ actions: ['s3:RestoreObject'], resources: [vault.bucket.arnForObjects('*')] }),
  ],
  vaultDelete: (_scope, { vault }) => [
    new PolicyStatement({ actions: ['s3:DeleteObjectVersion'], resources: [vault.bucket.arnForObjects('*')] }),
    new PolicyStatement({ actions: ['s3:ListBucketVersions'], resources: [vault.bucket.bucketArn] }),
  ],
  runsRead: (_scope, { work }) => readWork(work, 'runs'),
  runsWrite: (_scope, { work }) => writeWork(work, 'runs'),
  prunesRead: (_scope, { work }) => readWork(work, 'prunes'),
  prunesWrite: (_scope, { work }) => writeWork(work, 'prunes'),
  executionsRead: (scope, { config }) => [
    new PolicyStatement({
      actions: ['states:DescribeExecution'],
      resources: machinesFor(nativesOf(config)).map((machine) => executionArns(scope, config.name, machine)),
    }),
  ],
  stopTask: (scope, { clusterName }) => [
    new PolicyStatement({
      actions: ['ecs:StopTask'],
      resources: [taskArns(scope, clusterName)],
      conditions: { ArnEquals: { 'ecs:cluster': clusterArn(scope, clusterName) } },
    }),
  ],
  mail: (scope, { config }) => [
    new PolicyStatement({
      actions: ['ses:SendEmail'],
      resources: mailIdentities(scope, config.mail),
      conditions: { StringEquals: { 'ses:FromAddress': config.mail.from } },
    }),
  ],
  events: (scope) => [
    new PolicyStatement({
      actions: ['events:PutEvents'],
      resources: [Stack.of(scope).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' })],
      // One request carries several events; "for all" holds of none too.
      conditions: {
        'ForAllValues:StringEquals': { 'events:source': [EVENT_SOURCE] },
        Null: { 'events:source': 'false' },
      },
    }),
  ],
  // PutMetricData knows no resources; the namespace is its only bound.
  metrics: () => [
    new PolicyStatement({
      actions: ['cloudwatch:PutMetricData'],
      resources: ['*'],
      conditions: { StringEquals: { 'cloudwatch:namespace': METRIC_NAMESPACE } },
    }),
  ],
};

const isNativeGrant = (grant: Grant): grant is NativeGrant => (NATIVE_GRANTS as readonly string[]).includes(grant);

/** Where tables are found by their tag, a right on any table must still not reach the catalog. */
const handsOffCatalog = ({ vault }: GrantFacts): PolicyStatement =>
  new PolicyStatement({
    effect: Effect.DENY,
    actions: [
      'dynamodb:DeleteTable',
      'dynamodb:UpdateTable',
      'dynamodb:RestoreTable*',
      'dynamodb:PutResourcePolicy',
      'dynamodb:DeleteResourcePolicy',
      'dynamodb:UpdateTimeToLive',
      'dynamodb:UpdateContinuousBackups',
      'dynamodb:DeleteBackup',
      'dynamodb:Scan',
    ],
    resources: [vault.catalog.tableArn, `${vault.catalog.tableArn}/*`],
  });

export function statementsOf(scope: Construct, grants: readonly Grant[], facts: GrantFacts): PolicyStatement[] {
  const statements = grants.flatMap((grant) =>
    isNativeGrant(grant) ? NATIVE_MEANING[grant](scope, facts.config) : MEANING[grant](scope, facts),
  );
  const anyTable = facts.config.discovery.engines.includes('dynamodb') && grants.some(isNativeGrant);
  return anyTable ? [...statements, handsOffCatalog(facts)] : statements;
}
