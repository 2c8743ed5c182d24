/** What became of a swap that broke off with nothing serving: somebody may have decided since which of the two comes back. */
import type { NativeRestore, NativeService } from '../../core/native.ts';
import type { NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import { isGoing } from './serving.ts';

export interface Decided {
  readonly serving: Exclude<NativeRestore['serving'], 'nothing'>;
  /** The later restore, of which what has the name now is. */
  readonly by: string;
}

/**
 * Undefined while nobody has decided. `original`: it was left or set aside for the later restore, in whose care it is, and this
 * one's alias is what is left. `restored`: it had come to serve after all, and the later restore took it for the original; then
 * this one's original is what is left.
 */
export async function decidedSince(
  { catalog }: Pick<Parts, 'catalog'>,
  service: Pick<NativeService, 'read'>,
  { native, target, restoreId }: NativeRecord,
): Promise<Decided | undefined> {
  if (native.serving !== 'nothing' || !native.original || native.pointer) return undefined;
  const holder = await service.read(native.settings.name);
  if (!holder || isGoing(holder) || holder.state === 'busy') return undefined;
  const later = (await catalog.listRestores({ target })).filter((one) => one.restoreId > restoreId);
  const { resourceId } = holder.settings;
  const by = later.find(
    ({ native: other }) =>
      other?.serving === 'restored' && [other.restored?.resourceId, other.recreated?.resourceId].includes(resourceId),
  );
  if (!by) return undefined;
  const served = later.some(
    (one) => native.restored !== undefined && one.native?.original?.resourceId === native.restored.resourceId,
  );
  return { serving: served ? 'restored' : 'original', by: by.restoreId };
}
