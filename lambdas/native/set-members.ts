/** The members of a set as they are now: each found by its execution, so that nothing depends on a list that lags behind. */
import type { RestoreRecord } from '../../core/backup.ts';
import { failure, NightjarError } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { FailSetEvent, Look, SetEvent, StartedMember } from '../../core/payloads.ts';
import { memberFailed, type SeenMember } from '../../core/set-view.ts';
import { failureOfCatch } from '../../core/task-failure.ts';
import { atOnce } from '../shared/at-once.ts';
import type { SeenExecution } from '../shared/executions.ts';
import type { Parts } from '../shared/parts.ts';
import { pauseAfter } from './look.ts';

type Needs = Pick<Parts, 'catalog' | 'executions' | 'now'>;

/** The rule on executions that ended badly closes a record within seconds; later than this it will not. */
const CLOSED_WITHIN_MS = 10 * 60_000;
const ORPHAN = failure('EXECUTION_FAILED', {
  operation: 'look at restore',
  detail: 'Its execution ended without a word, and its record was not closed.',
});
const isOrphan = (parts: Needs, { status }: RestoreRecord, { over, endedAt }: SeenExecution): boolean =>
  status === 'RUNNING' &&
  over &&
  endedAt !== undefined &&
  parts.now().getTime() - Date.parse(endedAt) > CLOSED_WITHIN_MS;

/** In the order of the set, those that were done before among them. */
export async function membersOf(
  parts: Needs,
  { opened, started }: Pick<FailSetEvent, 'opened' | 'started'>,
): Promise<SeenMember[]> {
  if (!opened) return [];
  return atOnce(opened.targets, async (target): Promise<SeenMember> => {
    const before = opened.done.find((one) => one.target === target);
    if (before) {
      const record = await parts.catalog.getRestore(before.restoreId);
      return { target, before: true, ...(record ? { record } : {}) };
    }
    return {
      target,
      ...(await seen(
        parts,
        (started ?? []).find((one) => one.target === target),
      )),
    };
  });
}

async function seen(parts: Needs, started: StartedMember | undefined): Promise<Pick<SeenMember, 'record' | 'failure'>> {
  if (started?.executionArn === undefined)
    return {
      failure: started?.failure
        ? failureOfCatch(started.failure)
        : failure('NOT_STARTED', { operation: 'start restore', detail: 'Its restore was never started.' }),
    };
  const { catalog, executions } = parts;
  const execution = await executions.look(started.executionArn);
  const record = execution && (await catalog.getRestore(idOfExecution(started.executionArn, execution.startedAt)));
  if (record) return isOrphan(parts, record, execution) ? { record, failure: ORPHAN } : { record };
  // Refused before it had a record, or gone with it.
  if (!execution || execution.over)
    return {
      failure: execution?.failure
        ? failureOfCatch(execution.failure)
        : failure('EXECUTION_FAILED', { operation: 'look at restore', detail: 'It ended and left no record.' }),
    };
  return {};
}

/** @throws NightjarError SET_STOPPED that names who failed and why. */
export function refuseWhenOneFailed(members: readonly SeenMember[]): void {
  const failed = members.find(memberFailed);
  if (!failed) return;
  const why = failed.failure ?? failed.record?.failure;
  throw new NightjarError('SET_STOPPED', {
    operation: 'restore set',
    detail: `${failed.target} failed: ${[why?.code, why?.message, why?.detail].filter(Boolean).join(' ') || `it is ${failed.record?.status}`}`,
  });
}

/** Longest pause in seconds while somebody waits for the next turn. */
const TURN_PAUSE = 60;
/** A look is nine events, and an execution has 25,000 of them. Source: AWS, Step Functions Developer Guide, "Quotas". */
const LOOKS = 2_000;
/** While some tables are swapped and others are not, the next turn comes soon, however long a set may last. */
export const turnPause = (waitedSeconds: number, hours: number): number =>
  Math.min(pauseAfter(waitedSeconds), Math.max(TURN_PAUSE, Math.ceil((hours * 3_600) / LOOKS)));

/**
 * Not done yet. @throws NightjarError STEP_TIMED_OUT after limits.setHours; the time that a person had to approve it is not counted.
 */
export async function goOnWaiting(
  parts: Pick<Parts, 'config' | 'now'>,
  event: Pick<SetEvent, 'startedAt' | 'opened'>,
  { step, since, turns = false }: { readonly step: string; readonly since: string; readonly turns?: boolean },
): Promise<Look> {
  const { limits } = await parts.config();
  const now = parts.now().getTime();
  const allowed = limits.setHours + (turns && event.opened.approve ? limits.approvalHours : 0);
  if (now - Date.parse(event.startedAt) >= allowed * 3_600_000)
    throw new NightjarError('STEP_TIMED_OUT', {
      operation: step,
      detail: `The set ${event.opened.id} of ${event.opened.targets.join(', ')} runs since ${event.startedAt} (limits.setHours is ${limits.setHours}).`,
    });
  const waited = (now - Date.parse(since)) / 1_000;
  return { done: false, waitSeconds: turns ? turnPause(waited, limits.setHours) : pauseAfter(waited) };
}
