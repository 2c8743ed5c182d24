import { approval } from './restore-native.ts';
import { byValue, invoke, look, startExecution, type States, type WorkflowParts } from './states.ts';

/**
 * DynamoDB: a table can't be renamed, so a swap deletes the original and makes it again from a backup of the proven alias.
 * Backups of both exist before anything is deleted; a failure after that makes the table again before it is told.
 */
export const restoreTable = (parts: WorkflowParts): States => ({
  ...look(parts, 'RestoreTable', { next: 'VerifyTable', fail: 'FailRestore' }),
  ...look(parts, 'VerifyTable', { next: 'TableVerified', fail: 'FailRestore' }),
  TableVerified: byValue(
    '$.opened.mode',
    { new: 'ApplyAlias', items: 'CopyItems', pointer: 'ApplyAlias' },
    'ApproveTable',
  ),
  ...look(parts, 'ApplyTable', { as: 'ApplyAlias', next: 'AliasApplied', fail: 'FailRestore' }),
  AliasApplied: byValue('$.opened.mode', { pointer: 'ApproveTable' }, 'CloseNative'),
  ...look(parts, 'CopyItems', { next: 'RemoveTableAlias', fail: 'FailRestore' }),

  ...approval(parts, { as: 'ApproveTable', ask: 'AskTableApproval', next: 'PlaceTable' }),
  PlaceTable: byValue('$.opened.mode', { pointer: 'SwitchPointer' }, 'FenceTable'),
  FenceTable: invoke(parts, 'FenceTable', { resultPath: null, next: 'SafetyTable', fail: 'LiftFence' }),
  // A backup like any other, with manifest and record: the way back is a restore of it.
  SafetyTable: startExecution(parts, {
    machine: 'backup',
    name: "States.Format('safety-{}', $.opened.id)",
    input: {
      Input: { 'target.$': '$.opened.target', trigger: 'admin', 'safetyFor.$': '$.opened.id' },
    },
    resultPath: '$.safety',
    next: 'BackUpAlias',
    fail: 'LiftFence',
  }),
  ...look(parts, 'BackUpAlias', { next: 'DeleteTable', fail: 'LiftFence' }),
  ...look(parts, 'DeleteTable', { next: 'RecreateTable', fail: 'BringTableBack' }),
  ...look(parts, 'RecreateTable', { next: 'ApplyTable', fail: 'BringTableBack' }),
  ...look(parts, 'ApplyTable', { next: 'VerifyRecreated', fail: 'LiftFence' }),
  ...look(parts, 'VerifyTable', { as: 'VerifyRecreated', next: 'OpenTable', fail: 'LiftFence' }),
  OpenTable: invoke(parts, 'OpenTable', { resultPath: null, next: 'RemoveTableAlias', fail: 'FailRestore' }),
  // It serves by now: an alias that stays behind is the pruner's.
  ...look(parts, 'RemoveAlias', {
    as: 'RemoveTableAlias',
    next: 'CloseNative',
    fail: 'CloseNative',
    failurePath: '$.cleanupFailure',
  }),

  // Whatever broke: is the table missing, it is made again, from the backup of the proven alias or else of the original.
  ...look(parts, 'RecreateTable', {
    as: 'BringTableBack',
    next: 'BringSettingsBack',
    fail: 'LiftFence',
    failurePath: '$.cleanupFailure',
  }),
  ...look(parts, 'ApplyTable', {
    as: 'BringSettingsBack',
    next: 'LiftFence',
    fail: 'LiftFence',
    failurePath: '$.cleanupFailure',
  }),
  LiftFence: invoke(parts, 'OpenTable', {
    resultPath: null,
    next: 'FailRestore',
    fail: 'FailRestore',
    failurePath: '$.fenceFailure',
  }),
});
