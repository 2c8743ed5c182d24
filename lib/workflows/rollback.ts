import {
  begin,
  byValue,
  failedAsRecorded,
  failedUnrecorded,
  HOUR,
  invoke,
  look,
  runTask,
  startExecution,
  succeed,
  type Definition,
  type State,
  type WorkflowParts,
} from './states.ts';

/** Gives the data that a swap replaced its name back. */
export const rollbackDefinition = (parts: WorkflowParts): Definition => {
  const { servers, tables } = parts.natives;
  return {
    Comment: 'Takes a swap back',
    StartAt: 'Begin',
    TimeoutSeconds: (parts.limits.restoreHours + 1 + 10 * parts.limits.nativeStepHours) * HOUR,
    States: {
      Begin: begin('OpenRollback'),
      OpenRollback: invoke(parts, 'OpenRollback', {
        resultPath: '$.opened',
        next: 'Way',
        fail: 'FailRollback',
      }),
      Way: byValue(
        '$.opened.way',
        {
          dump: 'RunRollback',
          ...(servers ? { server: 'RollBackNames' } : {}),
          ...(servers || tables ? { pointer: 'RollBackPointer' } : {}),
          ...(tables ? { table: 'RestoreOriginal', back: 'CloseRollback' } : {}),
        },
        'RunRollback',
      ),
      ...(servers
        ? {
            ...look(parts, 'RollBackNames', { next: 'CloseRollback', fail: 'RollBackNamesAgain' }),
            // It may have broken off between two names: they are put right before it is told.
            ...look(parts, 'RollBackNames', {
              as: 'RollBackNamesAgain',
              next: 'FailRollback',
              fail: 'FailRollback',
              failurePath: '$.cleanupFailure',
            }),
          }
        : {}),
      ...(servers || tables
        ? {
            RollBackPointer: invoke(parts, 'RollBackPointer', {
              resultPath: null,
              next: 'CloseRollback',
              fail: 'FailRollback',
            }),
          }
        : {}),
      ...(tables ? { RestoreOriginal: restoreOriginal(parts) } : {}),
      RunRollback: runTask(parts, {
        task: 'restore',
        timeoutSeconds: parts.limits.restoreHours * HOUR,
        next: 'CloseRollback',
        fail: 'FailRollback',
      }),
      CloseRollback: invoke(parts, 'CloseRollback', {
        resultPath: '$.closed',
        outputPath: '$.closed',
        next: 'Done',
        fail: 'FailRollback',
      }),
      Done: succeed,
      FailRollback: invoke(parts, 'FailRollback', {
        resultPath: '$.failed',
        next: 'RollbackFailed',
        fail: 'FailRollbackUnrecorded',
      }),
      RollbackFailed: failedAsRecorded,
      FailRollbackUnrecorded: failedUnrecorded,
    },
  };
};

/** A table's original is a backup by now: to go back is to restore that. */
const restoreOriginal = (parts: WorkflowParts): State =>
  startExecution(parts, {
    machine: 'restore',
    name: "States.Format('rollback-{}', $.opened.id)",
    input: {
      Input: { 'target.$': '$.opened.target', 'at.$': '$.opened.backupId', mode: 'swap' },
    },
    resultPath: '$.restored',
    next: 'CloseRollback',
    fail: 'FailRollback',
  });
