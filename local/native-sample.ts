/** A table and an RDS instance of the pretend account, with settings that a restore by hand would lose. */
import {
  CreateTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  BatchWriteItemCommand,
  ListTagsOfResourceCommand,
  paginateScan,
  UpdateContinuousBackupsCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { CreateDBInstanceCommand, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import type { ClientConfig } from './client.ts';

export const ORDERS = 'orders';
export const BILLING = 'billing';

export type Item = Record<string, AttributeValue>;
/** Of the RDS calls, which another emulator answers. */
export type RdsConfig = Pick<ClientConfig, 'region' | 'credentials'> & { readonly endpoint: string };

/** Items of the sample table, the same each time. */
export function orderItems(count: number): Item[] {
  const cities = ['Zürich', 'Lagos', 'Kraków', 'São Paulo', 'Osaka', 'Tromsø', 'Dublin', 'Pune'];
  return Array.from({ length: count }, (_, index) => ({
    id: { S: `order-${String(index).padStart(6, '0')}` },
    customer: { S: `customer-${index % 97}` },
    city: { S: cities[index % cities.length]! },
    cents: { N: String(100 + ((index * 7919) % 90_000)) },
    lines: { L: [{ M: { sku: { S: `sku-${index % 31}` }, amount: { N: String(1 + (index % 5)) } } }] },
    ...(index % 4 === 0 ? { expires: { N: String(1_900_000_000 + index) } } : {}),
  }));
}

/** Writes all items, 25 a request. */
export async function writeItems(client: DynamoDBClient, table: string, items: readonly Item[]): Promise<void> {
  for (let from = 0; from < items.length; from += 25) {
    const requests = items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests } }));
    if (Object.keys(UnprocessedItems ?? {}).length > 0) throw new Error(`${table} did not take all items`);
  }
}

/** Makes the table with an index, a stream, TTL, tags, point-in-time recovery and deletion protection, and fills it. */
export async function makeOrders(config: ClientConfig, items = 400, table = ORDERS): Promise<void> {
  const client = new DynamoDBClient(config);
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        AttributeDefinitions: [
          { AttributeName: 'id', AttributeType: 'S' },
          { AttributeName: 'customer', AttributeType: 'S' },
        ],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        GlobalSecondaryIndexes: [
          {
            IndexName: 'byCustomer',
            KeySchema: [{ AttributeName: 'customer', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'ALL' },
          },
        ],
        BillingMode: 'PAY_PER_REQUEST',
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
        DeletionProtectionEnabled: true,
        Tags: [
          { Key: 'team', Value: 'shop' },
          { Key: 'cost-center', Value: '4711' },
        ],
      }),
    );
    await waitUntilTableExists({ client, maxWaitTime: 60 }, { TableName: table });
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: table,
        TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
      }),
    );
    await client.send(
      new UpdateContinuousBackupsCommand({
        TableName: table,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    );
    await writeItems(client, table, orderItems(items));
  } finally {
    client.destroy();
  }
}

/** Every item by its key. */
export async function readItems(client: DynamoDBClient, table = ORDERS): Promise<Map<string, string>> {
  const items = new Map<string, string>();
  for await (const page of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    for (const item of page.Items ?? [])
      items.set(item.id?.S ?? '', JSON.stringify(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))));
  return items;
}

/** What a plain restore of a table resets, in words that can be compared. Read apart from the product's own reading. */
export async function tableSettings(client: DynamoDBClient, table = ORDERS): Promise<Record<string, unknown>> {
  const [{ Table }, backups, ttl] = await Promise.all([
    client.send(new DescribeTableCommand({ TableName: table })),
    client.send(new DescribeContinuousBackupsCommand({ TableName: table })),
    client.send(new DescribeTimeToLiveCommand({ TableName: table })),
  ]);
  const { Tags = [] } = await client.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }));
  return {
    keys: Table?.KeySchema,
    indexes: Table?.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
      IndexName,
      KeySchema,
      Projection,
    })),
    stream: Table?.StreamSpecification,
    deletionProtection: Table?.DeletionProtectionEnabled,
    pointInTimeRecovery:
      backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus,
    timeToLive: ttl.TimeToLiveDescription,
    tags: Tags.filter((tag) => !tag.Key?.startsWith('nightjar:')).sort((a, b) => (a.Key! < b.Key! ? -1 : 1)),
  };
}

/** Makes the instance; that emulator keeps settings, no data. */
export async function makeBilling(config: RdsConfig): Promise<void> {
  const client = new RDSClient(config);
  try {
    await client.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: BILLING,
        DBInstanceClass: 'db.t4g.medium',
        Engine: 'postgres',
        EngineVersion: '17.4',
        AllocatedStorage: 20,
        StorageType: 'gp3',
        MasterUsername: 'owner',
        MasterUserPassword: 'not-a-secret-here',
        BackupRetentionPeriod: 7,
        PreferredBackupWindow: '01:00-01:30',
        PreferredMaintenanceWindow: 'sun:03:00-sun:03:30',
        MultiAZ: true,
        CopyTagsToSnapshot: true,
        DeletionProtection: true,
        EnableIAMDatabaseAuthentication: true,
        Tags: [{ Key: 'team', Value: 'billing' }],
      }),
    );
  } finally {
    client.destroy();
  }
}

/** Under the name: which resource serves, and with what. */
export async function billingNow(
  config: RdsConfig,
): Promise<{ resourceId: string; settings: Record<string, unknown> }> {
  const client = new RDSClient(config);
  try {
    const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: BILLING }));
    const one = DBInstances?.[0];
    return {
      resourceId: one?.DbiResourceId ?? '',
      settings: {
        class: one?.DBInstanceClass,
        multiAz: one?.MultiAZ,
        retention: one?.BackupRetentionPeriod,
        deletionProtection: one?.DeletionProtection,
        copyTags: one?.CopyTagsToSnapshot,
        tags: one?.TagList?.filter((tag) => !tag.Key?.startsWith('nightjar:')),
      },
    };
  } finally {
    client.destroy();
  }
}
