/** What serves under an original's name, read from the service. */
import { wordsOf } from '../../core/errors.ts';
import type { NativeResource, NativeRestore, NativeService } from '../../core/native.ts';
import { servingSentence, type NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import { pointerNow, type Seen } from './pointer-now.ts';
import { serviceOf } from './services.ts';
import { goingsBack, heldBy } from './table-back.ts';

export type Serving = NativeRestore['serving'];

/** It is being deleted: it serves nobody any more, though it is still found. */
export const isGoing = ({ stateWord }: Pick<NativeResource, 'stateWord'>): boolean => /^deleting$/i.test(stateWord);

/**
 * By ids. Something that this restore does not know leaves the record's word as it is. `backs`: what took a table's swap back,
 * newest first.
 */
export async function servingNow(
  service: Pick<NativeService, 'read'>,
  native: NativeRestore,
  backs: readonly NativeRecord[] = [],
): Promise<Serving> {
  // An application that follows a pointer goes by no name.
  if (native.pointer) return native.pointer.switched ? 'restored' : 'original';
  const holder = await service.read(native.settings.name);
  if (!holder || isGoing(holder)) return 'nothing';
  const { resourceId } = holder.settings;
  const held = heldBy(resourceId, native, backs);
  // One of them died before it saw what it had begun.
  if (held === undefined) return backs[0]?.native.serving === 'nothing' ? 'nothing' : native.serving;
  const made = [native, ...backs.map((one) => one.native)].some((one) => one.recreated?.resourceId === resourceId);
  return made && holder.state === 'busy' ? 'nothing' : held;
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

export type LifeParts = Pick<Parts, 'services' | 'pointers' | 'config' | 'catalog' | 'now'>;

/** The record with what really serves, or as it was last noted when that can not be known. */
export async function trueToLife(
  parts: LifeParts,
  record: NativeRecord,
  backs: readonly NativeRecord[] = [],
): Promise<Seen> {
  if ([record, ...backs].some((one) => isMoving(one, parts.now())))
    return { record, doubt: 'A change of the name was under way when it broke off: look again in some minutes.' };
  try {
    if (record.native.pointer) return await pointerNow(parts, record);
    const serving = await servingNow(serviceOf(parts, record.native.settings.engine), record.native, backs);
    return { record: { ...record, native: { ...record.native, serving } } };
  } catch (error) {
    const why = wordsOf(error);
    return { record, doubt: `This is as it was last noted; the service could not be asked (${why}).` };
  }
}

/** What a person is told after a rollback that broke off; what really serves goes into the record. */
export async function rollbackSentence(parts: LifeParts, before: NativeRecord): Promise<string> {
  const backs = await goingsBack(parts, before);
  const { record, doubt } = await trueToLife(parts, before, backs);
  const { native, restoreId, status } = record;
  if (native.serving !== before.native.serving || native.pointer?.switched !== before.native.pointer?.switched)
    await parts.catalog.updateRestore(restoreId, [status], { native: { ...native } });
  const again = `Start \`nightjar rollback ${restoreId}\` again: it goes on from there.`;
  const serves = (native.serving === 'original' && backs.length > 0 && tableIsBack(record, backs)) || undefined;
  return [serves ?? servingSentence(record), status === 'ROLLED_BACK' ? '' : again, doubt ?? '']
    .filter(Boolean)
    .join(' ');
}

function tableIsBack({ native }: NativeRecord, backs: readonly NativeRecord[]): string {
  const kept = backs.find(({ safetyBackupId }) => safetyBackupId !== undefined)?.safetyBackupId;
  const where = kept === undefined ? '' : `; what was restored is the backup ${kept}`;
  return `The original serves under ${native.settings.name} again${where}.`;
}
