/** Every Lambda function: its file in `lambdas/`, what it may do, and how long it may take. */
import { isNativeTarget, type Config } from '../core/config.ts';
import { MACHINES, TABLE_MACHINE, type Machine } from '../core/names.ts';
import { NATIVE_GRANTS } from './native-grants.ts';

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
  ...NATIVE_GRANTS,
] as const;
export type Grant = (typeof GRANTS)[number];

export interface FunctionFacts {
  readonly grants: readonly Grant[];
  /** Made only where such targets are protected: RDS and Aurora, DynamoDB, or either. */
  readonly uses?: 'servers' | 'tables' | 'natives';
  /** 1 by default; 15 at most. */
  readonly minutes?: number;
  /** 256 by default. */
  readonly memoryMiB?: number;
}

/** In the order in which a target meets them. */
export const FUNCTIONS = {
  PlanRun: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'runsWrite', 'executionsRead', 'discover'],
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
  FailBackup: { grants: ['config', 'catalogRead', 'catalogWrite', 'stopTask', 'events', 'metrics'] },
  JudgeTask: { grants: ['catalogRead'] },

  OpenRestore: {
    grants: [
      'config',
      'catalogRead',
      'catalogWrite',
      'executionsRead',
      'stopTask',
      'vaultRead',
      'openNative',
      'pointerRead',
    ],
    minutes: 5,
  },
  ThawObjects: { grants: ['catalogRead', 'vaultRead', 'vaultThaw'], minutes: 15 },
  CheckThaw: { grants: ['catalogRead', 'vaultRead'], minutes: 15 },
  CloseRestore: { grants: ['config', 'catalogRead', 'catalogWrite', 'events'] },
  FailRestore: {
    grants: ['catalogRead', 'catalogWrite', 'stopTask', 'events', 'config', 'openNative', 'pointerRead', 'mail'],
  },

  OpenSet: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'vaultRead', 'resourcesRead'],
    minutes: 5,
  },
  GatherSet: { uses: 'tables', grants: ['config', 'catalogRead', 'executionsRead'], minutes: 5 },
  AskSet: { uses: 'tables', grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead', 'mail'], minutes: 5 },
  SwapSet: { uses: 'tables', grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead'], minutes: 5 },
  StopSet: { uses: 'tables', grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead'], minutes: 5 },
  CloseSet: { uses: 'tables', grants: ['config', 'catalogRead', 'executionsRead', 'mail'], minutes: 5 },
  FailSet: { uses: 'tables', grants: ['config', 'catalogRead', 'executionsRead', 'mail'], minutes: 5 },
  AwaitTurn: { uses: 'tables', grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead'] },

  OpenRollback: { grants: ['config', 'catalogRead', 'catalogWrite', 'executionsRead', 'stopTask', 'openNative'] },
  CloseRollback: { grants: ['catalogRead', 'catalogWrite'] },
  FailRollback: { grants: ['config', 'catalogRead', 'catalogWrite', 'stopTask', 'openNative', 'pointerRead'] },

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
    uses: 'natives',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pitrWrite', 'pointsWrite'],
    minutes: 5,
  },
  CopyPoint: {
    uses: 'natives',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointsCopy'],
    minutes: 5,
  },
  WriteManifest: {
    uses: 'natives',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'vaultWrite'],
    minutes: 5,
  },
  VerifyPoint: { uses: 'natives', grants: ['catalogRead', 'vaultRead', 'resourcesRead'], minutes: 5 },

  RestoreServer: {
    uses: 'servers',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'aliasWrite'],
    minutes: 5,
  },
  ApplyServer: {
    uses: 'servers',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'aliasWrite'],
    minutes: 5,
  },
  CompareServer: { uses: 'servers', grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead'] },
  OpenCheck: { uses: 'servers', grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead'] },
  CloseCheck: { uses: 'servers', grants: ['config', 'catalogRead', 'catalogWrite'] },
  AskApproval: { uses: 'natives', grants: ['config', 'catalogRead', 'catalogWrite', 'mail'] },
  RenameOriginal: {
    uses: 'servers',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'],
    minutes: 5,
  },
  RenameAlias: {
    uses: 'servers',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'],
    minutes: 5,
  },
  PutNamesBack: {
    uses: 'servers',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'],
    minutes: 5,
  },
  SwitchPointer: {
    uses: 'natives',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointerWrite', 'hostsRead'],
  },
  Repoint: {
    uses: 'servers',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRepoint', 'hostsRead'],
    minutes: 5,
  },
  CloseNative: { uses: 'natives', grants: ['config', 'catalogRead', 'catalogWrite', 'events', 'mail'] },
  RemoveAlias: {
    uses: 'natives',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRemove', 'tableAliasRemove'],
    minutes: 5,
  },

  RestoreTable: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesAlias', 'tablesApply'],
    minutes: 5,
  },
  VerifyTable: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesRead'],
    minutes: 15,
  },
  CopyItems: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'itemsWrite'],
    minutes: 15,
  },
  FenceTable: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesFence'],
    minutes: 5,
  },
  BackUpAlias: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointsWrite'],
    minutes: 5,
  },
  DeleteTable: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesDelete'],
    minutes: 5,
  },
  RecreateTable: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesRecreate'],
    minutes: 5,
  },
  ApplyTable: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesApply'],
    minutes: 5,
  },
  OpenTable: {
    uses: 'tables',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'tablesFence'],
    minutes: 5,
  },

  RollBackNames: {
    uses: 'servers',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'serversRename'],
    minutes: 5,
  },
  RollBackPointer: {
    uses: 'natives',
    grants: ['config', 'catalogRead', 'catalogWrite', 'pointerWrite'],
  },

  RemoveReplaced: {
    uses: 'natives',
    grants: [
      'config',
      'catalogRead',
      'catalogWrite',
      'resourcesRead',
      'serversRemove',
      'tableAliasRemove',
      'tablesLastPoint',
      'pointerRead',
      'executionsRead',
      'stopTask',
    ],
    minutes: 5,
  },
  DeletePoints: {
    uses: 'natives',
    grants: ['config', 'catalogRead', 'catalogWrite', 'resourcesRead', 'pointsDelete', 'prunesRead', 'prunesWrite'],
    minutes: 15,
  },

  OpenProbe: { grants: ['config'] },

  PublishRpo: {
    grants: ['config', 'catalogRead', 'catalogWrite', 'metrics', 'events', 'discover'],
    minutes: 10,
    memoryMiB: 512,
  },
  CloseOrphan: {
    grants: [
      'config',
      'catalogRead',
      'catalogWrite',
      'stopTask',
      'events',
      'mail',
      'openNative',
      'pointerRead',
      'liftFence',
    ],
    minutes: 5,
  },
} as const satisfies Record<string, FunctionFacts>;

export type FunctionName = keyof typeof FUNCTIONS;
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];

/** Which services that restore by themselves a config protects: what none needs is neither made nor allowed. */
export interface Natives {
  readonly servers: boolean;
  readonly tables: boolean;
}
export function nativesOf(config: Pick<Config, 'targets' | 'discovery'>): Natives {
  const engines = new Set([
    ...config.discovery.engines,
    ...config.targets.filter(isNativeTarget).map((target) => target.engine),
  ]);
  return { servers: engines.has('rds') || engines.has('aurora'), tables: engines.has('dynamodb') };
}

export const machinesFor = ({ tables }: Natives): Machine[] =>
  MACHINES.filter((machine) => tables || machine !== TABLE_MACHINE);

export const functionsFor = (natives: Natives): FunctionName[] =>
  FUNCTION_NAMES.filter((name) => {
    const { uses }: FunctionFacts = FUNCTIONS[name];
    if (uses === undefined) return true;
    return uses === 'natives' ? natives.servers || natives.tables : natives[uses];
  });
