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

  OpenProbe: { grants: ['config'] },

  PublishRpo: { grants: ['config', 'catalogRead', 'catalogWrite', 'metrics', 'events'], minutes: 10, memoryMiB: 512 },
  CloseOrphan: { grants: ['config', 'catalogRead', 'catalogWrite', 'stopTask', 'events'], minutes: 5 },
} as const satisfies Record<string, FunctionFacts>;

export type FunctionName = keyof typeof FUNCTIONS;
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];
