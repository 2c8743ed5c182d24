/**
 * One look of a state that makes a native backup: it reads the backup's record with its draft, does what is next, notes it and
 * says `done` or how long to wait. The twin for restores is `look.ts`.
 */
import type { BackupRecord, PointDraft } from '../../core/backup.ts';
import { isNativeTarget, type NativeTarget } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import type { NativeService, PointState, RecoveryPoint } from '../../core/native.ts';
import type { BackupInput, ExecutionFacts, Look, OpenedBackup } from '../../core/payloads.ts';
import { ofFailure } from '../shared/outcome.ts';
import type { Parts } from '../shared/parts.ts';
import { pauseAfter } from './look.ts';
import { serviceOf } from './services.ts';
import { findTarget } from './targets.ts';

export type PointParts = Pick<Parts, 'catalog' | 'config' | 'services' | 'now'>;

/** What the states of a native backup are given: the workflow's whole state. */
export interface PointEvent extends ExecutionFacts {
  readonly input?: Pick<BackupInput, 'safetyFor'>;
  readonly opened: Pick<OpenedBackup, 'id' | 'target'>;
}

export interface PointLook {
  readonly record: BackupRecord;
  readonly target: NativeTarget;
  readonly service: NativeService;
  readonly now: Date;
  /** It is the net below a restore. */
  readonly safety: boolean;
  /** As it is now, with everything that was noted in this look; undefined before the first note. */
  readonly draft: PointDraft | undefined;
  /** Merges into the draft and writes it. The first note brings settings and window. @throws NightjarError when the backup is over. */
  note(change: Partial<PointDraft>): Promise<void>;
}

/** @throws NightjarError when the record is not RUNNING any more. */
export async function runningPoint(parts: PointParts, event: PointEvent): Promise<PointLook> {
  const { id, target: name } = event.opened;
  const record = await parts.catalog.getBackup(name, id);
  if (record?.status !== 'RUNNING') throw over(name, id, record);
  const target = await findTarget(parts, name);
  if (!isNativeTarget(target))
    throw new NightjarError('INPUT_INVALID', {
      operation: 'look',
      detail: `${name} is a target of ${target.engine} by now; the backup ${id} was begun of ${record.engine}.`,
    });
  let draft = record.draft;
  return {
    record,
    target,
    service: serviceOf(parts, target.engine),
    now: parts.now(),
    safety: event.input?.safetyFor !== undefined,
    get draft() {
      return draft;
    },
    async note(change) {
      const next = { ...(draft ?? EMPTY), ...change } as PointDraft;
      // Whoever closed the record meanwhile has told the world: nothing more is made for it.
      if (!(await parts.catalog.noteDraft(name, id, next)))
        throw over(name, id, await parts.catalog.getBackup(name, id));
      draft = next;
    },
  };
}

const EMPTY = { steps: {}, asked: [], points: [], warnings: [] };

/**
 * `work` answers whether the state is done, or in words what it waits for.
 * @throws NightjarError STEP_TIMED_OUT when it is not done after limits.nativeStepHours.
 */
export const lookingAtPoint =
  (parts: PointParts, step: string, phase: string, work: (looked: PointLook) => Promise<true | string>) =>
  async (event: PointEvent): Promise<Look> => {
    const looked = await runningPoint(parts, event);
    // Without a draft the state has only begun, so its time runs from the record's.
    const startedAt = looked.draft?.steps[step] ?? (looked.draft ? looked.now.toISOString() : looked.record.startedAt);
    const waitsFor = await work(looked);
    if (looked.draft && !looked.draft.steps[step])
      await looked.note({ steps: { ...looked.draft.steps, [step]: startedAt } });
    if (waitsFor === true) return { done: true, waitSeconds: 0 };
    const waited = (looked.now.getTime() - Date.parse(startedAt)) / 1_000;
    const { limits } = await parts.config();
    if (waited >= limits.nativeStepHours * 3_600)
      throw new NightjarError('STEP_TIMED_OUT', {
        operation: step,
        detail: `${looked.target.name} since ${startedAt}: ${waitsFor}. ${leftBehind(looked.draft)}`,
      });
    await parts.catalog.putProgress({
      id: looked.record.backupId,
      attempt: 1,
      status: 'running',
      phase: `${phase}: ${waitsFor}`,
      bytes: 0,
      updatedAt: looked.now.toISOString(),
    });
    return { done: false, waitSeconds: pauseAfter(waited) };
  };

/** How long a point that was asked for may be invisible: the service's own lists lag behind. */
const INVISIBLE_SECONDS = 600;

/**
 * A point that was asked for: itself when it is ready, or in words what it waits for.
 * @throws NightjarError POINT_FAILED, POINT_MISSING.
 */
export async function awaited(
  service: NativeService,
  { arn, at, region }: PointDraft['asked'][number],
  now: Date,
): Promise<RecoveryPoint | string> {
  const state: PointState | undefined = await service.pointState(arn);
  if (state?.status === 'ready' && state.point) return state.point;
  if (state?.status === 'failed')
    throw new NightjarError('POINT_FAILED', {
      operation: 'await point',
      detail: `${arn} is '${state.stateWord}'. The pruner removes what is left of it.`,
    });
  if (state) return `${arn} is '${state.stateWord}'`;
  if ((now.getTime() - Date.parse(at)) / 1_000 < INVISIBLE_SECONDS) return `${arn} is not listed yet in ${region}`;
  throw new NightjarError('POINT_MISSING', {
    operation: 'await point',
    detail: `${arn} was asked for at ${at} and is not there: somebody deleted it while it was being made.`,
  });
}

const leftBehind = (draft: PointDraft | undefined): string =>
  draft && draft.asked.length > 0
    ? `What was begun is ${draft.asked.map((one) => one.arn).join(', ')}; the pruner removes it.`
    : 'Nothing was begun.';

function over(target: string, id: string, record: BackupRecord | undefined): NightjarError {
  if (record?.failure) return ofFailure(record.failure);
  return new NightjarError('EXECUTION_FAILED', {
    operation: 'look',
    detail: `The backup ${id} of ${target} is ${record?.status ?? 'not there'}; nothing more is made for it.`,
  });
}
