import {
  begin,
  failedAsRecorded,
  failedUnrecorded,
  HOUR,
  invoke,
  runTask,
  succeed,
  type Definition,
  type WorkflowParts,
} from './states.ts';

/** Gives the data that a swap replaced its name back. */
export const rollbackDefinition = (parts: WorkflowParts): Definition => ({
  Comment: 'Takes a swap back',
  StartAt: 'Begin',
  TimeoutSeconds: (parts.limits.restoreHours + 1) * HOUR,
  States: {
    Begin: begin('OpenRollback'),
    OpenRollback: invoke(parts, 'OpenRollback', {
      resultPath: '$.opened',
      next: 'RunRollback',
      fail: 'FailRollback',
    }),
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
});
