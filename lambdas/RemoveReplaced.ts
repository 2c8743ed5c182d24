/**
 * The pruner's look at one restore that a service did: an original whose time is over goes, after a last recovery point; what
 * a failed or undone restore left behind goes; a stopped one that AWS started again after seven days is stopped again.
 */
import { NightjarError } from '../core/errors.ts';
import type { RenamingService } from '../core/native.ts';
import { pointName } from '../core/names.ts';
import type { DropEvent, Look } from '../core/payloads.ts';
import { leftResource, leftUntil, undoneName, type NativeRecord } from '../core/serving.ts';
import { lookAt, nativeRecord, type Looked, type LookParts } from './native/look.ts';
import { isAliasOf, removed } from './native/removal.ts';
import { servingNow } from './native/serving.ts';
import { renamingServiceOf, serviceOf } from './native/services.ts';
import { takeLock } from './shared/locking.ts';
import type { Parts } from './shared/parts.ts';
import { dropIdOf } from './shared/prune-plan.ts';
import * as wire from './shared/wiring.ts';

export type RemoveReplacedEvent = DropEvent & { readonly native: true };
type Needs = LookParts & Pick<Parts, 'services' | 'executions' | 'tasks'>;

const ENDED = ['COMPLETED', 'FAILED', 'ROLLED_BACK'] as const;

export const makeRemoveReplaced =
  (parts: Needs) =>
  async (event: RemoveReplacedEvent): Promise<Look> => {
    const { restoreId, executionArn } = event;
    const { destination } = await nativeRecord(parts, restoreId);
    const id = dropIdOf(event);
    // A rollback would start and rename what is being taken away here.
    await takeLock(parts, { target: destination, kind: 'restore', id, executionArn });
    const look = await lookAt(parts, { restoreId, step: 'RemoveReplaced', statuses: ENDED }, (looked) =>
      work(parts, looked),
    );
    if (look.done) await parts.catalog.unlock(destination, 'restore', id);
    return look;
  };

async function work(parts: Needs, looked: Looked): Promise<boolean> {
  const { record, target, now } = looked;
  if (record.replacedDroppedAt !== undefined) return true;
  const serving = await servingNow(serviceOf(parts, target.engine), record.native);
  const native = { ...record.native, serving };
  // Somebody has to decide first which of the two comes back.
  if (serving === 'nothing' && native.original && !native.pointer) return true;
  const left = leftResource({ ...record, native });
  const old = target.engine !== 'dynamodb' && left !== undefined && left === native.oldName;
  if (now.getTime() < leftUntil(record)) {
    if (old && target.replaced === 'stopped') await stopAgain(renamingServiceOf(parts, target.engine), native);
    return true;
  }
  const done =
    left === undefined ||
    (old
      ? await originalRemoved(renamingServiceOf(parts, target.engine), looked)
      : await leftoverRemoved(parts, looked));
  if (done) await parts.catalog.updateRestore(record.restoreId, ENDED, { replacedDroppedAt: now.toISOString() });
  return done;
}

/** Source: AWS, RDS User Guide, "Stopping an Amazon RDS DB instance temporarily": it is started after seven days. */
async function stopAgain(service: RenamingService, { oldName, original }: NativeRecord['native']): Promise<void> {
  const found = await service.read(oldName!);
  if (found?.state === 'ready' && found.settings.resourceId === original?.resourceId) await service.stop(oldName!);
}

/** The last recovery point is there and proven before anything is removed. */
async function originalRemoved(service: RenamingService, looked: Looked): Promise<boolean> {
  const { record, note } = looked;
  const { native, restoreId, destination } = record;
  const oldName = native.oldName!;
  const found = await service.read(oldName);
  if (found?.settings.resourceId !== native.original?.resourceId) return true;
  if (!found || found.state === 'busy') return false;
  const arn = native.backups?.original;
  const point = arn === undefined ? undefined : await service.pointState(arn);
  const of = point?.point?.sourceResourceId ?? native.original?.resourceId;
  if (point?.status === 'ready' && of === native.original?.resourceId)
    return removed(service, oldName, (it) => it.resourceId === native.original?.resourceId);
  if (point && point.status !== 'creating')
    throw new NightjarError('POINT_FAILED', {
      operation: 'take last point',
      detail: `${arn} is '${point.stateWord}' and of ${of}, so ${oldName} was not removed.`,
    });
  if (point) return false;
  // Only an available one can be copied into a snapshot.
  if (found.state === 'stopped') await service.start(oldName);
  else {
    const made = await service.createPoint(oldName, pointName(destination, restoreId), {
      'nightjar:target': destination,
    });
    await note({ backups: { ...native.backups, original: made.arn } });
  }
  return false;
}

/** What is in nobody's use: the alias of a restore that failed, and the restored one that a rollback set aside, also half-way. */
async function leftoverRemoved(parts: Needs, { record, target }: Looked): Promise<boolean> {
  const service = serviceOf(parts, target.engine);
  const isAlias = isAliasOf(record);
  const alias = await removed(service, record.native.alias, isAlias);
  const undone =
    target.engine === 'dynamodb' || (await removed(service, undoneName(record.native, record.restoreId), isAlias));
  return alias && undone;
}

export const handler = wire.lambda(() =>
  makeRemoveReplaced({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    now: wire.now,
  }),
);
