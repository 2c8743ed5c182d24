/** Removing what a restore made or set aside: by name, by id, and never what serves. */
import type { NativeService } from '../../core/native.ts';
import { RESTORE_TAG } from '../../core/names.ts';
import type { NativeRecord } from '../../core/serving.ts';

/** One step towards this resource being gone; true when it is. Whatever else has the name is left alone. */
export async function removed(
  service: Pick<NativeService, 'read' | 'remove'>,
  name: string,
  is: (resource: { readonly resourceId: string; readonly tags: Readonly<Record<string, string>> }) => boolean,
): Promise<boolean> {
  const found = await service.read(name);
  if (!found || !is(found.settings)) return true;
  // Deleting, or still being made: a service refuses to delete what it is busy with.
  if (found.state !== 'busy') await service.remove(name, {});
  return false;
}

/** The alias of this restore, under its alias name: noted in the record, or carrying the restore's tag. */
export const isAliasOf =
  ({ native, restoreId }: NativeRecord) =>
  ({ resourceId, tags }: { readonly resourceId: string; readonly tags: Readonly<Record<string, string>> }): boolean =>
    resourceId !== native.original?.resourceId &&
    (resourceId === native.restored?.resourceId || tags[RESTORE_TAG] === restoreId);

/**
 * Whether RemoveReplaced took anything away, and did not only find that nothing is left. Whatever it asks for is gone at a
 * later look than its first.
 */
export const tookAway = ({ native: { steps }, replacedDroppedAt }: NativeRecord): boolean =>
  replacedDroppedAt !== undefined && replacedDroppedAt > (steps.RemoveReplaced?.startedAt ?? replacedDroppedAt);
