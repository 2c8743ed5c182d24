import {
  begin,
  failedAsCaught,
  HOUR,
  invoke,
  look,
  retrying,
  runTask,
  succeed,
  when,
  type Definition,
  type WorkflowParts,
} from './states.ts';

const DROPS_AT_ONCE = 5;
/** Two drops of one target take turns; a target that is at work for longer waits for another night. */
const TAKING_TURNS = {
  ErrorEquals: ['TARGET_BUSY'],
  IntervalSeconds: 20,
  BackoffRate: 2,
  MaxAttempts: 6,
  MaxDelaySeconds: 300,
  JitterStrategy: 'FULL',
};

/** Deletes what retention no longer keeps and drops replaced databases; ends badly when any of it failed. */
export const pruneDefinition = (parts: WorkflowParts): Definition => {
  const natives = parts.natives.servers || parts.natives.tables;
  return {
    Comment: 'Deletes expired backups and drops replaced databases',
    StartAt: 'Begin',
    TimeoutSeconds: 24 * HOUR + parts.limits.restoreHours * HOUR,
    States: {
      Begin: begin('PlanPrune'),
      PlanPrune: invoke(parts, 'PlanPrune', { resultPath: '$.plan', next: 'DeleteExpired', fail: 'PruneFailed' }),
      DeleteExpired: invoke(parts, 'DeleteExpired', {
        resultPath: '$.deleted',
        next: 'AllDeleted',
        fail: 'PruneFailed',
      }),
      AllDeleted: {
        Type: 'Choice',
        Choices: [{ Variable: '$.deleted.done', BooleanEquals: true, Next: natives ? 'DeletePoints' : 'DropReplaced' }],
        Default: 'DeleteExpired',
      },
      ...(natives ? look(parts, 'DeletePoints', { next: 'DropReplaced', fail: 'PruneFailed' }) : {}),
      DropReplaced: {
        Type: 'Map',
        ItemsPath: '$.plan.drops',
        ItemSelector: {
          'restoreId.$': '$$.Map.Item.Value.restoreId',
          'native.$': '$$.Map.Item.Value.native',
          'executionArn.$': '$.executionArn',
          'startedAt.$': '$.startedAt',
        },
        MaxConcurrency: DROPS_AT_ONCE,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: natives ? 'Method' : 'OpenDrop',
          States: {
            ...(natives
              ? {
                  Method: when('$.native', 'RemoveReplaced', 'OpenDrop'),
                  ...retrying(look(parts, 'RemoveReplaced', { next: 'Dropped', fail: 'DropFailed' }), TAKING_TURNS),
                }
              : {}),
            ...retrying(
              { OpenDrop: invoke(parts, 'OpenDrop', { resultPath: '$.opened', next: 'RunDrop', fail: 'DropFailed' }) },
              TAKING_TURNS,
            ),
            RunDrop: runTask(parts, {
              task: 'restore',
              timeoutSeconds: parts.limits.restoreHours * HOUR,
              next: 'CloseDrop',
              fail: 'DropFailed',
            }),
            CloseDrop: invoke(parts, 'CloseDrop', { resultPath: null, next: 'Dropped', fail: 'DropFailed' }),
            Dropped: { Type: 'Pass', Parameters: { ok: true, 'restoreId.$': '$.restoreId' }, End: true },
            DropFailed: {
              Type: 'Pass',
              Parameters: { ok: false, 'restoreId.$': '$.restoreId', 'failure.$': '$.failure' },
              End: true,
            },
          },
        },
        ResultPath: '$.drops',
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'PruneFailed' }],
        Next: 'ClosePrune',
      },
      ClosePrune: invoke(parts, 'ClosePrune', {
        resultPath: '$.closed',
        outputPath: '$.closed',
        next: 'Done',
        fail: 'PruneFailed',
      }),
      Done: succeed,
      PruneFailed: failedAsCaught,
    },
  };
};
