/** Removing what a restore made or set aside: by name, by id, and never what serves. */
import { NightjarError } from '../../core/errors.ts';
import type { NativeRestore, NativeService, RenamingService } from '../../core/native.ts';
import { POINT_TAGS, RESTORE_TAG } from '../../core/names.ts';
import type { NativeRecord } from '../../core/serving.ts';
import type { Looked } from './look.ts';
import { whereIs, type Carrier } from './names.ts';

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

/** `gone`: it was seen, asked to go, and is away. `unseen`: it was never found, so nobody can say what became of it. */
export type Fate = 'going' | 'gone' | 'unseen';

/** Noted before the removal is asked for: from then on there is no way back to it. */
const removing = (which: Served['which']): string => `removing ${which}`;
/** Since when the original of a swap is being removed. ISO 8601. */
export const goesSince = ({ steps }: NativeRestore): string | undefined => steps[removing('original')]?.startedAt;

/** A server, or a table behind a pointer, that has served and holds writes that nothing else has. */
export interface Served {
  /** Under which its last point is noted in `native.backups`. */
  readonly which: 'original' | 'restored';
  /** With none of the names that clients use. */
  readonly carrier: Carrier;
  readonly pointName: string;
}

/**
 * One step towards it being gone. Its last recovery point is there and proven before anything is removed.
 * @throws NightjarError POINT_FAILED; then it was not removed.
 */
export async function removedAfterPoint(
  service: NativeService & Partial<Pick<RenamingService, 'start'>>,
  { record, note, now }: Looked,
  { which, carrier, pointName }: Served,
): Promise<Fate> {
  const { native, destination } = record;
  const asked = removing(which);
  const found = await whereIs(service, carrier);
  if (!found) return native.steps[asked] ? 'gone' : 'unseen';
  const { name, resource } = found;
  if (resource.state === 'busy') return 'going';
  const arn = native.backups?.[which];
  const point = arn === undefined ? undefined : await service.pointState(arn);
  const of = point?.point?.sourceResourceId ?? carrier.resourceId;
  if (point?.status === 'ready' && of === carrier.resourceId) {
    // Before it is asked: afterwards there may be nothing to see.
    if (!native.steps[asked]) await note({ steps: { ...native.steps, [asked]: { startedAt: now.toISOString() } } });
    await removed(service, name, ({ resourceId }) => resourceId === carrier.resourceId);
    return 'going';
  }
  // A name is used up by what came to nothing: the next night takes another.
  const another = `${pointName}-${now.toISOString().slice(0, 10).replaceAll('-', '')}`;
  const bad = point !== undefined && (point.status === 'failed' || of !== carrier.resourceId);
  if (bad && arn?.endsWith(another))
    throw new NightjarError('POINT_FAILED', {
      operation: 'take last point',
      detail: `The last point of ${name} came to nothing: ${arn} is '${point.stateWord}' and of ${of}. ${name} runs on and was not removed; the next prune tries under another name. Look at it in the console, and delete what failed there.`,
    });
  if (point && !bad) return 'going';
  // Only an available one can be copied into a snapshot.
  if (resource.state === 'stopped') await service.start?.(name);
  else {
    const tags = { [POINT_TAGS.target]: destination };
    const made = await service.createPoint(name, bad ? another : pointName, tags);
    await note({ backups: { ...native.backups, [which]: made.arn } });
  }
  return 'going';
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
