import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { EnableKeyRotationCommand, GetKeyRotationStatusCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
  type LifecycleRule,
  type ObjectLockConfiguration,
  type ServerSideEncryptionConfiguration,
} from '@aws-sdk/client-s3';
import type { Account } from './account.ts';
import { declaredResources, text, type DeclaredResource, type Json, type Properties } from './template.ts';

/** One property that was asked for and is not there. */
export class NotSettled extends Error {
  constructor(problems: readonly string[]) {
    super(`the account does not have what the templates declare:\n${problems.map((one) => `  ${one}`).join('\n')}`);
    this.name = 'NotSettled';
  }
}

interface Clients {
  s3: S3Client;
  dynamodb: DynamoDBClient;
  kms: KMSClient;
  logs: CloudWatchLogsClient;
}

/** Brings one declared property about, and tells what is there afterwards in the same words. */
interface Setting {
  what: string;
  wanted: unknown;
  apply?: () => Promise<unknown>;
  found: () => Promise<unknown>;
}

const properties = (value: Json | undefined): Properties | undefined =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
const list = (value: Json | undefined): Properties[] => (Array.isArray(value) ? (value as Properties[]) : []);

/** Undefined instead of the error that means "none is set". */
async function orNone<T>(ask: Promise<T>): Promise<T | undefined> {
  try {
    return await ask;
  } catch (error) {
    if (/NotFound|NoSuch/.test((error as Error).name)) return undefined;
    throw error;
  }
}

/** CloudFormation's spelling of a lifecycle rule in the API's. */
function lifecycleRule(rule: Properties, index: number): LifecycleRule {
  const tags = list(rule.TagFilters).map(({ Key, Value }) => ({ Key: text(Key), Value: text(Value) }));
  const prefix = rule.Prefix === undefined ? undefined : text(rule.Prefix);
  const sizes = {
    ...(rule.ObjectSizeGreaterThan === undefined ? {} : { ObjectSizeGreaterThan: Number(rule.ObjectSizeGreaterThan) }),
    ...(rule.ObjectSizeLessThan === undefined ? {} : { ObjectSizeLessThan: Number(rule.ObjectSizeLessThan) }),
  };
  const [tag] = tags;
  const conditions = tags.length + (prefix === undefined ? 0 : 1) + Object.keys(sizes).length;
  const filter =
    conditions > 1
      ? { And: { ...(prefix === undefined ? {} : { Prefix: prefix }), ...(tag ? { Tags: tags } : {}), ...sizes } }
      : { ...(tag ? { Tag: tag } : { Prefix: prefix ?? '' }), ...sizes };
  const abort = properties(rule.AbortIncompleteMultipartUpload);
  const noncurrent = properties(rule.NoncurrentVersionExpiration);
  const expiration = {
    ...(rule.ExpirationInDays === undefined ? {} : { Days: Number(rule.ExpirationInDays) }),
    ...(rule.ExpiredObjectDeleteMarker === undefined
      ? {}
      : { ExpiredObjectDeleteMarker: Boolean(rule.ExpiredObjectDeleteMarker) }),
  };
  const transitions = list(rule.Transitions);
  const noncurrentTransitions = list(rule.NoncurrentVersionTransitions);
  return {
    ID: rule.Id === undefined ? `rule-${index + 1}` : text(rule.Id),
    Status: rule.Status === 'Disabled' ? 'Disabled' : 'Enabled',
    Filter: filter,
    ...(abort ? { AbortIncompleteMultipartUpload: { DaysAfterInitiation: Number(abort.DaysAfterInitiation) } } : {}),
    ...(Object.keys(expiration).length > 0 ? { Expiration: expiration } : {}),
    ...(noncurrent
      ? {
          NoncurrentVersionExpiration: {
            NoncurrentDays: Number(noncurrent.NoncurrentDays),
            ...(noncurrent.NewerNoncurrentVersions === undefined
              ? {}
              : { NewerNoncurrentVersions: Number(noncurrent.NewerNoncurrentVersions) }),
          },
        }
      : {}),
    ...(transitions.length > 0
      ? {
          Transitions: transitions.map((one) => ({
            StorageClass: text(one.StorageClass) as 'GLACIER',
            Days: Number(one.TransitionInDays),
          })),
        }
      : {}),
    ...(noncurrentTransitions.length > 0
      ? {
          NoncurrentVersionTransitions: noncurrentTransitions.map((one) => ({
            StorageClass: text(one.StorageClass) as 'GLACIER',
            NoncurrentDays: Number(one.TransitionInDays),
          })),
        }
      : {}),
  };
}

function bucketSettings(resource: DeclaredResource, { s3 }: Clients): Setting[] {
  const Bucket = resource.physicalId;
  const settings: Setting[] = [];

  const encryption = properties(resource.property('BucketEncryption'));
  if (encryption) {
    const rules = list(encryption.ServerSideEncryptionConfiguration).map((rule) => ({
      ApplyServerSideEncryptionByDefault: properties(rule.ServerSideEncryptionByDefault),
      BucketKeyEnabled: rule.BucketKeyEnabled === true,
    }));
    settings.push({
      what: 'encryption',
      // The emulator does not give BucketKeyEnabled back.
      wanted: rules.map((rule) => rule.ApplyServerSideEncryptionByDefault),
      apply: () =>
        s3.send(
          new PutBucketEncryptionCommand({
            Bucket,
            ServerSideEncryptionConfiguration: { Rules: rules } as unknown as ServerSideEncryptionConfiguration,
          }),
        ),
      found: async () =>
        (
          await orNone(s3.send(new GetBucketEncryptionCommand({ Bucket })))
        )?.ServerSideEncryptionConfiguration?.Rules?.map((rule) => rule.ApplyServerSideEncryptionByDefault),
    });
  }

  const lifecycle = properties(resource.property('LifecycleConfiguration'));
  if (lifecycle) {
    const Rules = list(lifecycle.Rules).map(lifecycleRule);
    settings.push({
      what: 'lifecycle',
      wanted: Rules,
      apply: () => s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } })),
      found: async () => (await orNone(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))))?.Rules,
    });
  }

  const lock = properties(resource.property('ObjectLockConfiguration'));
  if (lock || resource.property('ObjectLockEnabled') === true) {
    const wanted = { ObjectLockEnabled: 'Enabled', ...(lock?.Rule ? { Rule: lock.Rule } : {}) };
    settings.push({
      what: 'Object Lock',
      wanted,
      apply: () =>
        s3.send(
          new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: wanted as ObjectLockConfiguration }),
        ),
      found: async () =>
        (await orNone(s3.send(new GetObjectLockConfigurationCommand({ Bucket }))))?.ObjectLockConfiguration,
    });
  }

  const versioning = properties(resource.property('VersioningConfiguration'));
  if (versioning)
    settings.push({
      what: 'versioning',
      wanted: versioning.Status,
      found: async () => (await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status,
    });

  const access = properties(resource.property('PublicAccessBlockConfiguration'));
  if (access)
    settings.push({
      what: 'public access block',
      wanted: access,
      found: async () =>
        (await orNone(s3.send(new GetPublicAccessBlockCommand({ Bucket }))))?.PublicAccessBlockConfiguration,
    });
  return settings;
}

function policySettings(resource: DeclaredResource, { s3 }: Clients): Setting[] {
  const Bucket = text(resource.property('Bucket'));
  return [
    {
      what: `policy of ${Bucket}`,
      wanted: true,
      found: async () => (await orNone(s3.send(new GetBucketPolicyCommand({ Bucket }))))?.Policy !== undefined,
    },
  ];
}

function tableSettings(resource: DeclaredResource, { dynamodb }: Clients, region: string): Setting[] {
  const TableName = resource.physicalId;
  const replica = list(resource.property('Replicas')).find((one) => one.Region === region);
  const of = (name: string) => replica?.[name] ?? resource.property(name);
  const table = async () => (await dynamodb.send(new DescribeTableCommand({ TableName }))).Table;
  const settings: Setting[] = [];

  const recovery = properties(of('PointInTimeRecoverySpecification'));
  if (recovery?.PointInTimeRecoveryEnabled === true)
    settings.push({
      what: 'point-in-time recovery',
      wanted: 'ENABLED',
      apply: () =>
        dynamodb.send(
          new UpdateContinuousBackupsCommand({
            TableName,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          }),
        ),
      found: async () =>
        (await dynamodb.send(new DescribeContinuousBackupsCommand({ TableName }))).ContinuousBackupsDescription
          ?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus,
    });

  const expiry = properties(resource.property('TimeToLiveSpecification'));
  if (expiry?.Enabled === true) {
    const AttributeName = text(expiry.AttributeName);
    const found = async () => {
      const { TimeToLiveDescription } = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName }));
      return TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED' ? TimeToLiveDescription.AttributeName : undefined;
    };
    settings.push({
      what: 'time to live',
      wanted: AttributeName,
      apply: () =>
        dynamodb.send(
          new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { Enabled: true, AttributeName } }),
        ),
      found,
    });
  }

  const encryption = properties(resource.property('SSESpecification'));
  if (encryption?.SSEEnabled === true && encryption.SSEType === 'KMS') {
    const key = properties(replica?.SSESpecification)?.KMSMasterKeyId ?? encryption.KMSMasterKeyId;
    const KMSMasterKeyId = key === undefined ? undefined : text(key);
    settings.push({
      what: 'encryption',
      wanted: { type: 'KMS', ...(KMSMasterKeyId ? { key: KMSMasterKeyId } : {}) },
      apply: () =>
        dynamodb.send(
          new UpdateTableCommand({ TableName, SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId } }),
        ),
      found: async () => {
        const told = (await table())?.SSEDescription;
        return { type: told?.SSEType, ...(KMSMasterKeyId ? { key: told?.KMSMasterKeyArn } : {}) };
      },
    });
  }

  if (of('DeletionProtectionEnabled') === true)
    settings.push({
      what: 'deletion protection',
      wanted: true,
      apply: () => dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: true })),
      found: async () => (await table())?.DeletionProtectionEnabled,
    });
  return settings;
}

function keySettings(resource: DeclaredResource, { kms }: Clients): Setting[] {
  const KeyId = resource.physicalId;
  if (resource.property('EnableKeyRotation') !== true) return [];
  return [
    {
      what: 'rotation',
      wanted: true,
      apply: () => kms.send(new EnableKeyRotationCommand({ KeyId })),
      found: async () => (await kms.send(new GetKeyRotationStatusCommand({ KeyId }))).KeyRotationEnabled,
    },
  ];
}

function logGroupSettings(resource: DeclaredResource, { logs }: Clients): Setting[] {
  const logGroupName = resource.physicalId;
  const days = resource.property('RetentionInDays');
  if (days === undefined) return [];
  return [
    {
      what: 'retention',
      wanted: days,
      apply: () => logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: Number(days) })),
      found: async () => {
        const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
        return logGroups.find((one) => one.logGroupName === logGroupName)?.retentionInDays;
      },
    },
  ];
}

const SETTINGS: Record<string, (resource: DeclaredResource, clients: Clients, region: string) => Setting[]> = {
  'AWS::S3::Bucket': bucketSettings,
  'AWS::S3::BucketPolicy': policySettings,
  'AWS::DynamoDB::Table': tableSettings,
  'AWS::DynamoDB::GlobalTable': tableSettings,
  'AWS::KMS::Key': keySettings,
  'AWS::Logs::LogGroup': logGroupSettings,
};

/** Whether all that was wanted was found; the API may say more than it was told, such as defaults. */
function holds(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(found) && found.length === wanted.length && wanted.every((one, index) => holds(found[index], one))
    );
  if (wanted === null || typeof wanted !== 'object') return found === wanted;
  if (found === null || typeof found !== 'object') return false;
  return Object.entries(wanted).every(
    ([key, inner]) => inner === undefined || holds((found as Record<string, unknown>)[key], inner),
  );
}

/**
 * Gives the deployed resources what the templates declare and the emulator's CloudFormation drops, by public API calls.
 * Returns what had to be done, as `<logical id>: <what>`.
 *
 * @throws NotSettled when something is not there afterwards.
 */
export async function settle(
  cdkOut: string,
  account: Pick<Account, 'clientConfig' | 'region' | 'accountId'>,
): Promise<string[]> {
  const { clientConfig, region, accountId } = account;
  const clients: Clients = {
    s3: new S3Client(clientConfig),
    dynamodb: new DynamoDBClient(clientConfig),
    kms: new KMSClient(clientConfig),
    logs: new CloudWatchLogsClient(clientConfig),
  };
  const done: string[] = [];
  const problems: string[] = [];
  for (const resource of await declaredResources(cdkOut, clientConfig, region, accountId)) {
    for (const setting of SETTINGS[resource.type]?.(resource, clients, region) ?? []) {
      const name = `${resource.logicalId}: ${setting.what}`;
      const right = async () => holds(await setting.found(), setting.wanted);
      if (await right()) continue;
      await setting.apply?.();
      if (await right()) done.push(name);
      else
        problems.push(
          `${name}: wanted ${JSON.stringify(setting.wanted)}, found ${JSON.stringify(await setting.found())}`,
        );
    }
  }
  Object.values(clients).forEach((client: { destroy(): void }) => client.destroy());
  if (problems.length > 0) throw new NotSettled(problems);
  return done;
}
