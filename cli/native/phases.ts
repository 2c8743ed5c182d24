/** What the states of native backups and restores are about, in the words of whoever watches. */
const PHASES: Readonly<Record<string, string>> = {
  MakePoint: 'waiting for the recovery point',
  CopyPoint: 'copying the recovery point into other regions',
  WriteManifest: 'writing the manifest',
  VerifyPoint: 'checking the recovery point',

  RestoreServer: 'restoring beside the original',
  RestoreTable: 'restoring beside the original',
  ApplyServer: 'giving the restored one its settings',
  ApplyAlias: 'giving the restored one its settings',
  CompareServer: 'comparing all settings',
  OpenCheck: 'looking into the restored data',
  RunCheck: 'looking into the restored data',
  CloseCheck: 'looking into the restored data',
  VerifyTable: 'counting the restored items',
  AskServerApproval: 'waiting for nightjar approve or nightjar cancel',
  AskTableApproval: 'waiting for nightjar approve or nightjar cancel',
  RenameOriginal: 'OUTAGE: renaming the original',
  RenameAlias: 'OUTAGE: giving the restored one the name',
  PutNamesBack: 'it failed: giving the original its name back',
  Repoint: 'telling who else names it',
  SwitchPointer: 'switching the pointer',
  CopyItems: 'copying the chosen items',

  FenceTable: 'OUTAGE: keeping writes away',
  SafetyTable: 'OUTAGE for writes: backing the original up',
  BackUpAlias: 'OUTAGE for writes: backing the restored one up',
  DeleteTable: 'OUTAGE: proving both backups, deleting the original',
  RecreateTable: 'OUTAGE: making the table again',
  FenceRecreated: 'OUTAGE: making the table again',
  VerifyRecreated: 'OUTAGE for writes: comparing the table',
  ApplyTable: 'OUTAGE for writes: giving the table its settings',
  OpenTable: 'letting writes in again',
  RemoveTableAlias: 'removing what was restored beside it',
  RemoveCancelled: 'removing what was restored',
  BringTableBack: 'it failed: bringing the table back',
  BringSettingsBack: 'it failed: bringing the table’s settings back',
  LiftFence: 'it failed: letting writes in again',

  RollBackNames: 'giving the original its name back',
  RollBackNamesAgain: 'it failed: trying once more to give the original its name back',
  RollBackPointer: 'switching the pointer back',
  RestoreOriginal: 'restoring the table of before from its backup',
};

/** Undefined for a state that does nothing native. A state that waits has two more beside it. */
export const nativePhase = (state: string): string | undefined => PHASES[state.replace(/(Done|Wait)$/, '')];
