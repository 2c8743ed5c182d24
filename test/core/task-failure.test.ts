import { describe, expect, it } from 'vitest';
import { ERRORS, isErrorCode } from '../../core/errors.ts';
import { failureOfCatch } from '../../core/task-failure.ts';

const task = (fields: object) => ({
  Error: 'States.TaskFailed',
  Cause: JSON.stringify({ TaskArn: 'arn:task', ...fields }),
});
const exited = (ExitCode: number, more: object = {}) =>
  task({
    StopCode: 'EssentialContainerExited',
    StoppedReason: 'Essential container in task exited',
    Containers: [{ ExitCode, ...more }],
  });

describe('what ended a task', () => {
  it.each([
    ['TASK_DIED', 'an exit without a word', exited(1)],
    ['TASK_DIED', 'a kill', exited(137)],
    ['TASK_DIED', 'no memory', exited(137, { Reason: 'OutOfMemoryError: Container killed due to memory usage' })],
    ['TASK_STOPPED', 'SIGTERM', exited(143)],
    [
      'TASK_STOPPED',
      'a person',
      task({ StopCode: 'UserInitiated', StoppedReason: 'Task stopped by user', Containers: [{ ExitCode: 137 }] }),
    ],
    [
      'TASK_STOPPED',
      'a reclaimed host',
      task({
        StopCode: 'SpotInterruption',
        StoppedReason: 'Your Spot Task was interrupted.',
        Containers: [{ ExitCode: 137 }],
      }),
    ],
    [
      'TASK_NOT_STARTED',
      'an image that is not there',
      task({
        StopCode: 'TaskFailedToStart',
        StoppedReason: 'CannotPullContainerError: pull image manifest has been retried 5 time(s)',
        Containers: [{}],
      }),
    ],
    [
      'TASK_NOT_STARTED',
      'a network without a way out',
      task({
        StopCode: 'TaskFailedToStart',
        StoppedReason: 'ResourceInitializationError: unable to pull secrets or registry auth',
        Containers: [{}],
      }),
    ],
    [
      'TASK_NOT_STARTED',
      'a start that failed for another reason',
      task({ StopCode: 'TaskFailedToStart', StoppedReason: 'Unexpected EC2 error', Containers: [{}] }),
    ],
    [
      'NO_CAPACITY',
      'no room in Fargate',
      task({
        StopCode: 'TaskFailedToStart',
        StoppedReason: 'Capacity is unavailable at this time. Please try again later',
        Containers: [{}],
      }),
    ],
    [
      'NO_CAPACITY',
      'the account’s quota',
      {
        Error: 'ECS.AmazonECSException',
        Cause: "You've reached the limit on the number of vCPUs you can run concurrently",
      },
    ],
    [
      'NO_CAPACITY',
      'throttling',
      { Error: 'ECS.ThrottlingException', Cause: 'Rate exceeded (Service: Ecs, Status Code: 400)' },
    ],
    [
      'TASK_NOT_STARTED',
      'a request that ECS refused',
      { Error: 'ECS.InvalidParameterException', Cause: 'The subnet ID does not exist' },
    ],
    ['TIMED_OUT', 'its time', { Error: 'States.Timeout', Cause: '' }],
  ])('is %s for %s', (code, _, caught) => {
    expect(failureOfCatch(caught).code).toBe(code);
  });

  it('keeps ECS’s words and the task’s ARN', () => {
    expect(failureOfCatch(exited(3)).detail).toBe('Essential container in task exited Exit code 3. Task arn:task.');
  });
});

describe('what a function threw', () => {
  const thrown = (name: string, message: string) => ({
    Error: name,
    Cause: JSON.stringify({ errorType: name, errorMessage: message, trace: [] }),
  });

  it('keeps its code, and its detail without the sentence that goes with it', () => {
    const { message } = ERRORS.OBJECT_DAMAGED;
    expect(failureOfCatch(thrown('OBJECT_DAMAGED', `${message} a.dump: 3 bytes stored, 4 written.`))).toEqual({
      code: 'OBJECT_DAMAGED',
      message,
      hint: ERRORS.OBJECT_DAMAGED.hint,
      detail: 'a.dump: 3 bytes stored, 4 written.',
    });
    for (const code of Object.keys(ERRORS).filter(isErrorCode))
      expect(failureOfCatch(thrown(code, ERRORS[code].message))).toMatchObject({ code });
  });

  it('is UNEXPECTED with its own words when it has no code of ours', () => {
    expect(failureOfCatch(thrown('Sandbox.Timedout', 'Task timed out after 60.00 seconds'))).toMatchObject({
      code: 'UNEXPECTED',
      detail: 'Sandbox.Timedout: Task timed out after 60.00 seconds',
    });
    expect(failureOfCatch({ Error: 'States.Runtime', Cause: 'no such path' }).detail).toContain('no such path');
    expect(failureOfCatch({ Error: '', Cause: '' }).code).toBe('UNEXPECTED');
  });
});

describe('what a child execution ended with', () => {
  it('is the child’s own code', () => {
    const cause = JSON.stringify({
      ExecutionArn: 'arn',
      Status: 'FAILED',
      Error: 'PRIVILEGE_MISSING',
      Cause: 'permission denied',
    });
    expect(failureOfCatch({ Error: 'States.TaskFailed', Cause: cause })).toMatchObject({
      code: 'PRIVILEGE_MISSING',
      detail: 'permission denied',
    });
  });
});
