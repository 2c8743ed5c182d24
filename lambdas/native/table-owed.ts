/** What a swap that broke off still owes the table that serves now: the next one must not take bare settings for its own. */
import type { RestoreRecord } from '../../core/backup.ts';
import type { NativeResource, NativeRestore, NativeSettings } from '../../core/native.ts';
import type { Parts } from '../shared/parts.ts';

export interface Owed {
  readonly restoreId: string;
  readonly settings: NativeSettings;
}

/** The settings that this table should have, when a broken swap made or began to delete it and never set it right. */
export async function settingsOwed(
  { catalog }: Pick<Parts, 'catalog'>,
  { destination, restoreId }: Pick<RestoreRecord, 'destination' | 'restoreId'>,
  table: NativeResource,
): Promise<Owed | undefined> {
  const records = await catalog.listRestores({ target: destination, before: restoreId });
  const last = records.find(({ native }) => native !== undefined && touched(native, table));
  if (!last?.native || last.status !== 'FAILED' || isSetRight(last.native)) return undefined;
  return { restoreId: last.restoreId, settings: last.native.settings };
}

function touched(native: NativeRestore, { settings: { resourceId }, madeFrom }: NativeResource): boolean {
  const { original, recreated, recreatedFrom, steps } = native;
  if (original?.resourceId === resourceId) return steps.DeleteTable !== undefined;
  if (recreated) return recreated.resourceId === resourceId;
  // It died before it saw what it had begun. What a service keeps of a deleted table has an ARN that was not known before.
  if (madeFrom === undefined) return false;
  return recreatedFrom === undefined ? !original && steps.RecreateTable !== undefined : madeFrom === recreatedFrom;
}

const isSetRight = ({ steps }: NativeRestore): boolean =>
  steps.ApplyTable?.doneAt !== undefined || steps.BringSettingsBack?.doneAt !== undefined;
