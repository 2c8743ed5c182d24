/** Recovery points of tables: on-demand backups, and which tables ask for them by a tag. */
import {
  CreateBackupCommand,
  DeleteBackupCommand,
  DescribeBackupCommand,
  ListBackupsCommand,
  ListTablesCommand,
  type BackupDescription,
  type BackupSummary,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { NightjarError } from '../core/errors.ts';
import { isMadeByRestore, POINT_PREFIX } from '../core/names.ts';
import type { Discovered, PointState } from '../core/native.ts';
import type { Sends } from './clients.ts';
import { calling, MISSING, pause, regionOf, unless } from './dynamodb-calls.ts';
import { describeTable, readTags } from './dynamodb-facts.ts';

type Dynamo = Sends<DynamoDBClient>;

/** Backups of every table that ever had the name. */
async function backupsOf(client: Dynamo, table: string): Promise<BackupSummary[]> {
  const all: BackupSummary[] = [];
  let ExclusiveStartBackupArn: string | undefined;
  do {
    const page = await client.send(
      new ListBackupsCommand({ TableName: table, BackupType: 'ALL', ExclusiveStartBackupArn }),
    );
    all.push(...(page.BackupSummaries ?? []));
    ExclusiveStartBackupArn = page.LastEvaluatedBackupArn;
  } while (ExclusiveStartBackupArn);
  return all;
}

/**
 * A name may be used twice by AWS, so it is looked for first: of this very table, not of one that had its name. A backup can
 * not be tagged when it is made; its name and the manifest tell whose it is.
 */
export async function createPoint(client: Dynamo, table: string, pointName: string): Promise<{ readonly arn: string }> {
  const found = await describeTable(client, table);
  if (!found) throw new NightjarError('RESOURCE_MISSING', { operation: 'CreateBackup', detail: `table ${table}` });
  const known = (await backupsOf(client, table)).find(
    (one) => one.BackupName === pointName && one.TableId === found.TableId && one.BackupStatus !== 'DELETED',
  );
  if (known) return { arn: known.BackupArn! };
  const made = await calling('CreateBackup', table, () =>
    client.send(new CreateBackupCommand({ TableName: table, BackupName: pointName })),
  );
  return { arn: made.BackupDetails!.BackupArn! };
}

export const findPoints = async (client: Dynamo, table: string, pointName: string): Promise<string[]> =>
  (await backupsOf(client, table)).flatMap(({ BackupName, BackupStatus, BackupArn }) =>
    BackupName === pointName && BackupStatus !== 'DELETED' ? [BackupArn!] : [],
  );

/**
 * What AWS keeps for 35 days of a table that was deleted while point-in-time recovery was on: how it was just before. Source:
 * AWS, DynamoDB Developer Guide, Before you begin using point-in-time recovery.
 */
export async function deletedTableBackup(client: Dynamo, table: string, tableId: string): Promise<string | undefined> {
  const found = await backupsOf(client, table);
  return found.find((one) => one.BackupType === 'SYSTEM' && one.TableId === tableId)?.BackupArn;
}

export const describeBackup = async (client: Dynamo, arn: string): Promise<BackupDescription | undefined> => {
  const found = await unless(MISSING, () => client.send(new DescribeBackupCommand({ BackupArn: arn })));
  const backup = found?.BackupDescription;
  return backup?.BackupDetails?.BackupStatus === 'DELETED' ? undefined : backup;
};

/**
 * Items of a backup are those of the moment it was asked for; they are not of one instant, mostly of less than a second.
 * Source: AWS, DynamoDB Developer Guide, Backing up and restoring DynamoDB tables with DynamoDB: How it works.
 */
export async function pointState(client: Dynamo, arn: string): Promise<PointState | undefined> {
  const backup = await describeBackup(client, arn);
  const details = backup?.BackupDetails;
  if (!details) return undefined;
  const stateWord = details.BackupStatus ?? 'UNKNOWN';
  if (stateWord !== 'AVAILABLE') return { status: 'creating', stateWord };
  const keyArn = backup?.SourceTableFeatureDetails?.SSEDescription?.KMSMasterKeyArn;
  const source = backup?.SourceTableDetails?.TableId;
  return {
    status: 'ready',
    stateWord,
    point: {
      kind: 'table-backup',
      arn,
      name: details.BackupName!,
      ...(source ? { sourceResourceId: source } : {}),
      region: regionOf(arn),
      at: details.BackupCreationDateTime!.toISOString(),
      bytes: details.BackupSizeBytes ?? 0,
      // Always, with a key of AWS's when with no other. Source: AWS, DynamoDB Developer Guide, Encryption at rest.
      encrypted: true,
      ...(keyArn ? { keyArn } : {}),
    },
  };
}

/** @throws NightjarError SERVICE_REFUSED when the backup's name is not one of ours. */
export async function deletePoint(client: Dynamo, arn: string): Promise<void> {
  const name = (await describeBackup(client, arn))?.BackupDetails?.BackupName;
  if (name === undefined) return;
  if (!name.startsWith(POINT_PREFIX)) {
    const detail = `${arn}: its name ${name} does not begin with ${POINT_PREFIX}, so it is not Nightjar's to delete.`;
    throw new NightjarError('SERVICE_REFUSED', { operation: 'DeleteBackup', detail });
  }
  await calling('DeleteBackup', arn, () =>
    unless(MISSING, () => client.send(new DeleteBackupCommand({ BackupArn: arn }))),
  );
}

async function tableNames(client: Dynamo): Promise<string[]> {
  const all: string[] = [];
  let ExclusiveStartTableName: string | undefined;
  do {
    const page = await client.send(new ListTablesCommand({ ExclusiveStartTableName }));
    all.push(...(page.TableNames ?? []));
    ExclusiveStartTableName = page.LastEvaluatedTableName;
  } while (ExclusiveStartTableName);
  return all;
}

/**
 * ListTagsOfResource may be called ten times a second (AWS, DynamoDB API reference): 2,500 tables, an account's quota, take
 * about four minutes. What a restore made is no target of its own.
 */
const CALLS_A_SECOND = 10;
export async function discover(client: Dynamo, tagKey: string): Promise<Discovered[]> {
  const names = (await tableNames(client)).filter((name) => !isMadeByRestore(name));
  const first = names[0] === undefined ? undefined : await describeTable(client, names[0]);
  const stem = first?.TableArn?.slice(0, -names[0]!.length);
  const found: Discovered[] = [];
  for (const [index, name] of names.entries()) {
    if (index > 0 && index % CALLS_A_SECOND === 0) await pause(1_000);
    const arn = stem === undefined ? (await describeTable(client, name))?.TableArn : stem + name;
    // Deleted since it was listed: AWS answers that it may not be known.
    const tags = arn && (await unless([...MISSING, 'AccessDeniedException'], () => readTags(client, arn)));
    const value = tags ? tags[tagKey] : undefined;
    if (arn && value !== undefined) found.push({ engine: 'dynamodb', name, arn, value });
  }
  return found;
}
