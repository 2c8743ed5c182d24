import { safetyExecution } from '../../core/names.ts';
import { approval } from './restore-native.ts';
import { byValue, look, retrying, startExecution, when, type States, type WorkflowParts } from './states.ts';

/** Words that stay the same however often they are asked for. */
const FINAL = [
  'CHECK_FAILED',
  'DESTINATION_EXISTS',
  'EXECUTION_ABORTED',
  'EXECUTION_FAILED',
  'EXECUTION_TIMED_OUT',
  'INPUT_INVALID',
  'POINT_MISSING',
  'RESOURCE_MISSING',
  'STEP_TIMED_OUT',
];

/**
 * While the table is away, or without its settings, one refusal of the service is no reason to stop: it is asked again for a
 * quarter of an hour.
 */
const patient = (states: States): States =>
  retrying(
    states,
    { ErrorEquals: FINAL, MaxAttempts: 0 },
    { ErrorEquals: ['States.ALL'], IntervalSeconds: 20, BackoffRate: 2, MaxAttempts: 6, MaxDelaySeconds: 300 },
  );

/** A set that stopped takes away what was restored for it; after anything else the alias stays, and the record names it. */
const withoutTurn = (states: States): States =>
  Object.fromEntries(
    Object.entries(states).map(([name, state]) => [
      name,
      state.Type === 'Task'
        ? {
            ...state,
            Catch: [
              { ErrorEquals: ['SET_STOPPED', 'STEP_TIMED_OUT'], ResultPath: '$.failure', Next: 'RemoveCancelled' },
              ...(state.Catch as object[]),
            ],
          }
        : state,
    ]),
  );

/** What is cleaned up after stays in `$.failure`. */
const cleanup = { failurePath: '$.cleanupFailure' };

/**
 * DynamoDB: a table can't be renamed, so a swap deletes the original and makes it again from a backup of the proven alias.
 * Backups of both exist before anything is deleted; a failure after that makes the table again before it is told.
 */
export const restoreTable = (parts: WorkflowParts): States => ({
  // Somebody deleted it: nothing has to be fenced, saved or deleted, and the outage is here already.
  TableThere: {
    Type: 'Choice',
    Choices: [
      {
        And: [
          { Variable: '$.opened.mode', StringEquals: 'swap' },
          { Variable: '$.opened.original', BooleanEquals: false },
        ],
        Next: 'GoneTableInSet',
      },
    ],
    Default: 'RestoreTable',
  },
  // Its backup is proven, but a set that stops must not leave it at a moment of its own.
  GoneTableInSet: when('$.opened.set', 'AwaitTurnToRecreate', 'ApproveRecreation'),
  ...withoutTurn(look(parts, 'AwaitTurn', { as: 'AwaitTurnToRecreate', next: 'RecreateTable', fail: 'FailRestore' })),
  ...approval(parts, { as: 'ApproveRecreation', ask: 'AskRecreationApproval', next: 'RecreateTable' }),
  ...look(parts, 'RestoreTable', { next: 'VerifyTable', fail: 'FailRestore' }),
  ...look(parts, 'VerifyTable', { next: 'TableVerified', fail: 'FailRestore' }),
  TableVerified: byValue(
    '$.opened.mode',
    { new: 'ApplyAlias', items: 'CopyItems', pointer: 'ApplyAlias' },
    'TableInSet',
  ),
  ...look(parts, 'ApplyTable', { as: 'ApplyAlias', next: 'AliasApplied', fail: 'FailRestore' }),
  AliasApplied: byValue('$.opened.mode', { pointer: 'TableInSet' }, 'CloseNative'),
  ...look(parts, 'CopyItems', { next: 'RemoveTableAlias', fail: 'FailRestore' }),

  // One of several: none begins its outage before all are verified, and then they take turns.
  TableInSet: when('$.opened.set', 'AwaitTurn', 'ApproveTable'),
  ...withoutTurn(look(parts, 'AwaitTurn', { next: 'PlaceTable', fail: 'FailRestore' })),
  ...approval(parts, { as: 'ApproveTable', ask: 'AskTableApproval', next: 'PlaceTable' }),
  PlaceTable: byValue('$.opened.mode', { pointer: 'SwitchPointer' }, 'FenceTable'),
  ...look(parts, 'FenceTable', { next: 'SafetyTable', fail: 'LiftFence' }),
  // A backup like any other, with manifest and record: the way back is a restore of it.
  SafetyTable: startExecution(parts, {
    machine: 'backup',
    name: `States.Format('${safetyExecution('{}')}', $.opened.id)`,
    input: {
      Input: { 'target.$': '$.opened.target', trigger: 'admin', 'safetyFor.$': '$.opened.id' },
    },
    resultPath: '$.safety',
    next: 'BackUpAlias',
    fail: 'LiftFence',
  }),
  ...look(parts, 'BackUpAlias', { next: 'DeleteTable', fail: 'LiftFence' }),
  ...look(parts, 'DeleteTable', { next: 'RecreateTable', fail: 'BringTableBack' }),
  ...patient(look(parts, 'RecreateTable', { next: 'FenceRecreated', fail: 'BringTableBack' })),
  // The fence was the deleted table's. Without it the comparison is disturbed, but nothing is lost.
  ...patient(
    look(parts, 'FenceTable', {
      as: 'FenceRecreated',
      next: 'VerifyRecreated',
      fail: 'VerifyRecreated',
      failurePath: '$.fenceFailure',
    }),
  ),
  // Compared before its settings are back: time to live would delete items meanwhile.
  ...look(parts, 'VerifyTable', { as: 'VerifyRecreated', next: 'ApplyTable', fail: 'BringSettingsBack' }),
  ...patient(look(parts, 'ApplyTable', { next: 'OpenTable', fail: 'BringSettingsBack' })),
  ...patient(look(parts, 'OpenTable', { next: 'RemoveTableAlias', fail: 'LiftFence' })),
  // It serves by now: an alias that stays behind is the pruner's.
  ...look(parts, 'RemoveAlias', { as: 'RemoveTableAlias', next: 'CloseNative', fail: 'CloseNative', ...cleanup }),

  // Whatever broke: is the table missing, it is made again, from the backup of the proven alias or else of the original.
  ...patient(
    look(parts, 'RecreateTable', {
      as: 'BringTableBack',
      next: 'BringSettingsBack',
      fail: 'BringSettingsBack',
      ...cleanup,
    }),
  ),
  ...patient(look(parts, 'ApplyTable', { as: 'BringSettingsBack', next: 'LiftFence', fail: 'LiftFence', ...cleanup })),
  ...patient(look(parts, 'OpenTable', { as: 'LiftFence', next: 'FailRestore', fail: 'FailRestore', ...cleanup })),
});
