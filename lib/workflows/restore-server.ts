import { approval } from './restore-native.ts';
import { byValue, HOUR, invoke, look, runTask, when, type States, type WorkflowParts } from './states.ts';

/**
 * RDS and Aurora: an alias beside the original, with all settings, looked into, then the names exchanged. Until
 * RenameOriginal the original serves; a failure from there on puts the names back.
 */
export const restoreServer = (parts: WorkflowParts): States => ({
  ...look(parts, 'RestoreServer', { next: 'ApplyServer', fail: 'FailRestore' }),
  ...look(parts, 'ApplyServer', { next: 'CompareServer', fail: 'FailRestore' }),
  CompareServer: invoke(parts, 'CompareServer', { resultPath: null, next: 'CheckFirst', fail: 'FailRestore' }),
  CheckFirst: when('$.opened.check', 'OpenCheck', 'ServerChecked'),
  OpenCheck: invoke(parts, 'OpenCheck', { resultPath: '$.check', next: 'RunCheck', fail: 'FailRestore' }),
  RunCheck: runTask(parts, {
    task: 'restore',
    opened: '$.check',
    timeoutSeconds: parts.limits.restoreHours * HOUR,
    next: 'CloseCheck',
    fail: 'FailRestore',
  }),
  CloseCheck: invoke(parts, 'CloseCheck', { resultPath: null, next: 'ServerChecked', fail: 'FailRestore' }),
  ServerChecked: byValue('$.opened.mode', { new: 'CloseNative' }, 'ApproveServer'),
  ...approval(parts, { as: 'ApproveServer', ask: 'AskServerApproval', next: 'PlaceServer' }),
  PlaceServer: byValue('$.opened.mode', { pointer: 'SwitchPointer' }, 'RenameOriginal'),
  ...look(parts, 'RenameOriginal', { next: 'RenameAlias', fail: 'PutNamesBack' }),
  ...look(parts, 'RenameAlias', { next: 'Repoint', fail: 'PutNamesBack' }),
  ...look(parts, 'PutNamesBack', { next: 'FailRestore', fail: 'FailRestore', failurePath: '$.cleanupFailure' }),
  // The restored one serves by now: who else must be told is no reason to take it back.
  Repoint: invoke(parts, 'Repoint', {
    resultPath: null,
    next: 'CloseNative',
    fail: 'CloseNative',
    failurePath: '$.repointFailure',
  }),
});
