/**
 * The pruner's look at one restore that a service did: what has served and whose time is over goes, after a last recovery point;
 * what a failed restore left behind goes; a stopped one that AWS started again after seven days is stopped again.
 */
import type { RenamingService } from '../core/native.ts';
import { pointName, swapBackupName } from '../core/names.ts';
import type { DropEvent, Look } from '../core/payloads.ts';
import { leftResource, leftUntil, undoneName, type NativeRecord } from '../core/serving.ts';
import { placeOf } from '../services/pointer.ts';
import { decidedSince } from './native/decided.ts';
import { lookAt, nativeRecord, type Looked, type LookParts } from './native/look.ts';
import { originalOf, restoredOf, type Carrier } from './native/names.ts';
import { isAliasOf, removed, removedAfterPoint, type Fate, type Served } from './native/removal.ts';
import { servingNow } from './native/serving.ts';
import { renamingServiceOf, serviceOf } from './native/services.ts';
import { tell } from './native/table.ts';
import { takeLock } from './shared/locking.ts';
import type { Parts } from './shared/parts.ts';
import { dropIdOf } from './shared/prune-plan.ts';
import * as wire from './shared/wiring.ts';

export type RemoveReplacedEvent = DropEvent & { readonly native: true };
type Needs = LookParts & Pick<Parts, 'services' | 'executions' | 'tasks' | 'pointers'>;

const ENDED = ['COMPLETED', 'FAILED', 'ROLLED_BACK'] as const;

export const makeRemoveReplaced =
  (parts: Needs) =>
  async (event: RemoveReplacedEvent): Promise<Look> => {
    const { restoreId, executionArn, startedAt: since } = event;
    const { destination } = await nativeRecord(parts, restoreId);
    const id = dropIdOf(event);
    // A rollback would start and rename what is being taken away here; while this one only waits, nobody waits for it.
    await takeLock(parts, { target: destination, kind: 'restore', id, executionArn });
    try {
      return await lookAt(parts, { restoreId, step: 'RemoveReplaced', statuses: ENDED, since }, (looked) =>
        work(parts, looked),
      );
    } finally {
      await parts.catalog.unlock(destination, 'restore', id);
    }
  };

async function work(parts: Needs, looked: Looked): Promise<boolean> {
  const { record, target, now } = looked;
  if (record.replacedDroppedAt !== undefined) return true;
  const service = serviceOf(parts, target.engine);
  const decided = await decidedSince(parts, service, record);
  if (decided) {
    await tell(looked, `What serves as ${record.native.settings.name} since is of the restore ${decided.by}.`);
    await looked.note({ serving: decided.serving });
  }
  const serving = decided?.serving ?? (await servingNow(service, record.native));
  const native = { ...looked.record.native, serving };
  // Somebody has to decide first which of the two comes back.
  if (serving === 'nothing' && native.original && !native.pointer) return true;
  const left = leftResource({ ...record, native });
  const old = target.engine !== 'dynamodb' && left !== undefined && left === native.oldName;
  if (now.getTime() < leftUntil(record)) {
    if (old && target.replaced === 'stopped') await stopAgain(renamingServiceOf(parts, target.engine), native);
    return true;
  }
  if (left === undefined || !(await isUnread(parts, looked))) return true;
  const fate = await step(parts, looked, old);
  // What was only kept, or never seen, was not removed: a way back may lead there yet.
  if (fate === 'gone')
    await parts.catalog.updateRestore(record.restoreId, ENDED, { replacedDroppedAt: now.toISOString() });
  return fate !== 'going';
}

/** A pointer that was switched while its record could not be written says the alias: then an application uses it. */
async function isUnread({ pointers }: Needs, { record, target }: Looked): Promise<boolean> {
  const { pointer } = record.native;
  if (!pointer || record.status === 'ROLLED_BACK') return true;
  if (!target.pointer || placeOf(target.pointer) !== pointer.where) return false;
  return (await pointers.read(target.pointer)) !== pointer.after;
}

function step(parts: Needs, looked: Looked, old: boolean): Promise<Fate> {
  const { record, target } = looked;
  const served = target.engine === 'dynamodb' ? servedTable(record) : servedOnce(record, old);
  return served === undefined
    ? leftoverRemoved(parts, looked)
    : removedAfterPoint(serviceOf(parts, target.engine), looked, served);
}

/** The alias to which a pointer led for a time. Of a swap there is none that has served. */
function servedTable({ native, restoreId }: NativeRecord): Served | undefined {
  const { pointer, restored, alias } = native;
  if (!pointer || !restored) return undefined;
  const carrier = { resourceId: restored.resourceId, names: [alias] };
  return { which: 'restored', carrier, pointName: swapBackupName(restoreId) };
}

/** The replaced original; or the restored one that a rollback set aside, with all that was written since the swap. */
function servedOnce({ native, restoreId, destination, status }: NativeRecord, old: boolean): Served | undefined {
  const aside = ({ resourceId, names }: Carrier): Carrier => ({
    resourceId,
    names: names.filter((name) => name !== native.settings.name),
  });
  const original = originalOf(native);
  if (old && original)
    return { which: 'original', carrier: aside(original), pointName: pointName(destination, restoreId) };
  const restored = restoredOf(native, restoreId);
  const undone = status === 'ROLLED_BACK' || native.steps.RollBackNames !== undefined;
  // The original's last point may have been taken before somebody rolled back: this one has a name of its own.
  return undone && restored
    ? { which: 'restored', carrier: aside(restored), pointName: swapBackupName(restoreId) }
    : undefined;
}

/** Source: AWS, RDS User Guide, "Stopping an Amazon RDS DB instance temporarily": it is started after seven days. */
async function stopAgain(service: RenamingService, { oldName, original }: NativeRecord['native']): Promise<void> {
  const found = await service.read(oldName!);
  if (found?.state === 'ready' && found.settings.resourceId === original?.resourceId) await service.stop(oldName!);
}

/** What nobody ever used: the alias of a restore that failed, also half-way. */
async function leftoverRemoved(parts: Needs, { record, target }: Looked): Promise<Fate> {
  const service = serviceOf(parts, target.engine);
  const isAlias = isAliasOf(record);
  const alias = await removed(service, record.native.alias, isAlias);
  const undone =
    target.engine === 'dynamodb' || (await removed(service, undoneName(record.native, record.restoreId), isAlias));
  return alias && undone ? 'gone' : 'going';
}

export const handler = wire.lambda(() =>
  makeRemoveReplaced({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    pointers: wire.pointers(),
    now: wire.now,
  }),
);
