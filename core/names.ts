/** Every name that one part builds and another parses stands here, builder beside parser. */
import { createHash } from 'node:crypto';
import type { NativeEngine } from './engines.ts';
import { isId, timeOfId } from './ids.ts';
import type { TaskKind } from './job.ts';

/** Stack names; the vault outlives the rest and is deployed apart. */
export const vaultStackName = (name: string): string => `${name}-vault`;
export const backupStackName = (name: string): string => `${name}-backup`;

/** Outputs of the two stacks that the command line reads. Keys are CloudFormation output names. */
export const VAULT_OUTPUTS = { bucket: 'VaultBucket', catalog: 'CatalogTable', key: 'VaultKeyArn' } as const;
export const BACKUP_OUTPUTS = {
  nightly: 'NightlyStateMachine',
  backup: 'BackupStateMachine',
  restore: 'RestoreStateMachine',
  'restore-set': 'RestoreSetStateMachine',
  rollback: 'RollbackStateMachine',
  prune: 'PruneStateMachine',
  probe: 'ProbeStateMachine',
  cluster: 'TaskCluster',
  logGroup: 'TaskLogGroup',
  work: 'WorkBucket',
  config: 'DeployedConfig',
  version: 'NightjarVersion',
} as const;

/** State machines, in the order a target meets them. */
export const MACHINES = ['nightly', 'backup', 'restore', 'restore-set', 'rollback', 'prune', 'probe'] as const;
export type Machine = (typeof MACHINES)[number];
/** Deployed only where tables are protected. */
export const TABLE_MACHINE = 'restore-set' satisfies Machine;
export type MachineEverywhere = Exclude<Machine, typeof TABLE_MACHINE>;
/** Something for each machine that is deployed. */
export type OfMachines<T> = Readonly<Record<MachineEverywhere, T> & Partial<Record<typeof TABLE_MACHINE, T>>>;
export const machineName = (name: string, machine: Machine): string => `${name}-${machine}`;
/** Which of ours a state machine's ARN names. */
export function parseMachineArn(name: string, arn: string): Machine | undefined {
  const last = arn.split(':').at(-1);
  return MACHINES.find((machine) => machineName(name, machine) === last);
}

/** Family of a task definition; one of its own for each access point of a file system that it mounts. */
export const taskFamily = (name: string, kind: TaskKind, accessPoint?: string): string =>
  [name, kind, ...(accessPoint === undefined ? [] : [accessPoint])].join('-');
/** Where a task sees a file system, below the root that the image sets. */
export const mountPath = (root: string, fileSystem: string): string => `${root}/${fileSystem}`;
export const MOUNT_ROOT = '/mnt/nightjar';

/** Keys of the vault: `<target>/<yyyy>/<mm>/<dd>/<backupId>/…`, so that a listing is in time order. */
export function backupPrefix(target: string, backupId: string): string {
  const day = new Date(timeOfId(backupId)).toISOString().slice(0, 10).replaceAll('-', '/');
  return `${target}/${day}/${backupId}/`;
}
export const manifestKey = (target: string, backupId: string): string =>
  `${backupPrefix(target, backupId)}manifest.json`;

/** `attempt` keeps a second try apart from what a first one may have left; `part` counts objects of one stream. */
export const objectKey = (target: string, backupId: string, attempt: number, file: string, part = 1): string =>
  `${backupPrefix(target, backupId)}a${attempt}/${part === 1 ? file : `${file}.${String(part).padStart(5, '0')}`}`;

export interface VaultKey {
  readonly target: string;
  readonly backupId: string;
  readonly isManifest: boolean;
}
/** Undefined for a key that Nightjar did not make. */
export function parseVaultKey(key: string): VaultKey | undefined {
  const match = /^([a-z][a-z0-9-]{0,39})\/\d{4}\/\d{2}\/\d{2}\/([0-9A-HJKMNP-TV-Z]{26})\/(.+)$/.exec(key);
  if (!match || !isId(match[2]!)) return undefined;
  return { target: match[1]!, backupId: match[2]!, isManifest: match[3] === 'manifest.json' };
}

/** Runs are named by the moment they were scheduled for: a redelivered event names the same run. */
export function runId(trigger: string, scheduledTime: string): string {
  return `${trigger}-${new Date(scheduledTime).toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '')}`;
}
export function parseRunId(id: string): { trigger: string; scheduledTime: string } | undefined {
  const match = /^([a-z]+)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(id);
  if (!match) return undefined;
  const [, trigger, year, month, day, hour, minute, second] = match;
  return { trigger: trigger!, scheduledTime: `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z` };
}

/** Name of a nightly run's backup execution; unique per run and target, 80 characters at most. */
export const runExecutionName = (run: string, target: string): string => `${run}-${target}`;
/** The same after a take-over: names that the dead execution used up can't be used again. */
export const takenOverExecutionName = (run: string, target: string, takeOver: string): string =>
  `${run}-${target}-${takeOver.slice(-8).toLowerCase()}`;

/** Name of the execution that takes the safety backup of a restore; a workflow hands in its placeholder `{}`. */
export const safetyExecution = (restoreId: string): string => `safety-${restoreId}`;
/** The restore whose safety backup this execution took. */
export const parseSafetyExecution = (executionArn: string): string | undefined =>
  /:safety-([0-9A-Z]{26})$/.exec(executionArn)?.[1];

/** Name of the execution that restores one table of a set; 80 characters at most. */
export const memberExecution = (setId: string, target: string): string => `set-${setId}-${target}`;

/** Objects of the work bucket; all of it expires by itself. */
export const runItemsKey = (run: string): string => `runs/${run}/items.json`;
export const runSummaryKey = (run: string): string => `runs/${run}/summary.json`;
/** Names of all targets that the run owes a backup: also those that a take-over need not start again. */
export const runDueKey = (run: string): string => `runs/${run}/due.json`;
/** What the run saw that belongs to no single backup, such as a tag that is no frequency. */
export const runNotesKey = (run: string): string => `runs/${run}/notes.json`;
/** Addresses that have the run's report already. */
export const runMailedKey = (run: string): string => `runs/${run}/mailed.json`;
/** What a prune will delete, and how far it is; `id` is of its execution. */
export const prunePlanKey = (id: string): string => `prunes/${id}/plan.json`;
export const pruneProgressKey = (id: string): string => `prunes/${id}/progress.json`;
/** Where the search for objects without a record goes on next time. */
export const ORPHAN_CURSOR_KEY = 'prunes/orphan-cursor.json';

/** Every engine takes so many, whatever a target's own name has: the original part gives way to the suffix. */
const MAX_DATABASE_BYTES = 63;
function withSuffix(database: string, suffix: string): string {
  let stem = database;
  while (Buffer.byteLength(stem) + suffix.length > MAX_DATABASE_BYTES) stem = [...stem].slice(0, -1).join('');
  return stem + suffix;
}
const shortId = (id: string): string => id.slice(-10).toLowerCase();

/** The database that mode `new` makes when it is given no name. */
export const restoredDatabase = (database: string, restoreId: string): string =>
  withSuffix(database, `_restored_${shortId(restoreId)}`);
/** The database that a swap restores into, before the names are exchanged. */
export const aliasDatabase = (database: string, restoreId: string): string =>
  withSuffix(database, `_nj_${shortId(restoreId)}`);
/** Of all names on a server those under which this restore worked on a database. */
export const workingNames = (names: readonly string[], restoreId: string): string[] =>
  names.filter((name) => name.endsWith(aliasDatabase('', restoreId)));
/** The replaced database, kept for rollback. */
export const replacedDatabase = (database: string, restoreId: string): string =>
  withSuffix(database, `_old_${shortId(restoreId)}`);
/** Those two: what a restore may leave beside the database that serves. */
export const besideNames = (database: string, restoreId: string): readonly [alias: string, replaced: string] => [
  aliasDatabase(database, restoreId),
  replacedDatabase(database, restoreId),
];
/** The restored database after a rollback took its name away again. */
export const rolledBackDatabase = (database: string, restoreId: string): string =>
  withSuffix(database, `_undone_${shortId(restoreId)}`);

/** Events that people wire their own chat or pager to. */
export const EVENT_SOURCE = 'nightjar';
export const EVENTS = {
  backupCompleted: 'Nightjar Backup Completed',
  backupFailed: 'Nightjar Backup Failed',
  restoreCompleted: 'Nightjar Restore Completed',
  restoreFailed: 'Nightjar Restore Failed',
  targetPastRpo: 'Nightjar Target Past RPO',
} as const;

/** CloudWatch metrics, all in the namespace `Nightjar` with the dimension `Name` (the config's name). */
export const METRIC_NAMESPACE = 'Nightjar';
export const METRICS = {
  pastRpo: 'PastRpo',
  targetsWatched: 'TargetsWatched',
  serversReadOnly: 'ServersReadOnly',
} as const;

/** Tag on data objects; the lifecycle archives by it, so manifests go without. */
export const DATA_TAG = { key: 'nightjar:content', value: 'data' } as const;

/** RDS allows 63 characters, DynamoDB 255; the original part gives way to the suffix, and no hyphen stands twice. */
function withResourceSuffix(name: string, suffix: string, limit: number): string {
  return `${name.slice(0, limit - suffix.length).replace(/-+$/, '')}${suffix}`;
}
const resourceLimit = (engine: NativeEngine): number => (engine === 'dynamodb' ? 255 : 63);

/** The instance, cluster or table that a native restore makes first. */
export const aliasResource = (engine: NativeEngine, name: string, restoreId: string): string =>
  withResourceSuffix(name, `-nj-${shortId(restoreId)}`, resourceLimit(engine));
/** What the names of all aliases of a resource begin with; rights end there. */
export const aliasStem = (engine: NativeEngine, name: string): string =>
  aliasResource(engine, name, '0'.repeat(26)).slice(0, -10);
/** The replaced instance or cluster, kept for rollback. */
export const replacedResource = (engine: NativeEngine, name: string, restoreId: string): string =>
  withResourceSuffix(name, `-old-${shortId(restoreId)}`, resourceLimit(engine));
/** The restored instance or cluster after a rollback took its name away again. */
export const rolledBackResource = (engine: NativeEngine, name: string, restoreId: string): string =>
  withResourceSuffix(name, `-undone-${shortId(restoreId)}`, resourceLimit(engine));
/** Whether a restore made this name: such a resource carries the original's tags and is no target of its own. */
export const isMadeByRestore = (name: string): boolean => /-(nj|old|undone)-[0-9a-hjkmnp-tv-z]{10}$/.test(name);
/** The suffix by which a resource of a native restore stands beside its original, such as `-nj-…`; '' when it has none. */
export const resourceSuffix = (name: string): string =>
  /-(?:nj|old|undone)-[0-9a-hjkmnp-tv-z]{10}$/.exec(name)?.[0] ?? '';
/** Of the three. */
export const LONGEST_RESOURCE_SUFFIX = '-undone-'.length + 10;
/** A member of a cluster that is made from another member's settings. */
export const memberName = (cluster: string, index: number): string => withResourceSuffix(cluster, `-${index + 1}`, 63);

/** Recovery points that Nightjar makes; rights to delete end at this prefix. Source of the limits: 255 characters each. */
export const POINT_PREFIX = 'nightjar-';
export const pointName = (target: string, backupId: string): string =>
  `${POINT_PREFIX}${target.replaceAll(/-+/g, '-')}-${backupId.toLowerCase()}`;
/** Tags on a recovery point, where the service has tags for them. */
export const POINT_TAGS = { target: 'nightjar:target', backup: 'nightjar:backup' } as const;
/** The backup of a table's alias, from which a swap makes the table under its own name. */
export const swapBackupName = (restoreId: string): string => `${POINT_PREFIX}swap-${restoreId.toLowerCase()}`;
/** Tag on everything that a native restore makes: its value is the restore's id. */
export const RESTORE_TAG = 'nightjar:restore';

/** Name of a target that was found by its tag. Two resources that would share a name are told apart by a hash. */
export function discoveredTarget(engine: NativeEngine, resource: string): string {
  const slug = `${engine}-${resource.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.replace(/-+$/, '');
  if (slug === `${engine}-${resource}` && slug.length <= 40) return slug;
  const hash = createHash('sha256').update(resource).digest('hex').slice(0, 6);
  return `${slug.slice(0, 33).replace(/-+$/, '')}-${hash}`;
}

/**
 * How MyDuck's statements name an S3: `s3` takes the region from the endpoint's name and TLS; `s3c` is for all others, and speaks
 * plain HTTP. Undefined is Amazon's own.
 */
export const exchangeScheme = (endpoint: string | undefined): 's3' | 's3c' =>
  endpoint === undefined || /^s3\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/.test(endpoint) ? 's3' : 's3c';
