/** The end of a prune: lets go of what its drops held, and is loud when anything stayed that should have gone. */
import { NightjarError, toNightjarError, type ErrorCode } from '../core/errors.ts';
import { pruneProgressKey } from '../core/names.ts';
import type { CaughtFailure, DeleteResult, ExecutionFacts, PrunePlan } from '../core/payloads.ts';
import { leftDatabase } from '../core/retention.ts';
import { isNativeRecord } from '../core/serving.ts';
import { tookAway } from './native/removal.ts';
import { atOnce } from './shared/at-once.ts';
import { failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { NO_PROGRESS, dropIdOf, pruneIdOf, pruneProgressSchema } from './shared/prune-plan.ts';
import { stopTaskOf } from './shared/stop-task.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'tasks' | 'work' | 'now'>;

/** How the map's item for one drop ended. */
export interface DropEnd {
  readonly ok: boolean;
  readonly restoreId: string;
  readonly failure?: CaughtFailure;
}
export interface ClosePruneEvent extends ExecutionFacts {
  readonly plan: PrunePlan;
  readonly deleted: DeleteResult;
  readonly drops: readonly DropEnd[];
}
/** The execution's output. */
export interface ClosedPrune {
  readonly deleted: number;
  /** Backups that the catalog had lost and that are back in it. */
  readonly recovered: number;
  readonly dropped: number;
  /** Drops that wait for another night, because the target was in use. */
  readonly postponed: number;
  /** Recovery points that the service refuses to delete as they are, a sentence each; absent when there are none. */
  readonly stuck?: readonly string[];
}

/** Nothing is wrong with these: the target is at work, or somebody rolled back meanwhile. */
const NO_FAULT: readonly ErrorCode[] = ['TARGET_BUSY', 'ROLLBACK_IMPOSSIBLE'];

export const makeClosePrune =
  (parts: Needs) =>
  async (event: ClosePruneEvent): Promise<ClosedPrune> => {
    const progress = pruneProgressSchema.parse(
      (await parts.work.getJson(pruneProgressKey(pruneIdOf(event)))) ?? NO_PROGRESS,
    );
    const faults = [...progress.failures];
    let postponed = 0;
    for (const end of event.drops.filter((one) => !one.ok)) {
      // One that can't be put in order does not keep the others.
      try {
        const fault = await faultOf(parts, event, end);
        if (fault === undefined) postponed += 1;
        else faults.push(fault);
      } catch (error) {
        faults.push(`${end.restoreId}: ${toNightjarError(error, 'close drop').message}`);
      }
    }
    if (faults.length > 0)
      throw new NightjarError('UNEXPECTED', {
        operation: 'prune',
        detail: `${faults.length} things were not deleted; nothing else was touched, and the next prune tries again. ${faults.filter(Boolean).join(' | ')}`,
      });
    return {
      deleted: progress.deleted,
      recovered: progress.recovered,
      dropped: (await atOnce(event.drops, (end) => isDropped(parts, end))).filter(Boolean).length,
      postponed,
      ...(progress.stuck.length === 0 ? {} : { stuck: progress.stuck }),
    };
  };

/** Of a native restore the look may have ended well because there was nothing to remove, or not yet. */
async function isDropped({ catalog }: Needs, { ok, restoreId }: DropEnd): Promise<boolean> {
  if (!ok) return false;
  const restore = await catalog.getRestore(restoreId);
  return !isNativeRecord(restore) || tookAway(restore);
}

/** Lets go of what a failed drop held. Answers with what went wrong; undefined when it is for another night. */
async function faultOf(parts: Needs, event: ClosePruneEvent, end: DropEnd): Promise<string | undefined> {
  const { executionArn, startedAt } = event;
  const id = dropIdOf({ executionArn, startedAt, restoreId: end.restoreId });
  const { over, refusal } = await stopTaskOf(parts, id, `Nightjar: the drop ${id} is over.`);
  const restore = await parts.catalog.getRestore(end.restoreId);
  if (over && restore) await parts.catalog.unlock(restore.destination, 'restore', id);
  if (refusal) throw refusal;
  const caught = end.failure ?? { Error: 'UNEXPECTED', Cause: '' };
  const what = await failureOf(parts.catalog, caught, { id, attempt: 1 });
  if (NO_FAULT.includes(what.code)) return undefined;
  const left = restore && (leftDatabase(restore, []) ?? restore.replacedDatabase);
  return `${left ?? end.restoreId}: ${what.message} ${what.detail ?? ''}`.trim();
}

export const handler = wire.lambda(() =>
  makeClosePrune({ catalog: wire.catalog(), tasks: wire.tasks(), work: wire.work(), now: wire.now }),
);
