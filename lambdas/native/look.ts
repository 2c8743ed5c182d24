/**
 * One look of a state that waits for a service: it reads the restore's record, does what is next, notes it and says `done` or
 * how long to wait. A look may be repeated, and a crash between any two of its calls is the same as a pause.
 */
import { parseApproved } from '../../core/approval.ts';
import type { RestoreRecord } from '../../core/backup.ts';
import { isNativeTarget, type Config, type NativeTarget } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import type { NativeRestore } from '../../core/native.ts';
import type { Look, NativeEvent } from '../../core/payloads.ts';
import { isNativeRecord, type NativeRecord } from '../../core/serving.ts';
import { ofFailure } from '../shared/outcome.ts';
import type { Parts } from '../shared/parts.ts';
import { findTarget } from './targets.ts';

export type LookParts = Pick<Parts, 'catalog' | 'config' | 'now'>;

export interface Looked {
  /** As it is now, with everything that was noted in this look. */
  readonly record: NativeRecord;
  readonly target: NativeTarget;
  readonly now: Date;
  /** Start of the execution, where more than one works on a record: what an earlier one noted of its own waiting is not ours. */
  readonly since?: string;
  /** Merges into record.native and writes it (RUNNING only). @throws NightjarError when the restore is over. */
  readonly note: (change: Partial<NativeRestore>) => Promise<void>;
}

/** A state's name, or how it is told apart when one function serves several states. */
export type StepName = string | ((record: NativeRecord) => string);

/** How a look finds its record; the states of a restore that runs need none of this. */
export interface LookAt {
  readonly restoreId: string;
  readonly step: StepName;
  /** In which the record may be. */
  readonly statuses: readonly RestoreRecord['status'][];
  /** Rollbacks and removals: when their execution began. A step that an earlier one left undone is begun anew. */
  readonly since?: string;
  /** `limits.nativeStepHours` and {@link pauseAfter} unless said otherwise. */
  readonly limit?: WaitLimit;
}

/** How long a step may wait, and how often it looks. */
export interface WaitLimit {
  readonly hours: (limits: Config['limits']) => number;
  /** As a person finds it in the config. */
  readonly said: string;
  /** Seconds. */
  readonly pause: (waitedSeconds: number, limits: Config['limits']) => number;
}
const STEP_LIMIT: WaitLimit = {
  hours: ({ nativeStepHours }) => nativeStepHours,
  said: 'limits.nativeStepHours',
  pause: (waitedSeconds) => pauseAfter(waitedSeconds),
};

/**
 * A look of a running restore. `work` answers whether the step is done.
 * @throws NightjarError STEP_TIMED_OUT when the step is not done after limits.nativeStepHours.
 */
export const looking =
  (parts: LookParts, step: StepName, work: (looked: Looked) => Promise<boolean>, limit = STEP_LIMIT) =>
  (event: NoteworthyEvent): Promise<Look> =>
    lookAt(parts, { restoreId: event.opened.id, step, statuses: ['RUNNING'], limit }, async (looked) => {
      await noteApproval(looked, event);
      return work(looked);
    });

type NoteworthyEvent = Pick<NativeEvent, 'opened' | 'approval'>;

/** The first state after a yes notes it; the yes is in the payload of all that come later. */
async function noteApproval({ record, note }: Looked, { approval: answer }: NoteworthyEvent): Promise<void> {
  const { approval } = record.native;
  if (answer === undefined || !approval || approval.decision) return;
  const { decidedBy } = parseApproved(answer);
  await note({ approval: { ...approval, decision: 'approved', ...(decidedBy === undefined ? {} : { decidedBy }) } });
}

export async function lookAt(
  parts: LookParts,
  { restoreId, step: stepName, statuses, since, limit = STEP_LIMIT }: LookAt,
  work: (looked: Looked) => Promise<boolean>,
): Promise<Look> {
  const looked = await lookedAt(parts, { restoreId, statuses, ...(since === undefined ? {} : { since }) });
  const step = typeof stepName === 'string' ? stepName : stepName(looked.record);
  const before = looked.record.native.steps[step];
  // A step that was done is begun anew: its answer was lost, or the state comes a second time.
  const startedAt = before && !before.doneAt && isOf(since, before) ? before.startedAt : looked.now.toISOString();
  if (before?.startedAt !== startedAt) await looked.noteStep(step, { startedAt });
  if (await work(looked)) {
    await looked.noteStep(step, { startedAt, doneAt: looked.now.toISOString() });
    return { done: true, waitSeconds: 0 };
  }
  const waited = (looked.now.getTime() - Date.parse(startedAt)) / 1_000;
  const { limits } = await parts.config();
  const hours = limit.hours(limits);
  if (waited >= hours * 3_600)
    throw new NightjarError('STEP_TIMED_OUT', {
      operation: step,
      detail: `${step} of ${looked.record.destination} waits since ${startedAt} (${limit.said} is ${hours}). ${leftBehind(looked.record)}`,
    });
  return { done: false, waitSeconds: limit.pause(waited, limits) };
}

/** Whether this execution noted it. */
export const isOf = (since: string | undefined, { startedAt }: Step): boolean =>
  since === undefined || Date.parse(startedAt) >= Date.parse(since);

const SHORTEST_PAUSE = 2;
/** A look is nine events, and an execution has 25,000 of them. Source: AWS, Step Functions Developer Guide, "Quotas". */
const LONGEST_PAUSE = 600;
/** Seconds until the next look: an eighth of what was waited so far. */
export const pauseAfter = (waitedSeconds: number): number =>
  Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, Math.ceil(waitedSeconds / 8)));

/** What a restore has made so far and a person may find, in a sentence. */
export function leftBehind({ native, destination }: NativeRecord): string {
  const made = native.restored ? `, ${native.restored.arn}` : '';
  const where = `${native.alias} (made for ${destination}${made})`;
  return native.serving === 'restored'
    ? `The restored one serves under ${native.settings.name}.`
    : `What was restored, if it was begun, is ${where}.`;
}

/** The same for a state that does not wait. */
export async function withRecord(parts: LookParts, event: NoteworthyEvent): Promise<Looked> {
  const looked = await lookedAt(parts, { restoreId: event.opened.id, statuses: ['RUNNING'] });
  await noteApproval(looked, event);
  return looked;
}

/** The restore's record when it is one of a service's own. @throws NightjarError RESTORE_UNKNOWN. */
export async function nativeRecord({ catalog }: Pick<Parts, 'catalog'>, restoreId: string): Promise<NativeRecord> {
  const record = await catalog.getRestore(restoreId);
  if (isNativeRecord(record)) return record;
  throw new NightjarError('RESTORE_UNKNOWN', {
    operation: 'find restore',
    detail: `${restoreId} is ${record ? 'no restore that a service does itself' : 'not there'}.`,
  });
}

type Step = NativeRestore['steps'][string];

export async function lookedAt(
  parts: LookParts,
  { restoreId, statuses, since }: Omit<LookAt, 'step'>,
): Promise<Looked & { noteStep(name: string, step: Step): Promise<void> }> {
  let record = await nativeRecord(parts, restoreId);
  if (!statuses.includes(record.status)) throw over(record);
  const target = await findTarget(parts, record.destination);
  if (!isNativeTarget(target))
    throw new NightjarError('INPUT_INVALID', {
      operation: 'look',
      detail: `${target.name} is a target of ${target.engine} by now; the restore ${restoreId} was of ${record.native.settings.engine}.`,
    });
  const note = async (change: Partial<NativeRestore>): Promise<void> => {
    const native = { ...record.native, ...change };
    // Whoever closed the record meanwhile has said what serves: from then on nothing may be changed.
    if (!(await parts.catalog.updateRestore(restoreId, statuses, { native })))
      throw over(await nativeRecord(parts, restoreId));
    record = { ...record, native };
  };
  return {
    get record() {
      return record;
    },
    target,
    now: parts.now(),
    ...(since === undefined ? {} : { since }),
    note,
    noteStep: (name, step) => note({ steps: { ...record.native.steps, [name]: step } }),
  };
}

function over({ restoreId, status, failure }: NativeRecord): NightjarError {
  if (failure) return ofFailure(failure);
  return new NightjarError('EXECUTION_FAILED', {
    operation: 'look',
    detail: `The restore ${restoreId} is ${status}; nothing more is done for it.`,
  });
}
