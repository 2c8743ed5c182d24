/** Tables that are made from a moment or a backup, and taken away again. */
import {
  DeleteTableCommand,
  RestoreTableFromBackupCommand,
  RestoreTableToPointInTimeCommand,
  TagResourceCommand,
  UpdateTableCommand,
  type GlobalSecondaryIndex,
  type SSESpecification,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { NightjarError } from '../core/errors.ts';
import { RESTORE_TAG } from '../core/names.ts';
import type { NativeRestore, NativeSettings } from '../core/native.ts';
import { isBusy, isNamed, MISSING, refused, tableOf, unless } from './dynamodb-calls.ts';
import { describeTable, readTags, type Clients } from './dynamodb-facts.ts';
import { createPoint, deletedTableBackup, describeBackup, pointState } from './dynamodb-points.ts';
import { forgetScaling, readScaling } from './dynamodb-scaling.ts';
import { capacity, same } from './dynamodb-throughput.ts';
import { billingMode, sseOf, type Index, type Units } from './dynamodb-values.ts';

type Moment = Extract<NativeRestore['from'], { kind: 'moment' }>;

/** What the restored table would have, if nothing were passed. */
interface Source {
  readonly BillingMode: string;
  readonly SSESpecification?: SSESpecification;
  readonly indexes: readonly GlobalSecondaryIndex[];
}

/** A table that has the name by now, but another id, has another history. */
async function sourceOfMoment(clients: Clients, from: Moment): Promise<Source | undefined> {
  const table = await describeTable(clients.dynamodb, tableOf(from.sourceArn));
  if (table?.TableId !== from.sourceResourceId) return undefined;
  return {
    BillingMode: billingMode(table),
    SSESpecification: sseOf(table.SSEDescription),
    indexes: (table.GlobalSecondaryIndexes ?? []) as GlobalSecondaryIndex[],
  };
}

async function sourceOfPoint(clients: Clients, arn: string): Promise<Source | undefined> {
  const backup = await describeBackup(clients.dynamodb, arn);
  return (
    backup && {
      BillingMode: backup.SourceTableDetails?.BillingMode ?? 'PROVISIONED',
      SSESpecification: sseOf(backup.SourceTableFeatureDetails?.SSEDescription),
      indexes: (backup.SourceTableFeatureDetails?.GlobalSecondaryIndexes ?? []) as GlobalSecondaryIndex[],
    }
  );
}

/** Only what would come out otherwise, and can not be put right as well afterwards. */
function overrides(wanted: NativeSettings, source: Source) {
  const { values } = wanted;
  const sse = values.SSESpecification as SSESpecification | undefined;
  const billing = values.BillingMode as 'PROVISIONED' | 'PAY_PER_REQUEST' | undefined;
  const set = (values.GlobalSecondaryIndexes ?? []) as unknown as Index[];
  return {
    ...(same(sse, source.SSESpecification) ? {} : { SSESpecificationOverride: sse ?? { Enabled: false } }),
    ...(billing === undefined || billing === source.BillingMode ? {} : { BillingModeOverride: billing }),
    ...(billing === 'PROVISIONED' && source.BillingMode !== billing
      ? {
          ProvisionedThroughputOverride: capacity(wanted, 'table', values.ProvisionedThroughput as Units, undefined),
          GlobalSecondaryIndexOverride: source.indexes.map(({ IndexName, KeySchema, Projection }) => {
            const units = set.find((one) => one.IndexName === IndexName)?.ProvisionedThroughput;
            const ProvisionedThroughput = capacity(wanted, `index/${IndexName}`, units, undefined);
            return { IndexName, KeySchema, Projection, ProvisionedThroughput };
          }),
        }
      : {}),
  };
}

function restoreError(operation: string, what: string, error: unknown): NightjarError {
  const options = { operation, detail: `${what}: ${(error as Error).message}`, cause: error };
  if (isNamed(error, ['InvalidRestoreTimeException'])) return new NightjarError('WINDOW_MISSED', options);
  if (isNamed(error, ['PointInTimeRecoveryUnavailableException'])) return new NightjarError('PITR_OFF', options);
  if (isNamed(error, ['BackupNotFoundException'])) return new NightjarError('POINT_MISSING', options);
  return refused(operation, what, error);
}

/** Somebody was faster, or 50 restores run already: the next look finds out. */
const later = (error: unknown): boolean => isBusy(error) || isNamed(error, ['TableAlreadyExistsException']);

async function fromMoment(clients: Clients, name: string, wanted: NativeSettings, from: Moment): Promise<void> {
  const { sourceArn, at } = from;
  const source = await sourceOfMoment(clients, from);
  const operation = 'RestoreTableToPointInTime';
  if (!source) {
    const left = await deletedTableBackup(clients.dynamodb, tableOf(sourceArn), from.sourceResourceId);
    if (left && at === 'latest') return fromBackup(clients, name, wanted, left);
    throw new NightjarError('RESOURCE_MISSING', {
      operation,
      detail: `${sourceArn}. No moment of a deleted table is kept.`,
    });
  }
  try {
    await clients.dynamodb.send(
      new RestoreTableToPointInTimeCommand({
        SourceTableArn: sourceArn,
        TargetTableName: name,
        ...(at === 'latest' ? { UseLatestRestorableTime: true } : { RestoreDateTime: new Date(at) }),
        ...overrides(wanted, source),
      }),
    );
  } catch (error) {
    if (!later(error)) throw restoreError(operation, name, error);
  }
}

async function fromBackup(clients: Clients, name: string, wanted: NativeSettings, arn: string): Promise<void> {
  const source = await sourceOfPoint(clients, arn);
  const operation = 'RestoreTableFromBackup';
  if (!source) throw new NightjarError('POINT_MISSING', { operation, detail: arn });
  try {
    await clients.dynamodb.send(
      new RestoreTableFromBackupCommand({ TargetTableName: name, BackupArn: arn, ...overrides(wanted, source) }),
    );
  } catch (error) {
    if (!later(error)) throw restoreError(operation, name, error);
  }
}

const taken = (operation: string, name: string): NightjarError =>
  new NightjarError('SERVICE_REFUSED', {
    operation,
    detail: `a table ${name} is there already, and this restore did not make it. It was left as it is.`,
  });

/** Made from what this restore is made from, as the table itself says. */
const madeFrom = (table: TableDescription, from: NativeRestore['from']): boolean =>
  from.kind === 'point'
    ? table.RestoreSummary?.SourceBackupArn === from.arn
    : table.RestoreSummary?.SourceTableArn === from.sourceArn;

/**
 * Begins the alias, or goes on with it: a restore takes no tags, so the tag is put as soon as the table takes it. Call it at
 * every look until the alias is ready. An alias without the tag is known by what it was restored from.
 * The caller's role needs item rights on the alias too, which may not change before it is there (AWS, DynamoDB Developer Guide,
 * Restoring a DynamoDB table from a backup).
 * @throws NightjarError SERVICE_REFUSED when something else has the name; WINDOW_MISSED; PITR_OFF; POINT_MISSING.
 */
export async function startAlias(clients: Clients, plan: NativeRestore, restoreId: string): Promise<void> {
  const { dynamodb } = clients;
  const { alias, from, settings } = plan;
  const known = await describeTable(dynamodb, alias);
  if (!known) {
    if (from.kind === 'point') await fromBackup(clients, alias, settings, from.arn);
    else await fromMoment(clients, alias, settings, from);
  }
  const table = known ?? (await describeTable(dynamodb, alias));
  if (!table || table.TableStatus === 'DELETING') return;
  const owner = (await readTagsOf(clients, table))[RESTORE_TAG];
  if (owner === restoreId) return;
  if (owner !== undefined || !madeFrom(table, from)) throw taken('RestoreTable', alias);
  const Tags = [{ Key: RESTORE_TAG, Value: restoreId }];
  await dynamodb.send(new TagResourceCommand({ ResourceArn: table.TableArn!, Tags })).catch((error: unknown) => {
    if (!isBusy(error) && !isNamed(error, MISSING)) throw refused('TagResource', alias, error);
  });
}

/** Of a table that has just been begun they may not be known yet. */
const readTagsOf = async (clients: Clients, table: TableDescription): Promise<Record<string, string>> =>
  (await unless([...MISSING, 'AccessDeniedException'], () => readTags(clients.dynamodb, table.TableArn!))) ?? {};

/** @throws NightjarError SERVICE_REFUSED when a table of the name was not made from this backup; POINT_MISSING. */
export async function startFromBackup(
  clients: Clients,
  name: string,
  backupArn: string,
  wanted: NativeSettings,
): Promise<void> {
  const known = await describeTable(clients.dynamodb, name);
  if (!known) return fromBackup(clients, name, wanted, backupArn);
  // On its way out: the next look finds the name free.
  if (known.TableStatus === 'DELETING') return;
  if (known.RestoreSummary?.SourceBackupArn !== backupArn) throw taken('RestoreTableFromBackup', name);
}

/**
 * Deletion protection is lifted in the same breath and nowhere else. While a backup of it is being made a table can not be
 * deleted (AWS, DynamoDB API reference, DeleteTable): the next look tries again. What auto scaling knows of a table stays when
 * it goes, with alarms that cost; so it is taken away too.
 */
export async function remove(clients: Clients, name: string, finalPoint: string | undefined): Promise<void> {
  const { dynamodb } = clients;
  const table = await describeTable(dynamodb, name);
  if (!table || table.TableStatus === 'DELETING') return;
  try {
    if (finalPoint !== undefined) {
      const { arn } = await createPoint(dynamodb, name, finalPoint);
      if ((await pointState(dynamodb, arn))?.status !== 'ready') return;
    }
    const indexes = (table.GlobalSecondaryIndexes ?? []).map((one) => one.IndexName!);
    const scaling = await readScaling(clients.scaling, name, indexes);
    if (table.DeletionProtectionEnabled)
      await dynamodb.send(new UpdateTableCommand({ TableName: name, DeletionProtectionEnabled: false }));
    await dynamodb.send(new DeleteTableCommand({ TableName: name }));
    await forgetScaling(clients.scaling, name, scaling);
  } catch (error) {
    const cause = error instanceof NightjarError ? error.cause : error;
    if (!isBusy(cause) && !isNamed(cause, MISSING)) throw refused('DeleteTable', name, error);
  }
}
