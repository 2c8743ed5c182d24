/** What the states of a table's restore share: whose table it is that they find, and what they tell. */
import type { RestoreRecord } from '../../core/backup.ts';
import { resourceOf, type TargetOf } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import type { NativeResource, NativeRestore, TableService } from '../../core/native.ts';
import type { CaughtFailure, Look, NativeEvent } from '../../core/payloads.ts';
import type { Parts } from '../shared/parts.ts';
import type { SafetyResult } from '../shared/safety.ts';
import { looking, type Looked } from './look.ts';

export type TableNeeds = Pick<Parts, 'catalog' | 'config' | 'services' | 'now'>;

export interface TableEvent extends NativeEvent {
  /** Set on the way back: what is cleaned up after. */
  readonly failure?: CaughtFailure;
  /** The table that was made again could not be fenced. */
  readonly fenceFailure?: CaughtFailure;
  readonly safety?: SafetyResult;
}

/** One look at a table. `looked.record` is as it was noted last. */
export interface TableLook {
  readonly looked: Looked;
  readonly service: TableService;
  readonly target: TargetOf<'dynamodb'>;
  /** The table's own name. */
  readonly name: string;
  readonly event: TableEvent;
  /** When this step was begun. */
  readonly since: Date;
}

/**
 * A state that looks at a table. One function serves several states: `stepOf` says which it is, so that each has its own
 * time.
 */
export const tableState =
  (
    parts: TableNeeds,
    stepOf: (event: TableEvent, native: NativeRestore) => string,
    work: (look: TableLook) => Promise<boolean>,
  ) =>
  (event: TableEvent): Promise<Look> =>
    looking(
      parts,
      ({ native }) => stepOf(event, native),
      (looked) => {
        const { target } = looked;
        if (target.engine !== 'dynamodb')
          throw new NightjarError('INPUT_INVALID', { operation: 'look', detail: `${target.name} is no table.` });
        const { native } = looked.record;
        const since = new Date(native.steps[stepOf(event, native)]!.startedAt);
        return work({ looked, service: parts.services.dynamodb, target, name: resourceOf(target), event, since });
      },
    )(event);

export type Whose = 'original' | 'recreated' | 'foreign';

/** Whose a table under the target's name is, by its id: the one that was there, the one this restore made, or neither. */
export function whose({ original, recreated }: NativeRestore, table: NativeResource): Whose {
  const { resourceId } = table.settings;
  if (resourceId === original?.resourceId) return 'original';
  return resourceId === recreated?.resourceId ? 'recreated' : 'foreign';
}

/** @throws NightjarError RESOURCE_MISSING or DESTINATION_EXISTS when the table is not the one it was. */
export async function originalTable({ looked, service, name }: TableLook): Promise<NativeResource> {
  const table = await service.read(name);
  if (table && whose(looked.record.native, table) === 'original') return table;
  await looked.note({ serving: 'nothing' });
  throw table ? foreign(looked.record, name) : missing(looked.record, name);
}

/** @throws NightjarError ALIAS_FAILED when the alias is not the table that this restore made. */
export async function aliasTable({ looked, service }: TableLook): Promise<NativeResource> {
  const { alias, restored } = looked.record.native;
  const table = await service.read(alias);
  if (table && table.settings.resourceId === restored?.resourceId) return table;
  throw new NightjarError('ALIAS_FAILED', {
    operation: 'read table',
    detail: table
      ? `A table ${alias} is there, but not the one that this restore made (${restored?.resourceId ?? 'none yet'}).`
      : `The table ${alias} is gone: somebody deleted it.`,
  });
}

export const missing = (record: RestoreRecord, name: string): NightjarError =>
  new NightjarError('RESOURCE_MISSING', {
    operation: 'read table',
    detail: `The table ${name} is gone, and this restore did not delete it. ${whereData(record)}`,
  });

/** An application that makes its own table does so as soon as the name is free: what it wrote there is not ours to delete. */
export const foreign = (record: RestoreRecord, name: string): NightjarError =>
  new NightjarError('DESTINATION_EXISTS', {
    operation: 'read table',
    detail: `Somebody else (an application that makes its own table?) made a table ${name} meanwhile; it was left as it is. ${whereData(record)} Stop who made it, and start the restore again.`,
  });

/** From what the table can be made again, in a sentence. */
export function whereData({ native, safetyBackupId }: RestoreRecord): string {
  const places = [
    native?.restored ? `the restored data is in the table ${native.alias}` : undefined,
    native?.backups?.restored ? `its backup is ${native.backups.restored}` : undefined,
    safetyBackupId ? `the original's data is the backup ${safetyBackupId}` : undefined,
  ].filter((one) => one !== undefined);
  const text = places.join(', ');
  return text === '' ? 'Older backups are untouched.' : `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** Adds a sentence to what was seen; the same one is said once. */
export async function tell(looked: Looked, sentence: string): Promise<void> {
  const checks = looked.record.native.checks ?? [];
  if (!checks.includes(sentence)) await looked.note({ checks: [...checks, sentence] });
}

/** The same for what a person must know of a restore that goes well. */
export async function warn(parts: Pick<Parts, 'catalog'>, { record }: Looked, sentence: string): Promise<void> {
  const warnings = (await parts.catalog.getRestore(record.restoreId))?.warnings ?? [];
  if (warnings.includes(sentence)) return;
  await parts.catalog.updateRestore(record.restoreId, ['RUNNING'], { warnings: [...warnings, sentence] });
}

/** Whether so many seconds have gone by. */
export const settled = (parts: Pick<Parts, 'now'>, since: Date | string, seconds: number): boolean =>
  parts.now().getTime() - new Date(since).getTime() >= seconds * 1_000;
