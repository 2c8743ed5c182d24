/** A pretend account with tables in it, for the tests of DynamoDB's service. */
import {
  CreateBackupCommand,
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  PutItemCommand,
  PutResourcePolicyCommand,
  UpdateContinuousBackupsCommand,
  UpdateContributorInsightsCommand,
  UpdateTimeToLiveCommand,
  type CreateTableCommandInput,
} from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll } from 'vitest';
import { ACCOUNT_ID, REGION, startAccount, type Account } from '../../local/account.ts';
import type { TableService } from '../../core/native.ts';
import { dynamoService } from '../../services/dynamodb.ts';
import { applyScaling } from '../../services/dynamodb-scaling.ts';
import type { NativeHarness } from '../contracts/native.ts';
import { judged, type ApiRequest } from '../support/api-model.ts';
import { fakeScaling, type FakeScaling } from '../support/fake-scaling.ts';

export const KEY_ARN = `arn:aws:kms:${REGION}:${ACCOUNT_ID}:key/11111111-2222-3333-4444-555555555555`;
export const arnOf = (table: string): string => `arn:aws:dynamodb:${REGION}:${ACCOUNT_ID}:table/${table}`;
export const sleep = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

export interface Tables extends NativeHarness {
  readonly account: Account;
  readonly service: TableService;
  /** Unjudged: for what the tests themselves do. */
  readonly client: DynamoDBClient;
  readonly lambda: LambdaClient;
  readonly scaling: FakeScaling;
  readonly requests: ApiRequest[];
  create(name: string, more?: Partial<CreateTableCommandInput>): Promise<void>;
  put(table: string, pk: string, more?: Record<string, { S: string } | { N: string }>): Promise<void>;
}

/** A policy that names the table, its indexes and nobody new. */
export const policyOf = (table: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'Readers',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT_ID}:root` },
        Action: ['dynamodb:GetItem', 'dynamodb:Query'],
        Resource: [arnOf(table), `${arnOf(table)}/index/*`],
      },
    ],
  });

/** As little left at its default as a table allows. */
const FULL: Omit<CreateTableCommandInput, 'TableName'> = {
  BillingMode: 'PROVISIONED',
  ProvisionedThroughput: { ReadCapacityUnits: 7, WriteCapacityUnits: 3 },
  AttributeDefinitions: ['pk', 'sk', 'owner', 'day'].map((one) => ({ AttributeName: one, AttributeType: 'S' })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: 'by-day',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'day', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'by-owner',
      KeySchema: [{ AttributeName: 'owner', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['total', 'day'] },
      ProvisionedThroughput: { ReadCapacityUnits: 4, WriteCapacityUnits: 2 },
    },
  ],
  StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
  SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: KEY_ARN },
  TableClass: 'STANDARD_INFREQUENT_ACCESS',
  DeletionProtectionEnabled: true,
};

const tagList = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

export async function startTables(): Promise<Tables> {
  const account = await startAccount();
  afterAll(() => account.stop(), 30_000);
  const client = new DynamoDBClient({ ...account.clientConfig });
  const lambda = new LambdaClient({ ...account.clientConfig });
  const scaling = fakeScaling();
  const requests: ApiRequest[] = [];
  const service = dynamoService(
    {
      dynamodb: judged(new DynamoDBClient({ ...account.clientConfig }), 'dynamodb', requests),
      lambda: judged(new LambdaClient({ ...account.clientConfig }), 'lambda', requests),
      scaling: scaling.client,
    },
    { tries: 3, milliseconds: 50 },
  );

  const create = async (name: string, more: Partial<CreateTableCommandInput> = {}): Promise<void> => {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        ...more,
      }),
    );
  };
  const pitr = (TableName: string, days: number) =>
    client.send(
      new UpdateContinuousBackupsCommand({
        TableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: days },
      }),
    );

  return {
    account,
    service,
    client,
    lambda,
    scaling,
    requests,
    create,
    put: async (TableName, pk, more = {}) => {
      await client.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, ...more } }));
    },
    make: async (TableName, tags) => {
      await create(TableName, { ...FULL, Tags: tagList(tags) });
      await pitr(TableName, 14);
      const TimeToLiveSpecification = { Enabled: true, AttributeName: 'until' };
      await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
      for (const IndexName of [undefined, 'by-owner'])
        await client.send(
          new UpdateContributorInsightsCommand({ TableName, IndexName, ContributorInsightsAction: 'ENABLE' }),
        );
      await client.send(new PutResourcePolicyCommand({ ResourceArn: arnOf(TableName), Policy: policyOf(TableName) }));
      await applyScaling(scaling.client, TableName, [
        {
          On: 'table',
          ScalableDimension: 'dynamodb:table:ReadCapacityUnits',
          MinCapacity: 5,
          MaxCapacity: 50,
          Policies: [
            {
              PolicyName: 'DynamoDBReadCapacityUtilization:<resource>',
              PolicyType: 'TargetTrackingScaling',
              TargetTrackingScalingPolicyConfiguration: {
                TargetValue: 70,
                PredefinedMetricSpecification: { PredefinedMetricType: 'DynamoDBReadCapacityUtilization' },
              },
            },
          ],
          ScheduledActions: [
            {
              ScheduledActionName: 'mornings',
              Schedule: 'cron(0 7 * * ? *)',
              ScalableTargetAction: { MinCapacity: 10 },
              StartTime: '2030-01-01T00:00:00.000Z',
            },
          ],
        },
      ]);
    },
    makeWithoutPitr: (name) => create(name),
    pass: () => sleep(150),
    foreignPoint: async (TableName) => {
      const made = await client.send(new CreateBackupCommand({ TableName, BackupName: 'by-hand' }));
      return made.BackupDetails!.BackupArn!;
    },
  };
}

/** Id of the table that has the name now. */
export const idOf = async (client: DynamoDBClient, TableName: string): Promise<string | undefined> =>
  (await client.send(new DescribeTableCommand({ TableName }))).Table?.TableId;
