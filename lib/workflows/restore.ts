import { safetyExecution } from '../../core/names.ts';
import { endsOfNative } from './restore-native.ts';
import { restoreServer } from './restore-server.ts';
import { restoreTable } from './restore-table.ts';
import {
  attemptsSeconds,
  begin,
  byValue,
  failedAsRecorded,
  failedUnrecorded,
  HOUR,
  invoke,
  startExecution,
  succeed,
  taskWithRetries,
  type Definition,
  type WorkflowParts,
} from './states.ts';

const THAW_PAUSE_SECONDS = 15 * 60;
/** Steps of a native restore that may each take their limit. */
const NATIVE_STEPS = 10;
/** CheckThaw gives up after three days by itself. */
const THAW_HOURS = 73;

const THAW = {
  'source.$': '$.opened.source',
  'backupId.$': '$.opened.backupId',
  'fromDatabase.$': '$.opened.fromDatabase',
};

/** Brings a backup back: thaws it, takes a safety backup where the old data would be lost, restores, compares. */
export const restoreDefinition = (parts: WorkflowParts): Definition => {
  const { servers, tables } = parts.natives;
  return {
    Comment: 'Restores a backup',
    StartAt: 'Begin',
    TimeoutSeconds:
      attemptsSeconds(parts.limits.restoreHours) +
      attemptsSeconds(parts.limits.backupHours) +
      THAW_HOURS * HOUR +
      (parts.limits.approvalHours +
        (tables ? parts.limits.setHours : 0) +
        NATIVE_STEPS * parts.limits.nativeStepHours) *
        HOUR,
    States: {
      Begin: begin('OpenRestore'),
      OpenRestore: invoke(parts, 'OpenRestore', { resultPath: '$.opened', next: 'Way', fail: 'FailRestore' }),
      Way: byValue(
        '$.opened.way',
        {
          dump: 'InGlacier',
          ...(servers ? { server: 'RestoreServer' } : {}),
          ...(tables ? { table: 'TableThere' } : {}),
        },
        'InGlacier',
      ),
      ...(servers ? restoreServer(parts) : {}),
      ...(tables ? restoreTable(parts) : {}),
      ...(servers || tables ? endsOfNative(parts) : {}),
      InGlacier: {
        Type: 'Choice',
        Choices: [{ Variable: '$.opened.frozen', BooleanEquals: true, Next: 'ThawObjects' }],
        Default: 'SafetyFirst',
      },
      ThawObjects: invoke(parts, 'ThawObjects', {
        parameters: THAW,
        resultPath: '$.thaw',
        next: 'Thawed',
        fail: 'FailRestore',
      }),
      Thawed: {
        Type: 'Choice',
        Choices: [{ Variable: '$.thaw.thawed', BooleanEquals: true, Next: 'SafetyFirst' }],
        Default: 'WaitForThaw',
      },
      WaitForThaw: { Type: 'Wait', Seconds: THAW_PAUSE_SECONDS, Next: 'CheckThaw' },
      CheckThaw: invoke(parts, 'CheckThaw', {
        parameters: { ...THAW, 'startedAt.$': '$.startedAt' },
        resultPath: '$.thaw',
        next: 'Thawed',
        fail: 'FailRestore',
      }),
      SafetyFirst: {
        Type: 'Choice',
        Choices: [{ Variable: '$.opened.safety', BooleanEquals: true, Next: 'SafetyBackup' }],
        Default: 'RunRestore',
      },
      SafetyBackup: startExecution(parts, {
        machine: 'backup',
        name: `States.Format('${safetyExecution('{}')}', $.opened.id)`,
        input: {
          Input: { 'target.$': '$.opened.target', trigger: 'admin', 'safetyFor.$': '$.opened.id' },
        },
        resultPath: '$.safety',
        next: 'RunRestore',
        fail: 'FailRestore',
      }),
      ...taskWithRetries(parts, {
        name: 'RunRestore',
        task: 'restore',
        timeoutSeconds: parts.limits.restoreHours * HOUR,
        next: 'CloseRestore',
        fail: 'FailRestore',
      }),
      CloseRestore: invoke(parts, 'CloseRestore', {
        resultPath: '$.closed',
        outputPath: '$.closed',
        next: 'Done',
        fail: 'FailRestore',
      }),
      Done: succeed,
      FailRestore: invoke(parts, 'FailRestore', {
        resultPath: '$.failed',
        next: 'RestoreFailed',
        fail: 'FailRestoreUnrecorded',
      }),
      RestoreFailed: failedAsRecorded,
      FailRestoreUnrecorded: failedUnrecorded,
    },
  };
};
