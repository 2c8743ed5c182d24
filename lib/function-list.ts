/** Every Lambda function: its file in `lambdas/`, what it may do, and how long it may take. */

/** What a function may be allowed; `grants.ts` says in IAM's words what each means. */
export const GRANTS = [
  'config',
  'catalogRead',
  'catalogWrite',
  'vaultList',
  'vaultRead',
  'vaultThaw',
  'vaultDelete',
  'runsRead',
  'runsWrite',
  'prunesRead',
  'prunesWrite',
  'executionsRead',
  'stopTask',
  'mail',
  'events',
  'metrics',
  'vaultWrite',
  // Of the services that keep the recovery points themselves. Each is asked for only where it is used.
  'resourcesRead',
  'pitrWrite',
  'pointsWrite',
  'pointsCopy',
  'pointsDelete',
  'aliasWrite',
  'serversRename',
  'serversRepoint',
  'serversRemove',
  'pointerWrite',
  'tablesFence',
  'tablesRead',
  'tablesDelete',
  'tablesWrite',
  'itemsWrite',
] as const;
export type Grant = (typeof GRANTS)[number];

export interface FunctionFacts {
  readonly grants: readonly Grant[];
  /** 1 by default; 15 at most. */
  readonly minutes?: number;
  /** 256 by default. */
  readonly memoryMiB?: number;
}

/** In the order in which a target meets them. */
export const FUNCTIONS = {
  PlanRun: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'runsWrite', 'executionsRead'],
    minutes: 5,
    memoryMiB: 512,
  },
  SummarizeRun: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'runsRead', 'runsWrite', 'executionsRead', 'stopTask'],
    minutes: 10,
    memoryMiB: 512,
  },
  SendReport: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'runsRead', 'runsWrite', 'mail'],
    minutes: 5,
    memoryMiB: 512,
  },

  OpenBackup: { grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead', 'stopTask'] },
  VerifyBackup: { grants: ['catalogRead', 'vaultRead'], minutes: 5 },
  CloseBackup: { grants: ['catalogRead', 'catalogWrite', 'events'] },
  FailBackup: { grants: ['config', 'catalogRead', 'catalogWrite', 'stopTask', 'events'] },
  JudgeTask: { grants: ['catalogRead'] },

  OpenRestore: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead', 'stopTask', 'vaultRead'],
    minutes: 5,
  },
  ThawObjects: { grants: ['catalogRead', 'vaultRead', 'vaultThaw'], minutes: 15 },
  CheckThaw: { grants: ['catalogRead', 'vaultRead'], minutes: 15 },
  CloseRestore: { grants: ['config', 'catalogRead', 'catalogWrite', 'events'] },
  FailRestore: { grants: ['catalogRead', 'catalogWrite', 'stopTask', 'events'] },

  OpenRollback: { grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead', 'stopTask'] },
  CloseRollback: { grants: ['catalogRead', 'catalogWrite'] },
  FailRollback: { grants: ['catalogRead', 'catalogWrite', 'stopTask'] },

  PlanPrune: {
    grants: ['config', 'catalogRead', 'vaultList', 'prunesRead', 'prunesWrite'],
    minutes: 10,
    memoryMiB: 512,
  },
  DeleteExpired: {
    grants: ['catalogRead', 'catalogWrite', 'vaultRead', 'vaultDelete', 'prunesRead', 'prunesWrite'],
    minutes: 15,
  },
  OpenDrop: { grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead', 'stopTask'] },
  CloseDrop: { grants: ['catalogRead', 'catalogWrite'] },
  ClosePrune: { grants: ['catalogRead', 'catalogWrite', 'prunesRead', 'stopTask'], minutes: 5 },

  MakePoint: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pitrWrite', 'pointsWrite'],
    minutes: 5,
  },
  CopyPoint: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointsCopy'], minutes: 5 },
  WriteManifest: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'vaultWrite'], minutes: 5 },
  VerifyPoint: { grants: ['catalogRead', 'vaultRead', 'resourcesRead'], minutes: 5 },

  RestoreServer: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'aliasWrite'], minutes: 5 },
  ApplyServer: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'aliasWrite'], minutes: 5 },
  CompareServer: { grants: ['catalogRead', 'catalogWrite', 'resourcesRead'] },
  OpenCheck: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead'] },
  CloseCheck: { grants: ['catalogRead', 'catalogWrite'] },
  AskApproval: { grants: ['config', 'catalogRead', 'catalogWrite', 'mail'] },
  RenameOriginal: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'], minutes: 5 },
  RenameAlias: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'], minutes: 5 },
  PutNamesBack: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'], minutes: 5 },
  SwitchPointer: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointerWrite'] },
  Repoint: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRepoint'], minutes: 5 },
  CloseNative: { grants: ['config', 'catalogRead', 'catalogWrite', 'events', 'mail'] },
  RemoveAlias: {
    grants: ['catalogRead', 'catalogWrite', 'resourcesRead', 'serversRemove', 'tablesDelete'],
    minutes: 5,
  },

  RestoreTable: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesWrite'], minutes: 5 },
  VerifyTable: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesRead'], minutes: 15 },
  CopyItems: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'itemsWrite'], minutes: 15 },
  FenceTable: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesFence'] },
  BackUpAlias: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointsWrite'], minutes: 5 },
  DeleteTable: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesDelete'], minutes: 5 },
  RecreateTable: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesWrite'], minutes: 5 },
  ApplyTable: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesWrite'], minutes: 5 },
  OpenTable: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesFence'] },

  RollBackNames: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'], minutes: 5 },
  RollBackPointer: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointerWrite'] },

  RemoveReplaced: { grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRemove'], minutes: 5 },
  DeletePoints: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'vaultRead', 'resourcesRead', 'pointsDelete'],
    minutes: 15,
  },

  OpenProbe: { grants: ['config'] },

  PublishRpo: { grants: ['config', 'catalogRead', 'catalogWrite', 'metrics', 'events'], minutes: 10, memoryMiB: 512 },
  CloseOrphan: { grants: ['config', 'catalogRead', 'catalogWrite', 'stopTask', 'events'], minutes: 5 },
} as const satisfies Record<string, FunctionFacts>;

export type FunctionName = keyof typeof FUNCTIONS;
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];
