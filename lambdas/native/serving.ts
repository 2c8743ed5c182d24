/** What serves under an original's name, read from the service. */
import type { NativeResource, NativeRestore, NativeService } from '../../core/native.ts';
import { servingSentence, type NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import { serviceOf } from './services.ts';

export type Serving = NativeRestore['serving'];

/** It is being deleted: it serves nobody any more, though it is still found. */
export const isGoing = ({ stateWord }: Pick<NativeResource, 'stateWord'>): boolean => /^deleting$/i.test(stateWord);

/** By ids. Something that this restore does not know leaves the record's word as it is. */
export async function servingNow(service: Pick<NativeService, 'read'>, native: NativeRestore): Promise<Serving> {
  // An application that follows a pointer goes by no name.
  if (native.pointer) return native.pointer.switched ? 'restored' : 'original';
  const holder = await service.read(native.settings.name);
  if (!holder || isGoing(holder)) return 'nothing';
  const { resourceId } = holder.settings;
  if (resourceId === native.original?.resourceId) return 'original';
  if (resourceId === native.restored?.resourceId) return 'restored';
  if (resourceId !== native.recreated?.resourceId) return native.serving;
  if (holder.state === 'busy') return 'nothing';
  return native.recreatedFrom === native.backups?.original ? 'original' : 'restored';
}

const MOVES = ['RenameOriginal', 'RenameAlias', 'PutNamesBack', 'RollBackNames', 'RollBackNamesAgain', 'DeleteTable'];
/** A rename or a deletion that was asked for shows itself within this time. */
const SHOWS_MS = 10 * 60_000;

/** Whether one may have been asked for that does not show yet: what is read now may not stay so. */
const isMoving = ({ native }: NativeRecord, now: Date): boolean =>
  native.serving === 'nothing' &&
  MOVES.some((name) => {
    const step = native.steps[name];
    return step !== undefined && step.doneAt === undefined && now.getTime() - Date.parse(step.startedAt) < SHOWS_MS;
  });

/** The record with what really serves, or as it was last noted when that can not be known. */
export async function trueToLife(
  parts: Pick<Parts, 'services' | 'now'>,
  record: NativeRecord,
): Promise<{ readonly record: NativeRecord; readonly doubt?: string }> {
  if (isMoving(record, parts.now()))
    return { record, doubt: 'A change of the name was under way when it broke off: look again in some minutes.' };
  try {
    const serving = await servingNow(serviceOf(parts, record.native.settings.engine), record.native);
    return { record: { ...record, native: { ...record.native, serving } } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { record, doubt: `This is as it was last noted; the service could not be asked (${why}).` };
  }
}

/** What a person is told after a rollback that broke off; what really serves goes into the record. */
export async function rollbackSentence(
  parts: Pick<Parts, 'services' | 'catalog' | 'now'>,
  before: NativeRecord,
): Promise<string> {
  const { record, doubt } = await trueToLife(parts, before);
  const { native, restoreId, status } = record;
  if (native.serving !== before.native.serving)
    await parts.catalog.updateRestore(restoreId, [status], { native: { ...native } });
  const again = `Start \`nightjar rollback ${restoreId}\` again: it goes on from there.`;
  return [servingSentence(record), status === 'ROLLED_BACK' ? '' : again, doubt ?? ''].filter(Boolean).join(' ');
}
