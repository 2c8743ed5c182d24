/** What a pointer says now: who changed it may have died before that was noted. */
import { isNativeTarget } from '../../core/config.ts';
import type { NativeRecord } from '../../core/serving.ts';
import { placeOf } from '../../services/pointer.ts';
import type { Parts } from '../shared/parts.ts';
import { targetOrNone } from './targets.ts';

export interface Seen {
  readonly record: NativeRecord;
  /** Why the record may not be right, a sentence. */
  readonly doubt?: string;
}

/** @throws NightjarError POINTER_FAILED when it can not be read. */
export async function pointerNow(
  parts: Pick<Parts, 'catalog' | 'config' | 'pointers'>,
  record: NativeRecord,
): Promise<Seen> {
  const { native, destination } = record;
  const { pointer } = native;
  if (!pointer) return { record };
  const target = await targetOrNone(parts, destination);
  const named = target && isNativeTarget(target) ? target.pointer : undefined;
  if (!named || placeOf(named) !== pointer.where)
    return { record, doubt: `The config names ${pointer.where} no more, so it was not read.` };
  const says = await parts.pointers.read(named);
  if (says !== pointer.before && says !== pointer.after)
    return { record, doubt: `By now ${pointer.where} says '${says}', which somebody else wrote.` };
  const switched = says === pointer.after;
  const serving = switched ? 'restored' : 'original';
  return { record: { ...record, native: { ...native, pointer: { ...pointer, switched }, serving } } };
}
