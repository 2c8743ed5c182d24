/** The AWS calls that only `doctor` makes: each looks at one thing, so that a missing right hides no other. */
import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { DescribeContinuousBackupsCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeAccountAttributesCommand } from '@aws-sdk/client-rds';
import { DescribeKeyCommand, GetKeyRotationStatusCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  GetBucketEncryptionCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { GetScheduleCommand, SchedulerClient, paginateListSchedules } from '@aws-sdk/client-scheduler';
import { DescribeSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetAccountCommand, GetEmailIdentityCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { SNSClient, paginateListSubscriptionsByTopic } from '@aws-sdk/client-sns';
import { rdsClients } from '../../services/clients.ts';
import { CLIENT_OPTIONS, s3Client } from '../../stores/clients.ts';

export interface ScheduleFacts {
  readonly name: string;
  readonly enabled: boolean;
  /** `cron(…)` or `rate(…)`. */
  readonly expression: string;
  readonly timeZone: string;
  readonly targetArn: string;
}

export interface DoctorCalls {
  bucketVersioned(bucket: string): Promise<boolean>;
  /** The key of the default encryption; undefined when it is not SSE-KMS. */
  bucketKey(bucket: string): Promise<string | undefined>;
  bucketPrivate(bucket: string): Promise<boolean>;
  key(arn: string): Promise<{ state: string; rotates: boolean }>;
  tableProtected(table: string): Promise<boolean>;
  tablePointInTime(table: string): Promise<boolean>;
  /** Those whose name begins so. */
  schedules(prefix: string): Promise<ScheduleFacts[]>;
  /** Undefined when there is none; `deleted` while it can still be brought back. */
  secret(arn: string): Promise<{ deleted: boolean } | undefined>;
  /** Never answers with the value: only whether it is JSON with user and password. */
  secretIsLogin(arn: string): Promise<boolean>;
  mail(): Promise<{ sandbox: boolean; sending: boolean }>;
  /** Whether SES may use this address or domain; undefined when it does not know it. */
  identityVerified(identity: string): Promise<boolean | undefined>;
  /** Of the stack's alarm topics. */
  subscriptions(stack: string): Promise<{ topic: string; endpoint: string; confirmed: boolean }[]>;
  /** Fargate's On-Demand vCPUs in this region. */
  fargateVcpus(): Promise<number>;
  /** Quotas of RDS by RDS's own names for them, such as `ManualSnapshots`; of this region unless another is named. */
  rdsQuotas(region?: string): Promise<Readonly<Record<string, { readonly used: number; readonly max: number }>>>;
}

/** Service Quotas' names for "Fargate On-Demand vCPU resource count". */
const FARGATE_QUOTA = { ServiceCode: 'fargate', QuotaCode: 'L-3032A538' } as const;

const named = (error: unknown, ...names: string[]): boolean => error instanceof Error && names.includes(error.name);

/** S3 throws where a setting was never made. */
async function unlessUnset<T>(name: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (named(error, name)) return undefined;
    throw error;
  }
}

export function doctorCalls(): DoctorCalls {
  const made = new Map<unknown, unknown>();
  function client<C>(Kind: new (settings: typeof CLIENT_OPTIONS) => C): C {
    if (!made.has(Kind)) made.set(Kind, new Kind({ ...CLIENT_OPTIONS }));
    return made.get(Kind) as C;
  }
  const s3 = (): ReturnType<typeof s3Client> => {
    if (!made.has(s3Client)) made.set(s3Client, s3Client());
    return made.get(s3Client) as ReturnType<typeof s3Client>;
  };
  let rds: ReturnType<typeof rdsClients> | undefined;
  return {
    async bucketVersioned(bucket) {
      return (await s3().send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status === 'Enabled';
    },
    async bucketKey(bucket) {
      const answer = await unlessUnset('ServerSideEncryptionConfigurationNotFoundError', () =>
        s3().send(new GetBucketEncryptionCommand({ Bucket: bucket })),
      );
      const rule = answer?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
      return rule?.SSEAlgorithm === 'aws:kms' ? rule.KMSMasterKeyID : undefined;
    },
    async bucketPrivate(bucket) {
      const answer = await unlessUnset('NoSuchPublicAccessBlockConfiguration', () =>
        s3().send(new GetPublicAccessBlockCommand({ Bucket: bucket })),
      );
      const block = answer?.PublicAccessBlockConfiguration ?? {};
      return [
        block.BlockPublicAcls,
        block.BlockPublicPolicy,
        block.IgnorePublicAcls,
        block.RestrictPublicBuckets,
      ].every((one) => one === true);
    },
    async key(arn) {
      const kms = client(KMSClient);
      const [{ KeyMetadata }, { KeyRotationEnabled }] = await Promise.all([
        kms.send(new DescribeKeyCommand({ KeyId: arn })),
        kms.send(new GetKeyRotationStatusCommand({ KeyId: arn })),
      ]);
      return { state: KeyMetadata?.KeyState ?? 'unknown', rotates: KeyRotationEnabled === true };
    },
    async tableProtected(table) {
      const { Table } = await client(DynamoDBClient).send(new DescribeTableCommand({ TableName: table }));
      return Table?.DeletionProtectionEnabled === true;
    },
    async tablePointInTime(table) {
      const { ContinuousBackupsDescription } = await client(DynamoDBClient).send(
        new DescribeContinuousBackupsCommand({ TableName: table }),
      );
      return ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === 'ENABLED';
    },
    async schedules(prefix) {
      const scheduler = client(SchedulerClient);
      const found: ScheduleFacts[] = [];
      for await (const page of paginateListSchedules({ client: scheduler }, { NamePrefix: prefix }))
        for (const one of page.Schedules ?? []) {
          const schedule = await scheduler.send(new GetScheduleCommand({ Name: one.Name, GroupName: one.GroupName }));
          found.push({
            name: one.Name ?? '',
            enabled: schedule.State === 'ENABLED',
            expression: schedule.ScheduleExpression ?? '',
            timeZone: schedule.ScheduleExpressionTimezone ?? 'UTC',
            targetArn: schedule.Target?.Arn ?? '',
          });
        }
      return found;
    },
    async secret(arn) {
      try {
        const secret = await client(SecretsManagerClient).send(new DescribeSecretCommand({ SecretId: arn }));
        return { deleted: secret.DeletedDate !== undefined };
      } catch (error) {
        if (named(error, 'ResourceNotFoundException')) return undefined;
        throw error;
      }
    },
    async secretIsLogin(arn) {
      const { SecretString } = await client(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId: arn }));
      try {
        const { username, password } = JSON.parse(SecretString ?? '') as Record<string, unknown>;
        return typeof username === 'string' && username !== '' && typeof password === 'string' && password !== '';
      } catch {
        // Not JSON: that is the answer, and the parser's own words could quote the secret.
        return false;
      }
    },
    async mail() {
      const account = await client(SESv2Client).send(new GetAccountCommand({}));
      return { sandbox: account.ProductionAccessEnabled !== true, sending: account.SendingEnabled === true };
    },
    async identityVerified(identity) {
      try {
        const found = await client(SESv2Client).send(new GetEmailIdentityCommand({ EmailIdentity: identity }));
        return found.VerifiedForSendingStatus === true;
      } catch (error) {
        if (named(error, 'NotFoundException')) return undefined;
        throw error;
      }
    },
    async subscriptions(stack) {
      const topics: string[] = [];
      for await (const page of paginateListStackResources(
        { client: client(CloudFormationClient) },
        { StackName: stack },
      ))
        for (const one of page.StackResourceSummaries ?? [])
          if (one.ResourceType === 'AWS::SNS::Topic' && one.PhysicalResourceId) topics.push(one.PhysicalResourceId);
      const found: { topic: string; endpoint: string; confirmed: boolean }[] = [];
      for (const topic of topics)
        for await (const page of paginateListSubscriptionsByTopic({ client: client(SNSClient) }, { TopicArn: topic }))
          for (const one of page.Subscriptions ?? [])
            found.push({
              topic,
              endpoint: one.Endpoint ?? '',
              confirmed: one.SubscriptionArn?.startsWith('arn:') === true,
            });
      return found;
    },
    async fargateVcpus() {
      const { Quota } = await client(ServiceQuotasClient).send(new GetServiceQuotaCommand(FARGATE_QUOTA));
      if (Quota?.Value === undefined) throw new Error('Service Quotas answered without a value.');
      return Quota.Value;
    },
    async rdsQuotas(region) {
      const { AccountQuotas = [] } = await (rds ??= rdsClients(CLIENT_OPTIONS))(region).send(
        new DescribeAccountAttributesCommand({}),
      );
      return Object.fromEntries(
        AccountQuotas.map((one) => [one.AccountQuotaName ?? '', { used: one.Used ?? 0, max: one.Max ?? 0 }]),
      );
    },
  };
}
