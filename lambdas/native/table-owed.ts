/** What a swap that broke off still owes the table that serves now: the next one must not take bare settings for its own. */
import type { RestoreRecord } from '../../core/backup.ts';
import type { NativeResource, NativeSettings } from '../../core/native.ts';
import { isSetRight, touched } from '../../core/remade.ts';
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
