import {
  ask,
  begin,
  catchAll,
  failedAsRecorded,
  HOUR,
  invoke,
  look,
  startOnly,
  succeed,
  when,
  type Definition,
  type WorkflowParts,
} from './states.ts';

/** Enough to start all within seconds; none is waited for here. */
const STARTS_AT_ONCE = 10;
/** A table that is in the midst of its swap is waited for, also when the set broke. */
const LAST_SWAP = 2;

/**
 * Several tables back to one moment. It starts the ordinary restore of each and conducts: all are restored side by side, none
 * begins its outage before all are verified, and then they take turns. The restores are no children that it waits for within a
 * state: an inline map runs 40 at once at most, and stopping the set must not stop a table that is away in the midst of its swap.
 */
export const restoreSetDefinition = (parts: WorkflowParts): Definition => {
  const { setHours, approvalHours } = parts.limits;
  return {
    Comment: 'Restores several tables to one moment',
    StartAt: 'Begin',
    TimeoutSeconds: (setHours + approvalHours + LAST_SWAP * setHours + 1) * HOUR,
    States: {
      Begin: begin('OpenSet'),
      OpenSet: invoke(parts, 'OpenSet', { resultPath: '$.opened', next: 'StartMembers', fail: 'FailSet' }),
      StartMembers: {
        Type: 'Map',
        ItemsPath: '$.opened.members',
        MaxConcurrency: STARTS_AT_ONCE,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'StartMember',
          States: {
            StartMember: startOnly(parts, {
              machine: 'restore',
              name: '$.executionName',
              input: { 'Input.$': '$.input' },
              resultPath: '$.execution',
              next: 'MemberStarted',
              fail: 'MemberNotStarted',
            }),
            MemberStarted: {
              Type: 'Pass',
              Parameters: { 'target.$': '$.target', 'executionArn.$': '$.execution.ExecutionArn' },
              End: true,
            },
            MemberNotStarted: {
              Type: 'Pass',
              Parameters: { 'target.$': '$.target', 'failure.$': '$.failure' },
              End: true,
            },
          },
        },
        ResultPath: '$.started',
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'FailSet' }],
        Next: 'GatherSet',
      },
      ...look(parts, 'GatherSet', { next: 'ApproveSet', fail: 'StopSet' }),
      ApproveSet: when('$.opened.approve', 'AskSet', 'SwapSet'),
      AskSet: ask(parts, 'AskSet', {
        more: { 'started.$': '$.started' },
        refused: catchAll('StopSet'),
        next: 'SwapSet',
      }),
      ...look(parts, 'SwapSet', { next: 'CloseSet', fail: 'StopSet' }),
      CloseSet: invoke(parts, 'CloseSet', {
        resultPath: '$.closed',
        outputPath: '$.closed',
        next: 'Done',
        fail: 'FailSet',
      }),
      Done: succeed,
      ...look(parts, 'StopSet', { next: 'FailSet', fail: 'FailSet', failurePath: '$.cleanupFailure' }),
      FailSet: invoke(parts, 'FailSet', { resultPath: '$.failed', next: 'SetFailed', fail: 'FailSetUntold' }),
      SetFailed: failedAsRecorded,
      FailSetUntold: {
        Type: 'Fail',
        Error: 'EXECUTION_FAILED',
        Cause: 'Who serves what could not be told. Each table’s restore has its own record: nightjar status.',
      },
    },
  };
};
