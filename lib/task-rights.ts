/** What tasks may do: the vault one way or the other, their progress, their logins, and where their databases lie. */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { isDumpTarget, loginOf, mountOf, type Config, type DumpTarget } from '../core/config.ts';
import type { TaskKind } from '../core/job.ts';
import { CATALOG_KEY_ACTIONS, keyThrough } from './grants.ts';
import type { VaultFacts } from './vault-facts.ts';

/** Beyond either, a role's policy (10,240 characters) would not hold every secret's ARN. */
export const MAX_SECRETS_BY_ARN = 60;
const MAX_SECRET_CHARACTERS = 6_500;
/** Marks the secrets that tasks may read when there are too many to be named. */
export const READABLE_TAG = { key: 'nightjar:readable', value: 'true' } as const;

/** All that a task of this kind may do. */
export function taskRights(scope: Construct, kind: TaskKind, config: Config, vault: VaultFacts): PolicyStatement[] {
  return [
    ...vaultRights(scope, kind, vault),
    ...progressRights(scope, vault),
    ...secretRights(scope, kind, config),
    ...bucketRights(scope, kind, config),
    ...mountRights(scope, config),
    ...exchangeRights(scope, config),
  ];
}

function vaultRights(scope: Construct, kind: TaskKind, vault: VaultFacts): PolicyStatement[] {
  if (kind === 'dump')
    return [
      // Decrypt: a multipart upload decrypts its data key for every part.
      new PolicyStatement({
        actions: ['s3:PutObject', 's3:PutObjectTagging', 's3:AbortMultipartUpload'],
        resources: [vault.bucket.arnForObjects('*')],
      }),
      keyThrough(scope, vault, 's3', ['kms:GenerateDataKey', 'kms:Decrypt']),
    ];
  return [
    new PolicyStatement({
      actions: ['s3:GetObject', 's3:GetObjectVersion'],
      resources: [vault.bucket.arnForObjects('*')],
    }),
    // Without it S3 says "forbidden" of an object that is missing.
    new PolicyStatement({ actions: ['s3:ListBucket'], resources: [vault.bucket.bucketArn] }),
    keyThrough(scope, vault, 's3', ['kms:Decrypt']),
  ];
}

/** A task writes its own progress and nothing else into the catalog. */
function progressRights(scope: Construct, vault: VaultFacts): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: ['dynamodb:PutItem'],
      resources: [vault.catalog.tableArn],
      conditions: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['PROGRESS#*'] },
        // "For all" holds of no values too.
        Null: { 'dynamodb:LeadingKeys': 'false' },
      },
    }),
    keyThrough(scope, vault, 'dynamodb', CATALOG_KEY_ACTIONS),
  ];
}

/** Where a task logs in: to what it dumps, and to a restored server that it looks into. */
const loginsOf = (
  config: Config,
  kind: TaskKind,
): { readonly secret: string; readonly secretKey?: string | undefined }[] =>
  config.targets.flatMap((target) => {
    if (isDumpTarget(target)) return [...oneOf(loginOf(target)), ...(kind === 'restore' ? identityOf(target) : [])];
    return 'check' in target && target.check
      ? [{ secret: target.check.secret, secretKey: target.check.secretKey }]
      : [];
  });

const oneOf = <T>(value: T | undefined): T[] => (value === undefined ? [] : [value]);

/** What decrypts a target's backups: only what restores may read it. */
const identityOf = ({
  encryption,
}: DumpTarget): { readonly secret: string; readonly secretKey?: string | undefined }[] =>
  encryption ? [{ secret: encryption.identity, secretKey: encryption.identityKey }] : [];

function secretsOf(config: Config, kind: TaskKind): string[] {
  return [...new Set(loginsOf(config, kind).map((login) => login.secret))].sort();
}

export function secretsByTag(config: Config, kind: TaskKind): boolean {
  const secrets = secretsOf(config, kind);
  return secrets.length > MAX_SECRETS_BY_ARN || secrets.join().length > MAX_SECRET_CHARACTERS;
}

function secretRights(scope: Construct, kind: TaskKind, config: Config): PolicyStatement[] {
  const { region } = Stack.of(scope);
  const keys = [...new Set(loginsOf(config, kind).flatMap((login) => login.secretKey ?? []))].sort();
  const actions = ['secretsmanager:GetSecretValue'];
  // Only databases that AWS restores itself, and none of them looked into: no task logs in anywhere.
  if (secretsOf(config, kind).length === 0) return [];
  const statements = [
    secretsByTag(config, kind)
      ? new PolicyStatement({
          actions,
          resources: [Stack.of(scope).formatArn({ service: 'secretsmanager', resource: 'secret:*' })],
          conditions: { StringEquals: { [`aws:ResourceTag/${READABLE_TAG.key}`]: READABLE_TAG.value } },
        })
      : new PolicyStatement({ actions, resources: secretsOf(config, kind) }),
  ];
  if (keys.length > 0)
    statements.push(
      new PolicyStatement({
        actions: ['kms:Decrypt'],
        resources: keys,
        conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` } },
      }),
    );
  return statements;
}

/** Databases that are objects: read to be dumped; written, kept aside and dropped by a restore. */
function bucketRights(scope: Construct, kind: TaskKind, config: Config): PolicyStatement[] {
  const places = config.targets.flatMap((target) =>
    isDumpTarget(target) && 'storage' in target && 's3' in target.storage ? [target.storage.s3] : [],
  );
  if (places.length === 0) return [];
  const { partition } = Stack.of(scope);
  const objects = distinct(places.map(({ bucket, prefix }) => `arn:${partition}:s3:::${bucket}/${prefix}*`));
  const buckets = distinct(places.map(({ bucket }) => `arn:${partition}:s3:::${bucket}`));
  const reads = ['s3:GetObject', 's3:GetObjectVersion'];
  return [
    new PolicyStatement({
      actions: kind === 'dump' ? reads : [...reads, 's3:PutObject', 's3:AbortMultipartUpload', 's3:DeleteObject'],
      resources: objects,
    }),
    new PolicyStatement({ actions: ['s3:ListBucket'], resources: buckets }),
  ];
}

/** A backup writes too: a lock, and what a crashed writer left half done is rolled back by whoever opens the file next. */
function mountRights(scope: Construct, config: Config): PolicyStatement[] {
  const stack = Stack.of(scope);
  return mountsOf(config).map(
    ({ fileSystem, accessPoint }) =>
      new PolicyStatement({
        actions: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
        resources: [
          stack.formatArn({ service: 'elasticfilesystem', resource: 'file-system', resourceName: fileSystem }),
        ],
        conditions: {
          StringEquals: {
            'elasticfilesystem:AccessPointArn': stack.formatArn({
              service: 'elasticfilesystem',
              resource: 'access-point',
              resourceName: accessPoint,
            }),
          },
        },
      }),
  );
}

/** Servers that write their backup into a bucket themselves: with a key that the task makes and throws away. */
function exchangeRights(scope: Construct, config: Config): PolicyStatement[] {
  const exchanges = config.targets.flatMap((target) =>
    isDumpTarget(target) && 'exchange' in target ? [target.exchange] : [],
  );
  if (exchanges.length === 0) return [];
  const stack = Stack.of(scope);
  return [
    new PolicyStatement({
      actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:AbortMultipartUpload', 's3:DeleteObject'],
      resources: distinct(exchanges.map(({ bucket, prefix }) => `arn:${stack.partition}:s3:::${bucket}/${prefix}*`)),
    }),
    // Without it S3 says "forbidden" of an object that is missing.
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: distinct(exchanges.map(({ bucket }) => `arn:${stack.partition}:s3:::${bucket}`)),
    }),
    new PolicyStatement({
      actions: ['iam:CreateAccessKey', 'iam:DeleteAccessKey', 'iam:ListAccessKeys'],
      resources: distinct(
        exchanges.map(({ user }) =>
          stack.formatArn({ service: 'iam', region: '', resource: 'user', resourceName: user }),
        ),
      ),
    }),
  ];
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort();

/** File systems that tasks mount, each through an access point. */
export function mountsOf(config: Config): { readonly fileSystem: string; readonly accessPoint: string }[] {
  const found = new Map<string, { fileSystem: string; accessPoint: string }>();
  for (const target of config.targets) {
    const mount = mountOf(target);
    if (mount) found.set(mount.accessPoint, { fileSystem: mount.fileSystem, accessPoint: mount.accessPoint });
  }
  return [...found.values()].sort((one, other) => one.accessPoint.localeCompare(other.accessPoint));
}
