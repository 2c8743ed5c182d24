/** The end of a prune: lets go of what its drops held, and is loud when anything stayed that should have gone. */
import { NightjarError, type ErrorCode } from '../core/errors.ts';
import { pruneProgressKey } from '../core/names.ts';
import type { CaughtFailure, DeleteResult, ExecutionFacts, PrunePlan } from '../core/payloads.ts';
import { failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { NO_PROGRESS, dropIdOf, pruneIdOf, pruneProgressSchema } from './shared/prune-plan.ts';
import { stopTaskOf } from './shared/stop-task.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'tasks' | 'work'>;

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
      const id = dropIdOf({ executionArn: event.executionArn, startedAt: event.startedAt, restoreId: end.restoreId });
      await stopTaskOf(parts, id, `Nightjar: the drop ${id} is over.`);
      const restore = await parts.catalog.getRestore(end.restoreId);
      if (restore) await parts.catalog.unlock(restore.destination, 'restore', id);
      const what = await failureOf(parts.catalog, end.failure ?? { Error: 'UNEXPECTED', Cause: '' }, {
        id,
        attempt: 1,
      });
      if (NO_FAULT.includes(what.code)) postponed += 1;
      else faults.push(`${restore?.replacedDatabase ?? end.restoreId}: ${what.message} ${what.detail ?? ''}`.trim());
    }
    if (faults.length > 0)
      throw new NightjarError('UNEXPECTED', {
        operation: 'prune',
        detail: `${faults.length} things were not deleted; nothing else was touched, and the next prune tries again. ${faults.filter(Boolean).join(' | ')}`,
      });
    return {
      deleted: progress.deleted,
      recovered: progress.recovered,
      dropped: event.drops.filter((one) => one.ok).length,
      postponed,
    };
  };

export const handler = wire.lambda(() =>
  makeClosePrune({ catalog: wire.catalog(), tasks: wire.tasks(), work: wire.work() }),
);
