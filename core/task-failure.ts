/**
 * What a Catch hands over, as a code of the registry. Sources: Step Functions' `Error` and `Cause` of Lambda functions
 * and of `ecs:runTask.sync`, and ECS's stop codes and stopped reasons.
 */
import { ERRORS, failure, isErrorCode, type ErrorCode, type Failure } from './errors.ts';
import type { CaughtFailure } from './payloads.ts';

/** The parts of a stopped task that say why; ECS's own spelling. */
interface StoppedTask {
  readonly StopCode?: string;
  readonly StoppedReason?: string;
  readonly TaskArn?: string;
  readonly Containers?: readonly { readonly ExitCode?: number; readonly Reason?: string }[];
}

/** Words of ECS and Step Functions for no room, each seen in `StoppedReason`, `Error` or `Cause`. */
const NO_ROOM =
  /capacity is unavailable|RESOURCE:|concurrent tasks|vCPU|Throttl|Rate exceeded|TooManyRequests|LimitExceeded|ServerException|ServiceUnavailable/i;
const NOT_STARTED =
  /CannotPullContainer|CannotPullImage|ResourceInitializationError|CannotStartContainer|CannotCreateContainer|CannotInspectContainer|CannotCreateVolume|CannotPullECRContainer|Timeout waiting for network interface/i;
const OUT_OF_MEMORY = /OutOfMemory/i;
/** 128 + SIGTERM, 128 + SIGKILL. */
const SIGTERM_EXIT = 143;
const SIGKILL_EXIT = 137;

/** The task that a caught failure speaks of, when ECS said something of it. */
function stoppedTaskOf(cause: string): StoppedTask | undefined {
  const value = jsonOf(cause);
  return value && ('StoppedReason' in value || 'StopCode' in value || 'Containers' in value) ? value : undefined;
}

function jsonOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Classifies what a Catch handed over. A Lambda function's error carries its own code; everything else is ECS's. */
export function failureOfCatch(caught: CaughtFailure): Failure {
  if (isErrorCode(caught.Error)) return ofLambda(caught.Error, caught.Cause);
  if (caught.Error === 'States.Timeout') return failure('TIMED_OUT', { operation: 'run task' });
  if (caught.Error === 'States.HeartbeatTimeout') return failure('STALLED', { operation: 'run task' });
  const task = stoppedTaskOf(caught.Cause);
  if (task) return ofTask(task);
  // Step Functions puts a Lambda error without our code here, such as a time-out of the function itself.
  const lambda = jsonOf(caught.Cause);
  if (lambda && typeof lambda.errorMessage === 'string')
    return failure('UNEXPECTED', { operation: 'run function', detail: `${caught.Error}: ${lambda.errorMessage}` });
  // A child execution that ended in a Fail state of ours.
  if (lambda && isErrorCode(lambda.Error))
    return ofLambda(lambda.Error, typeof lambda.Cause === 'string' ? lambda.Cause : '');
  const words = `${caught.Error}: ${caught.Cause}`;
  if (/^(ECS|AmazonECS)/.test(caught.Error) || caught.Error === 'States.TaskFailed') {
    const code = NO_ROOM.test(words) ? 'NO_CAPACITY' : 'TASK_NOT_STARTED';
    return failure(code, { operation: 'start task', detail: words });
  }
  return failure('UNEXPECTED', { operation: 'run workflow', detail: words });
}

/** `Cause` of a Lambda error is `{errorType, errorMessage}`; of a Fail state or a child execution, plain words. */
function ofLambda(code: ErrorCode, cause: string): Failure {
  const json = jsonOf(cause);
  const message = typeof json?.errorMessage === 'string' ? json.errorMessage : json ? '' : cause;
  const sentence = ERRORS[code].message;
  const detail = (message.startsWith(sentence) ? message.slice(sentence.length) : message).trim();
  return failure(code, detail === '' ? {} : { detail });
}

function ofTask(task: StoppedTask): Failure {
  const container = task.Containers?.[0];
  const exit = container?.ExitCode;
  const detail = [
    task.StoppedReason,
    container?.Reason,
    exit === undefined ? 'No exit code.' : `Exit code ${exit}.`,
    task.TaskArn && `Task ${task.TaskArn}.`,
  ]
    .filter(Boolean)
    .join(' ');
  const words = `${task.StopCode ?? ''} ${task.StoppedReason ?? ''} ${container?.Reason ?? ''}`;
  const say = (code: ErrorCode): Failure => failure(code, { operation: 'run task', detail });
  if (OUT_OF_MEMORY.test(words)) return say('TASK_DIED');
  if (NOT_STARTED.test(words)) return say('TASK_NOT_STARTED');
  if (exit === undefined && NO_ROOM.test(words)) return say('NO_CAPACITY');
  if (task.StopCode === 'TaskFailedToStart') return say('TASK_NOT_STARTED');
  // Killed after its grace is still "told to stop" when somebody asked for it; else it is memory.
  const asked =
    task.StopCode === 'UserInitiated' || /SpotInterruption|TerminationNotice|ServiceSchedulerInitiated/.test(words);
  if (exit === SIGTERM_EXIT || (asked && exit !== 0)) return say('TASK_STOPPED');
  if (exit === SIGKILL_EXIT) return say('TASK_DIED');
  if (exit === undefined && asked) return say('TASK_STOPPED');
  return say('TASK_DIED');
}
