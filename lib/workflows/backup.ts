import {
  attemptsSeconds,
  begin,
  byValue,
  failedAsRecorded,
  failedUnrecorded,
  HOUR,
  invoke,
  look,
  succeed,
  taskWithRetries,
  type Definition,
  type States,
  type WorkflowParts,
} from './states.ts';

/** One backup of one target, from RUNNING to COMPLETED or FAILED. */
export const backupDefinition = (parts: WorkflowParts): Definition => {
  const natives = parts.natives.servers || parts.natives.tables;
  return {
    Comment: 'Backs up one target and proves what was stored',
    StartAt: 'Begin',
    TimeoutSeconds: attemptsSeconds(parts.limits.backupHours) + 2 * parts.limits.nativeStepHours * HOUR,
    States: {
      Begin: begin('OpenBackup'),
      OpenBackup: invoke(parts, 'OpenBackup', { resultPath: '$.opened', next: 'Method', fail: 'FailBackup' }),
      Method: byValue('$.opened.method', { dump: 'RunDump', ...(natives ? { native: 'MakePoint' } : {}) }, 'RunDump'),
      ...(natives ? recoveryPoint(parts) : {}),
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
  };
};

/** The service keeps the point; the vault holds the manifest, with every setting that a restore must bring back. */
const recoveryPoint = (parts: WorkflowParts): States => ({
  ...look(parts, 'MakePoint', { next: 'CopyPoint', fail: 'FailBackup' }),
  ...look(parts, 'CopyPoint', { next: 'WriteManifest', fail: 'FailBackup' }),
  WriteManifest: invoke(parts, 'WriteManifest', { resultPath: null, next: 'VerifyPoint', fail: 'FailBackup' }),
  VerifyPoint: invoke(parts, 'VerifyPoint', {
    input: '$.opened',
    resultPath: '$.verified',
    next: 'CloseBackup',
    fail: 'FailBackup',
  }),
});
