/** What a broken swap of a table did to the table that has the name now. */
import type { RestoreRecord } from './backup.ts';
import type { NativeResource, NativeRestore } from './native.ts';
import { isNativeRecord, type NativeRecord } from './serving.ts';

/** Whether this restore made, or began to delete, this very table. */
export function touched(native: NativeRestore, { settings: { resourceId }, madeFrom }: NativeResource): boolean {
  const { original, recreated, recreatedFrom, steps } = native;
  if (original?.resourceId === resourceId) return steps.DeleteTable !== undefined;
  if (recreated) return recreated.resourceId === resourceId;
  // It died before it saw what it had begun. What a service keeps of a deleted table has an ARN that was not known before.
  if (madeFrom === undefined) return false;
  return recreatedFrom === undefined ? !original && steps.RecreateTable !== undefined : madeFrom === recreatedFrom;
}

/** It has its settings. */
export const isSetRight = ({ steps }: NativeRestore): boolean =>
  steps.ApplyTable?.doneAt !== undefined || steps.BringSettingsBack?.doneAt !== undefined;

/**
 * The broken swap to this moment (ISO 8601) that made the table again: the moments of that one begin anew, but what the swap
 * had restored is still in its backup. `restores` of the table's target, newest first.
 */
export function remadeBy(
  restores: readonly RestoreRecord[],
  table: NativeResource,
  moment: string,
): NativeRecord | undefined {
  const { earliest } = table.window;
  const at = Date.parse(moment);
  if (table.settings.engine !== 'dynamodb' || (earliest !== undefined && at >= Date.parse(earliest))) return undefined;
  const broken = restores.filter(isNativeRecord).find(({ native }) => touched(native, table));
  if (broken?.status !== 'FAILED' || broken.native.backups?.restored === undefined) return undefined;
  return Date.parse(broken.native.from.at) === at ? broken : undefined;
}
