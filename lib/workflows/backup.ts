import {
  attemptsSeconds,
  begin,
  failedAsRecorded,
  failedUnrecorded,
  HOUR,
  invoke,
  succeed,
  taskWithRetries,
  type Definition,
  type WorkflowParts,
} from './states.ts';

/** One backup of one target, from RUNNING to COMPLETED or FAILED. */
export const backupDefinition = (parts: WorkflowParts): Definition => ({
  Comment: 'Backs up one target and proves what was stored',
  StartAt: 'Begin',
  TimeoutSeconds: attemptsSeconds(parts.limits.backupHours),
  States: {
    Begin: begin('OpenBackup'),
    OpenBackup: invoke(parts, 'OpenBackup', { resultPath: '$.opened', next: 'RunDump', fail: 'FailBackup' }),
    ...taskWithRetries(parts, {
      name: 'RunDump',
      task: 'dump',
      timeoutSeconds: parts.limits.backupHours * HOUR,
      next: 'VerifyBackup',
      fail: 'FailBackup',
    }),
    VerifyBackup: invoke(parts, 'VerifyBackup', {
      input: '$.opened',
      resultPath: '$.verified',
      next: 'CloseBackup',
      fail: 'FailBackup',
    }),
    CloseBackup: invoke(parts, 'CloseBackup', {
      parameters: {
        'id.$': '$.opened.id',
        'target.$': '$.opened.target',
        'attempt.$': '$.opened.attempt',
        'manifestVersionId.$': '$.verified.manifestVersionId',
      },
      resultPath: '$.closed',
      outputPath: '$.closed',
      next: 'Done',
      fail: 'FailBackup',
    }),
    Done: succeed,
    FailBackup: invoke(parts, 'FailBackup', {
      resultPath: '$.failed',
      next: 'BackupFailed',
      fail: 'FailBackupUnrecorded',
    }),
    BackupFailed: failedAsRecorded,
    FailBackupUnrecorded: failedUnrecorded,
  },
});
