/** Starts a workflow and follows it to its end. */
import { randomBytes } from 'node:crypto';
import type { Progress } from '../core/job.ts';
import { EXIT, failure, isErrorCode, ERRORS, NightjarError, type Failure } from '../core/errors.ts';
import { idOfExecution } from '../core/ids.ts';
import type { Machine } from '../core/names.ts';
import { failureOfCatch } from '../core/task-failure.ts';
import type { Execution, Started } from './aws.ts';
import { isDenied, toCommandError } from './aws-errors.ts';
import { nativePhase } from './native/phases.ts';
import { EXIT_INTERRUPTED, exitOf, failureLines } from './outcome.ts';
import type { Session } from './session.ts';
import type { WorkflowJson } from './shapes.ts';

export interface Begun extends Started {
  /** Of the backup, restore, … that it makes. */
  readonly id: string;
}

/** Between two looks, in milliseconds. */
const LOOK_EVERY = 2_000;
/** After a look that failed; AWS throttles, laptops sleep. */
const RETRY_AFTER = 5_000;
const GIVE_UP_AFTER = 24;

/** 80 characters at most, of which a target takes 40; unique, and readable in the console. */
export function executionName(what: string, now: number): string {
  const stamp = new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '');
  return `${what.slice(0, 52)}-${stamp}Z-${randomBytes(4).toString('hex')}`;
}

/** @throws NightjarError AWS_DENIED, AWS_UNREACHABLE. */
export async function begin(session: Session, machine: Machine, what: string, input: object): Promise<Begun> {
  const { machines } = await session.backup();
  const arn = machines[machine];
  if (arn === undefined)
    throw new NightjarError('STACKS_MISSING', {
      operation: 'find workflow',
      detail: `There is no workflow ${machine}: it is deployed where the config has DynamoDB tables, from this version on.`,
    });
  const started = await session.world.aws.start(arn, executionName(what, session.world.now()), input);
  return { ...started, id: idOfExecution(started.executionArn, started.startedAt) };
}

/** What a state is about, for as long as no task speaks for itself. */
const STATE_WORDS: Readonly<Record<string, string>> = {
  VerifyBackup: 'checking what was stored',
  SafetyBackup: 'taking a safety backup first',
  ThawObjects: 'asking Glacier for the archived objects',
  CheckThaw: 'waiting for Glacier (3 to 5 hours)',
  RunDump: 'starting the task',
  RunRestore: 'starting the task',
  RunRollback: 'starting the task',
  RunProbe: 'starting the task',
};
/** States in which the task's own words are newer than the state's. */
const TASK_STATE = /^Run|^JudgeTask$|^Next(Attempt|Disk)$/;

function phaseOf(state: string | undefined, progress: Progress | undefined): string {
  if (progress && (state === undefined || TASK_STATE.test(state)))
    return progress.attempt === 1 ? progress.phase : `${progress.phase} (attempt ${progress.attempt})`;
  if (state === undefined) return 'starting';
  const known =
    STATE_WORDS[state] ?? nativePhase(state) ?? (state.includes('Thaw') ? STATE_WORDS.CheckThaw : undefined);
  if (known !== undefined) return known;
  return /^(Close|Fail)/.test(state) ? 'closing the record' : progress === undefined ? 'starting' : progress.phase;
}

/** How watching ended. Only `ended` says anything about the work itself: else it goes on in AWS. */
export type Followed =
  | { readonly how: 'ended'; readonly execution: Execution }
  | { readonly how: 'interrupted' }
  | { readonly how: 'lost'; readonly failure: Failure };

export async function follow(session: Session, begun: Begun, label: string): Promise<Followed> {
  const { world } = session;
  const { catalog } = await session.vault();
  const meter = session.meter();
  let interrupted = false;
  let wake: () => void = () => undefined;
  const release = world.onInterrupt(() => {
    interrupted = true;
    // A second Ctrl-C ends us at once.
    release();
    wake();
  });
  const pause = (milliseconds: number): Promise<void> =>
    Promise.race([world.sleep(milliseconds), new Promise<void>((resolve) => (wake = resolve))]);
  let statesVisible = true;
  const stateNow = async (): Promise<string | undefined> => {
    if (!statesVisible) return undefined;
    try {
      return await world.aws.currentState(begun.executionArn);
    } catch (thrown) {
      if (!isDenied(thrown)) throw thrown;
      statesVisible = false;
      session.say(
        'You may not read the execution’s history (states:GetExecutionHistory), so phases are shown roughly.',
      );
      return undefined;
    }
  };
  try {
    let troubles = 0;
    while (!interrupted) {
      try {
        const execution = await world.aws.describe(begun.executionArn);
        if (execution.status !== 'RUNNING') return { how: 'ended', execution };
        const [progress, state] = await Promise.all([catalog.getProgress(begun.id), stateNow()]);
        meter.show({
          label,
          phase: phaseOf(state, progress),
          bytes: progress?.bytes ?? 0,
          totalBytes: progress?.totalBytes,
          seconds: (world.now() - Date.parse(begun.startedAt)) / 1000,
        });
        troubles = 0;
        await pause(LOOK_EVERY);
      } catch (thrown) {
        troubles += 1;
        const error = toCommandError(thrown, 'follow');
        if (error.code === 'AWS_DENIED' || troubles >= GIVE_UP_AFTER)
          return { how: 'lost', failure: error.toFailure() };
        session.say(`Could not look, trying again: ${error.message}`);
        await pause(RETRY_AFTER);
      }
    }
    return { how: 'interrupted' };
  } finally {
    meter.stop();
    release();
  }
}

/** Why an execution did not succeed. The record's own failure says more, where there is one. */
export function failureOf(execution: Execution): Failure {
  const words = [execution.error, execution.cause].filter(Boolean).join(': ');
  if (execution.error !== undefined && isErrorCode(execution.error)) {
    const found = failureOfCatch({ Error: execution.error, Cause: execution.cause ?? '' });
    // The cause of a Fail state ends with the hint, which is printed by itself.
    const detail = found.detail?.replace(ERRORS[found.code].hint, '').trim();
    return failure(found.code, detail ? { detail } : {});
  }
  if (execution.status === 'ABORTED') return failure('EXECUTION_ABORTED', words ? { detail: words } : {});
  if (execution.status === 'TIMED_OUT') return failure('EXECUTION_TIMED_OUT', words ? { detail: words } : {});
  return failure('EXECUTION_FAILED', words ? { detail: words } : {});
}

/** A workflow that says it succeeded while its record does not is no success. */
export const contradiction = (what: string): Failure =>
  failure('UNEXPECTED', { operation: 'read the record', detail: `The execution succeeded, but ${what}.` });

/** How to look, and how to stop what goes on. */
const goesOnLines = (what: string, begun: Begun, look: string): string[] => [
  `The ${what} goes on in AWS, whether you watch or not.`,
  `  look:  ${look}`,
  `  stop:  aws stepfunctions stop-execution --execution-arn ${begun.executionArn}`,
];

/** The end of a workflow that somebody waited for; `failure` null means that record and execution agree on success. */
export const endedJson = (begun: Begun, found: Failure | undefined): WorkflowJson => ({
  ok: found === undefined,
  exitCode: found === undefined ? EXIT.ok : exitOf(found),
  id: begun.id,
  executionArn: begun.executionArn,
  followed: true,
  failure: found ?? null,
});

/** Nobody waits for the end: because it was asked so, after Ctrl-C, or because AWS stopped answering. */
export function leftAlone(
  session: Session,
  begun: Begun,
  words: { what: string; look: string },
  followed: Exclude<Followed, { how: 'ended' }> | 'detached',
): { json: WorkflowJson; text: string[]; exit: number } {
  const lost = followed !== 'detached' && followed.how === 'lost' ? followed.failure : undefined;
  const exit = followed === 'detached' ? EXIT.ok : lost ? exitOf(lost) : EXIT_INTERRUPTED;
  return {
    json: {
      ok: exit === EXIT.ok,
      exitCode: exit,
      id: begun.id,
      executionArn: begun.executionArn,
      followed: false,
      failure: lost ?? null,
    },
    text: [...(lost ? failureLines(lost, session.paint) : []), ...goesOnLines(words.what, begun, words.look)],
    exit,
  };
}
