import {
  BatchWriteItemCommand,
  CreateBackupCommand,
  CreateTableCommand,
  DeleteBackupCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeBackupCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetResourcePolicyCommand,
  ListBackupsCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  PutResourcePolicyCommand,
  RestoreTableFromBackupCommand,
  RestoreTableToPointInTimeCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateContinuousBackupsCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAccount, type Account } from '../../local/account.ts';
import { sleep, until } from './toy.ts';

let account: Account;
let client: DynamoDBClient;
let number = 0;
beforeAll(async () => {
  account = await startAccount();
  client = new DynamoDBClient(account.clientConfig);
}, 60_000);
afterAll(() => account?.stop(), 30_000);

const arnOf = (table: string) => `arn:aws:dynamodb:${account.region}:${account.accountId}:table/${table}`;
const pitr = (TableName: string, PointInTimeRecoveryEnabled = true, RecoveryPeriodInDays?: number) =>
  client.send(
    new UpdateContinuousBackupsCommand({
      TableName,
      PointInTimeRecoverySpecification: {
        PointInTimeRecoveryEnabled,
        ...(RecoveryPeriodInDays ? { RecoveryPeriodInDays } : {}),
      },
    }),
  );
async function table(more: object = {}): Promise<string> {
  const TableName = `table-${(number += 1)}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      ...more,
    }),
  );
  return TableName;
}
const put = (TableName: string, pk: string, v: string) =>
  client.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, v: { S: v } } }));
async function items(TableName: string): Promise<Record<string, string>> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName }));
  return Object.fromEntries(Items.map((one) => [one.pk!.S!, one.v?.S ?? '']));
}
const describeTable = async (TableName: string) => (await client.send(new DescribeTableCommand({ TableName }))).Table!;
const active = (name: string) =>
  until(async () => ((await describeTable(name)).TableStatus === 'ACTIVE' ? true : undefined), `${name} to be active`);
async function restored(SourceTableName: string, at?: Date): Promise<string> {
  const TargetTableName = `restored-${(number += 1)}`;
  const when = at ? { RestoreDateTime: at } : { UseLatestRestorableTime: true };
  await client.send(new RestoreTableToPointInTimeCommand({ SourceTableName, TargetTableName, ...when }));
  await active(TargetTableName);
  return TargetTableName;
}
/** A moment that no change shares. */
async function now(): Promise<Date> {
  await sleep(20);
  const moment = new Date();
  await sleep(20);
  return moment;
}

describe('point-in-time recovery', () => {
  test('brings the items back as they were at the moment, whatever changed them since', async () => {
    const name = await table();
    await put(name, 'kept', 'before pitr');
    await pitr(name);
    for (const pk of ['put', 'update', 'delete', 'batch', 'transact', 'partiql']) await put(name, pk, 'good');
    const good = await items(name);
    const moment = await now();
    const Key = (pk: string) => ({ pk: { S: pk } });
    const bad = { ':bad': { S: 'bad' } };
    await put(name, 'put', 'bad');
    const update = { TableName: name, UpdateExpression: 'SET v = :bad', ExpressionAttributeValues: bad };
    await client.send(new UpdateItemCommand({ ...update, Key: Key('update') }));
    await client.send(new UpdateItemCommand({ ...update, Key: Key('made by update') }));
    await client.send(new DeleteItemCommand({ TableName: name, Key: Key('delete') }));
    const Item = { pk: { S: 'batch' }, v: { S: 'bad' } };
    await client.send(new BatchWriteItemCommand({ RequestItems: { [name]: [{ PutRequest: { Item } }] } }));
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Delete: { TableName: name, Key: Key('transact') } },
          { Update: { ...update, Key: Key('kept') } },
        ],
      }),
    );
    await client.send(new ExecuteStatementCommand({ Statement: `DELETE FROM "${name}" WHERE pk = 'partiql'` }));
    const later = await now();
    await put(name, 'later', 'still');
    expect(await items(await restored(name, moment))).toEqual(good);
    const spoilt = await items(await restored(name, later));
    expect(spoilt).toMatchObject({ put: 'bad', update: 'bad', kept: 'bad', 'made by update': 'bad' });
    expect(Object.keys(spoilt)).not.toContain('later');
    expect(await items(await restored(name))).toEqual(await items(name));
  });

  test('refuses moments outside of its window, and a table where it is off', async () => {
    const name = await table();
    await expect(restored(name)).rejects.toMatchObject({ name: 'PointInTimeRecoveryUnavailableException' });
    const early = await now();
    await pitr(name);
    for (const at of [early, new Date(Date.now() + 60_000)])
      await expect(restored(name, at)).rejects.toMatchObject({ name: 'InvalidRestoreTimeException' });
    const on = await now();
    await pitr(name, false);
    await pitr(name);
    // Off and on again: what was before can't be reached any more.
    await expect(restored(name, on)).rejects.toMatchObject({ name: 'InvalidRestoreTimeException' });
  });

  test('tells its period and a window that begins when it was switched on', async () => {
    const name = await table();
    const before = Date.now();
    await pitr(name, true, 9);
    const { ContinuousBackupsDescription: found } = await client.send(
      new DescribeContinuousBackupsCommand({ TableName: name }),
    );
    const recovery = found!.PointInTimeRecoveryDescription!;
    expect(recovery.RecoveryPeriodInDays).toBe(9);
    expect(recovery.EarliestRestorableDateTime!.getTime()).toBeGreaterThanOrEqual(before);
    expect(recovery.LatestRestorableDateTime!.getTime()).toBeGreaterThanOrEqual(
      recovery.EarliestRestorableDateTime!.getTime(),
    );
  });

  test('keeps a backup of a table that is deleted', async () => {
    const name = await table();
    await pitr(name);
    await put(name, 'a', 'last');
    await client.send(new DeleteTableCommand({ TableName: name }));
    const all = await client.send(new ListBackupsCommand({ TableName: name, BackupType: 'ALL' }));
    expect(all.BackupSummaries).toMatchObject([{ BackupName: `${name}$DeletedTableBackup`, BackupType: 'SYSTEM' }]);
    expect((await client.send(new ListBackupsCommand({ TableName: name }))).BackupSummaries).toEqual([]);
  });
});

describe('a restored table', () => {
  test('has its key, and comes without what AWS resets', async () => {
    const key = `arn:aws:kms:${account.region}:${account.accountId}:key/1111`;
    const name = await table({
      Tags: [{ Key: 'team', Value: 'shop' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' },
      DeletionProtectionEnabled: true,
      SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: key },
    });
    await pitr(name);
    const TimeToLiveSpecification = { Enabled: true, AttributeName: 'until' };
    await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification }));
    const again = await restored(name);
    const found = await describeTable(again);
    expect(found.SSEDescription?.KMSMasterKeyArn).toBe(key);
    expect(found.RestoreSummary).toMatchObject({ SourceTableArn: arnOf(name), RestoreInProgress: false });
    expect(found.StreamSpecification).toBeUndefined();
    expect(found.DeletionProtectionEnabled).toBe(false);
    const { Tags } = await client.send(new ListTagsOfResourceCommand({ ResourceArn: arnOf(again) }));
    expect(Tags).toEqual([]);
    const ttl = await client.send(new DescribeTimeToLiveCommand({ TableName: again }));
    expect(ttl.TimeToLiveDescription?.TimeToLiveStatus).toBe('DISABLED');
    const { ContinuousBackupsDescription: backups } = await client.send(
      new DescribeContinuousBackupsCommand({ TableName: again }),
    );
    expect(backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe('DISABLED');
  });

  test('is CREATING for a moment: it takes no items and no changes', async () => {
    const name = await table();
    await pitr(name);
    const TargetTableName = `${name}-again`;
    await client.send(
      new RestoreTableToPointInTimeCommand({ SourceTableName: name, TargetTableName, UseLatestRestorableTime: true }),
    );
    expect(await describeTable(TargetTableName)).toMatchObject({
      TableStatus: 'CREATING',
      RestoreSummary: { RestoreInProgress: true },
    });
    await expect(put(TargetTableName, 'a', 'b')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(client.send(new DeleteTableCommand({ TableName: TargetTableName }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    await active(TargetTableName);
    await put(TargetTableName, 'a', 'b');
  });

  test('of a deleted name inherits no policy from the table before it', async () => {
    const name = await table();
    const Statement = [{ Effect: 'Deny', Principal: '*', Action: 'dynamodb:PutItem', Resource: arnOf(name) }];
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await client.send(new PutResourcePolicyCommand({ ResourceArn: arnOf(name), Policy }));
    await expect(put(name, 'a', 'b')).rejects.toMatchObject({ name: 'AccessDeniedException' });
    const { BackupDetails } = await client.send(new CreateBackupCommand({ TableName: name, BackupName: 'one' }));
    const BackupArn = BackupDetails!.BackupArn!;
    await until(async () => {
      const { BackupDescription } = await client.send(new DescribeBackupCommand({ BackupArn }));
      return BackupDescription?.BackupDetails?.BackupStatus === 'AVAILABLE' ? true : undefined;
    }, 'the backup');
    await client.send(new DeleteTableCommand({ TableName: name }));
    expect((await describeTable(name)).TableStatus).toBe('DELETING');
    await until(
      () =>
        describeTable(name).then(
          () => undefined,
          () => true,
        ),
      'the table to be gone',
    );
    await client.send(new RestoreTableFromBackupCommand({ TargetTableName: name, BackupArn }));
    await active(name);
    expect((await describeTable(name)).RestoreSummary?.SourceBackupArn).toBe(BackupArn);
    await expect(client.send(new GetResourcePolicyCommand({ ResourceArn: arnOf(name) }))).rejects.toMatchObject({
      name: 'PolicyNotFoundException',
    });
    await put(name, 'a', 'b');
  });
});

test('a backup takes a moment, in which its table can not be deleted and it can not be used', async () => {
  const name = await table();
  const { BackupDetails } = await client.send(new CreateBackupCommand({ TableName: name, BackupName: 'one' }));
  const BackupArn = BackupDetails!.BackupArn!;
  expect(BackupDetails!.BackupStatus).toBe('CREATING');
  const inUse = { name: 'BackupInUseException' };
  await expect(client.send(new DeleteTableCommand({ TableName: name }))).rejects.toMatchObject({
    name: 'ResourceInUseException',
  });
  await expect(
    client.send(new RestoreTableFromBackupCommand({ TargetTableName: `${name}-b`, BackupArn })),
  ).rejects.toMatchObject(inUse);
  await expect(client.send(new DeleteBackupCommand({ BackupArn }))).rejects.toMatchObject(inUse);
});
