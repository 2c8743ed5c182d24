/** What a task said at its end. */
import type { Catalog } from '../../core/catalog.ts';
import { NightjarError, failure, type Failure } from '../../core/errors.ts';
import type { Outcome, OutcomeOf } from '../../core/job.ts';
import type { CaughtFailure } from '../../core/payloads.ts';
import { failureOfCatch } from '../../core/task-failure.ts';

/** The outcome of this very attempt. @throws NightjarError TASK_DIED when the task ended well and said nothing. */
export async function outcomeOf<K extends Outcome['kind']>(
  catalog: Catalog,
  kind: K,
  id: string,
  attempt: number,
): Promise<OutcomeOf<K>> {
  const progress = await catalog.getProgress(id, attempt);
  const outcome = progress?.outcome;
  if (progress?.status === 'succeeded' && isOf(outcome, kind)) return outcome;
  if (progress?.failure) throw ofFailure(progress.failure);
  throw new NightjarError('TASK_DIED', {
    operation: 'read outcome',
    detail: `Attempt ${attempt} left ${progress ? `'${progress.status}' in phase '${progress.phase}'` : 'no progress'} and no outcome of a ${kind}.`,
  });
}

/**
 * Of a native backup. Undefined when its manifest was written and the answer with its version was lost; whoever may read the vault
 * finds it. @throws NightjarError as {@link outcomeOf}.
 */
export async function saidOutcome(
  catalog: Catalog,
  id: string,
  attempt: number,
): Promise<OutcomeOf<'point'> | undefined> {
  const progress = await catalog.getProgress(id, attempt);
  if (progress?.status === 'succeeded' && progress.outcome === undefined) return undefined;
  return outcomeOf(catalog, 'point', id, attempt);
}

const isOf = <K extends Outcome['kind']>(outcome: Outcome | undefined, kind: K): outcome is OutcomeOf<K> =>
  outcome?.kind === kind || (kind === 'dump' && outcome?.kind === 'unnamed-dump');

/** A failure as it was stored, as an error again. */
export const ofFailure = (stored: Failure): NightjarError =>
  new NightjarError(stored.code, {
    ...(stored.operation === undefined ? {} : { operation: stored.operation }),
    ...(stored.detail === undefined ? {} : { detail: stored.detail }),
  });

/** What broke a workflow: the task's own words first, then those of whoever ran it. */
export async function failureOf(
  catalog: Catalog,
  caught: CaughtFailure,
  task?: { readonly id: string; readonly attempt?: number },
): Promise<Failure> {
  const seen = failureOfCatch(caught);
  if (task === undefined) return seen;
  const progress = await catalog.getProgress(task.id, task.attempt);
  if (progress?.status === 'failed' && progress.failure) {
    // A task that was stopped because its time was over knows only that it was stopped.
    return seen.code === 'TIMED_OUT' && progress.failure.code === 'TASK_STOPPED' ? seen : progress.failure;
  }
  if (progress?.status !== 'running') return seen;
  // Where it was when it ended helps whoever has to guess why.
  const where = `Its last phase was '${progress.phase}' at ${progress.updatedAt}, ${progress.bytes} bytes.`;
  return failure(seen.code, {
    ...(seen.operation === undefined ? {} : { operation: seen.operation }),
    detail: [seen.detail, where].filter(Boolean).join(' '),
  });
}

/** A failure in one paragraph: what becomes an execution's cause. */
export const causeOf = (what: Failure, ...more: string[]): string =>
  [what.message, what.detail, what.hint, ...more].filter(Boolean).join(' ');
