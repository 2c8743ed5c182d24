/** A table's own words for how it is, in those of the contract. */
import type { TableDescription } from '@aws-sdk/client-dynamodb';
import { canonical, type NativeResource, type NativeSettings, type PitrWindow } from '../core/native.ts';
import { regionOf } from './dynamodb-calls.ts';
import type { TableFacts } from './dynamodb-facts.ts';
import { READ } from './dynamodb-values.ts';

const FAILED = ['ARCHIVING', 'ARCHIVED', 'INACCESSIBLE_ENCRYPTION_CREDENTIALS', 'REPLICATION_NOT_AUTHORIZED'];

/** Ready only when its indexes are, and no restore or change of key is under way. */
export function stateOf(table: TableDescription): Pick<NativeResource, 'state' | 'stateWord'> {
  const word = table.TableStatus ?? 'UNKNOWN';
  if (FAILED.includes(word)) return { state: 'failed', stateWord: word };
  if (word !== 'ACTIVE') return { state: 'busy', stateWord: word };
  if (table.RestoreSummary?.RestoreInProgress) return { state: 'busy', stateWord: 'ACTIVE, restore in progress' };
  const index = table.GlobalSecondaryIndexes?.find((one) => one.IndexStatus && one.IndexStatus !== 'ACTIVE');
  if (index) return { state: 'busy', stateWord: `ACTIVE, index ${index.IndexName} ${index.IndexStatus}` };
  const key = table.SSEDescription?.Status;
  if (key === 'UPDATING' || key === 'ENABLING' || key === 'DISABLING')
    return { state: 'busy', stateWord: `ACTIVE, encryption ${key}` };
  return { state: 'ready', stateWord: word };
}

function windowOf({ backups }: TableFacts): PitrWindow {
  const found = backups?.PointInTimeRecoveryDescription;
  if (found?.PointInTimeRecoveryStatus !== 'ENABLED') return { on: false };
  const { EarliestRestorableDateTime: earliest, LatestRestorableDateTime: latest } = found;
  return {
    on: true,
    ...(earliest ? { earliest: earliest.toISOString() } : {}),
    ...(latest ? { latest: latest.toISOString() } : {}),
  };
}

/** Other regions that hold the table. */
export const replicasOf = (table: TableDescription): string[] =>
  (table.Replicas ?? [])
    .map((one) => one.RegionName!)
    .filter((region) => region !== regionOf(table.TableArn!))
    .sort();

export function resourceOf(facts: TableFacts): NativeResource {
  const { SourceBackupArn, SourceTableArn } = facts.table.RestoreSummary ?? {};
  const madeFrom = SourceBackupArn ?? SourceTableArn;
  return {
    settings: settingsOf(facts),
    ...stateOf(facts.table),
    window: windowOf(facts),
    bytes: facts.table.TableSizeBytes ?? 0,
    items: facts.table.ItemCount ?? 0,
    replicas: replicasOf(facts.table),
    ...(madeFrom ? { madeFrom } : {}),
  };
}

/** Settings of a table under the contract's form; what is not set is left out. */
export function settingsOf(facts: TableFacts): NativeSettings {
  const read = Object.entries(READ)
    .map(([key, of]) => [key, canonical(of(facts))] as const)
    .filter(([, value]) => value !== undefined);
  return {
    engine: 'dynamodb',
    name: facts.table.TableName!,
    arn: facts.table.TableArn!,
    resourceId: facts.table.TableId!,
    readAt: new Date().toISOString(),
    values: Object.fromEntries(read) as NativeSettings['values'],
    instances: [],
    tags: { ...facts.tags },
  };
}
