/** One interface per workflow step: what goes in, what comes out. Ids and small facts only. */
import { z } from 'zod';
import { TRIGGERS, type Trigger } from './backup.ts';
import type { TaskSize } from './config.ts';
import { lackingIn, whyNoOwners, whyNotName, whyNotPart, whyNotScope } from './engine-limits.ts';
import { ENGINES, RESTORE_MODES, isKin, type DumpEngine, type EngineName } from './engines.ts';
import { NightjarError, type ErrorCode } from './errors.ts';
import { isId } from './ids.ts';
import { scopeSchema } from './scope.ts';
import { itemChoiceSchema } from './native.ts';
import { MAX_SET, SET_MODES, setPlaceSchema } from './restore-set.ts';

const who = z.string().max(200).optional();

/** Input of the state machine `nightly`; the scheduler fills in the moment. */
export const nightlyInputSchema = z.strictObject({
  trigger: z.enum(['daily', 'weekly']),
  scheduledTime: z.iso.datetime(),
});
export type NightlyInput = z.output<typeof nightlyInputSchema>;

/** Input of the state machine `backup`. */
export const backupInputSchema = z.strictObject({
  target: z.string(),
  trigger: z.enum(TRIGGERS).default('user'),
  runId: z.string().optional(),
  requestedBy: who,
  /** The restore that this backup is the safety net of: its lock does not stop us. */
  safetyFor: z.string().optional(),
});
export type BackupInput = z.output<typeof backupInputSchema>;

/** Input of the state machine `restore`. */
export const restoreInputSchema = z.strictObject({
  target: z.string(),
  /** `latest`, a backup's id, or a moment: the newest good backup at or before it. */
  at: z.union([z.literal('latest'), z.string().refine(isId), z.iso.datetime({ offset: true })]).default('latest'),
  mode: z.enum(RESTORE_MODES),
  /** Name of the restored database; by default the target's own (`swap`, `overwrite`) or one made from it (`new`). */
  database: z.string().min(1).max(255).optional(),
  /** Of the database in a backup that holds several; by default the one called as above, else the target's own. */
  fromDatabase: z.string().min(1).max(255).optional(),
  /** Every database of a backup that holds several, each under its own name, after users and globals; mode `new` only. */
  allDatabases: z.literal(true).optional(),
  /** Another target whose server receives it. */
  destination: z.string().optional(),
  scope: scopeSchema.optional(),
  /** Name of the database that `overwrite` replaces. */
  confirm: z.string().optional(),
  /** Objects go to the restoring user instead of their owners. */
  noOwner: z.boolean().optional(),
  /** Old name to new: who owns, and is granted, what somebody else did in the backup. */
  roleMap: z.record(z.string().min(1), z.string().min(1)).optional(),
  jobs: z.int().min(1).max(32).optional(),
  /** Stops before the outage begins until somebody approves (`nightjar approve ID`); native swaps and pointers only. */
  approve: z.boolean().optional(),
  /** Mode `items`: which. */
  items: itemChoiceSchema.optional(),
  /** Said by `restore-set` alone: it waits for its turn among these. */
  set: setPlaceSchema.optional(),
  requestedBy: who,
});
export type RestoreInput = z.output<typeof restoreInputSchema>;

/** Input of the state machine `restore-set`: several DynamoDB tables, back to one moment. */
export const restoreSetInputSchema = z.strictObject({
  /** In the order in which they are swapped. */
  targets: z.array(z.string()).min(2).max(MAX_SET),
  /** `latest` is the newest moment that all of them can be restored to. */
  at: z.union([z.literal('latest'), z.iso.datetime({ offset: true })]).default('latest'),
  mode: z.enum(SET_MODES),
  /** Stops once before the first outage, until somebody approves the whole set. */
  approve: z.boolean().optional(),
  requestedBy: who,
});
export type RestoreSetInput = z.output<typeof restoreSetInputSchema>;

/**
 * What the engine of the destination can't do with a backup of another, or with part of one. @throws INPUT_INVALID of another
 * family; SCOPE_REFUSED.
 */
export function refuseForEngine(
  engine: DumpEngine,
  input: Pick<RestoreInput, 'scope' | 'noOwner' | 'roleMap'> &
    Partial<Pick<RestoreInput, 'mode' | 'database' | 'fromDatabase' | 'allDatabases'>>,
  from?: EngineName,
): void {
  const operation = 'read input';
  const { scope, noOwner, roleMap, database, mode } = input;
  const { label, scopes } = ENGINES[engine];
  if (from !== undefined && !isKin(from, engine))
    throw new NightjarError('INPUT_INVALID', {
      operation,
      detail: `A backup of ${ENGINES[from].label} can not be restored into ${label}.`,
    });
  const badName = database === undefined ? undefined : whyNotName(engine, database);
  if (badName) throw new NightjarError('INPUT_INVALID', { operation, detail: badName });
  const lacking = lackingIn(engine, scope);
  if (lacking.length > 0)
    throw new NightjarError('SCOPE_REFUSED', {
      operation,
      detail: `${label} can not restore by ${lacking.map(({ kind, why }) => `${kind}: ${why}`).join('; ')}. It knows ${scopes.join(', ') || 'whole backups only'}.`,
    });
  const notSo = mode && scope ? whyNotPart(engine, mode, scope) : undefined;
  if (notSo) throw new NightjarError('SCOPE_REFUSED', { operation, detail: notSo });
  const notAll = input.allDatabases ? whyNotScope(engine, 'allDatabases') : undefined;
  if (notAll)
    throw new NightjarError('SCOPE_REFUSED', {
      operation,
      detail: `${label} has no backups of whole servers: ${notAll}.`,
    });
  if (input.allDatabases && (input.mode !== 'new' || scope?.tables || input.database || input.fromDatabase))
    throw new NightjarError('SCOPE_REFUSED', {
      operation,
      detail:
        'All databases come back under their own names, by mode new and whole: leave mode, tables and names out, or take one database by its name.',
    });
  const ownerless = noOwner || roleMap ? whyNoOwners(engine) : undefined;
  if (ownerless)
    throw new NightjarError('INPUT_INVALID', {
      operation,
      detail: `${label} can not restore with noOwner or a role map: ${ownerless}. Leave it out.`,
    });
  if (noOwner && roleMap)
    throw new NightjarError('INPUT_INVALID', {
      operation,
      detail: 'Without owners there is nobody to map: leave either noOwner or roleMap out.',
    });
}

/** Input of the state machine `rollback`. */
export const rollbackInputSchema = z.strictObject({ restoreId: z.string().refine(isId), requestedBy: who });
export type RollbackInput = z.output<typeof rollbackInputSchema>;

/** Input of the state machine `prune`. */
export const pruneInputSchema = z.strictObject({ scheduledTime: z.iso.datetime().optional(), requestedBy: who });
export type PruneInput = z.output<typeof pruneInputSchema>;

/** Input of the state machine `probe`. `identity`: what opens the target's encrypted backups, instead of its database. */
export const probeInputSchema = z.strictObject({
  target: z.string(),
  of: z.literal('identity').optional(),
});
export type ProbeInput = z.output<typeof probeInputSchema>;

/** Validates a workflow's input. @throws NightjarError INPUT_INVALID, one line per wrong field. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new NightjarError('INPUT_INVALID', { operation: 'read input', detail: z.prettifyError(result.error) });
}

/** What Step Functions' context object adds to a state's input. */
export interface ExecutionFacts {
  readonly executionArn: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** Everything ecs:runTask needs that differs from target to target. */
export interface TaskRequest {
  /** The task definition's family; ECS takes its newest revision. */
  readonly family: string;
  /** The job as JSON: the container's `NIGHTJAR_JOB`. */
  readonly job: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly assignPublicIp: 'ENABLED' | 'DISABLED';
  /** Strings, as ECS wants them. */
  readonly cpu: string;
  readonly memory: string;
  readonly ephemeralGiB: TaskSize['ephemeralGiB'];
}

/** First state of every workflow with a task. */
export interface OpenEvent<I> extends ExecutionFacts {
  readonly input: I;
}

/** PlanRun. */
export type PlanRunEvent = OpenEvent<NightlyInput>;
export interface PlannedRun {
  readonly runId: string;
  readonly due: number;
  /** False when this event was delivered before and the run exists. */
  readonly proceed: boolean;
  readonly bucket: string;
  readonly itemsKey: string;
}
/** One item of the map's list: the input of one child. */
export interface RunItem {
  readonly executionName: string;
  readonly input: BackupInput;
}

/** SummarizeRun and SendReport. */
export interface RunEvent extends ExecutionFacts {
  readonly input: NightlyInput;
  /** Set when an earlier state failed. */
  readonly failure?: CaughtFailure;
}
export interface RunTotals {
  readonly runId: string;
  readonly due: number;
  readonly completed: number;
  readonly failed: number;
}

/** What a Catch hands over. */
export interface CaughtFailure {
  readonly Error: string;
  readonly Cause: string;
}

/** OpenBackup, OpenRestore, OpenRollback, OpenProbe and OpenDrop answer with the task to run. */
export interface OpenedTask {
  /** Backup id, restore id, … : under which the task writes its progress. */
  readonly id: string;
  readonly target: string;
  readonly attempt: number;
  readonly task: TaskRequest;
}
export type OpenBackupEvent = OpenEvent<BackupInput>;
/** A native backup has no task. */
export type OpenedBackup =
  | (OpenedTask & { readonly method: 'dump' })
  | { readonly method: 'native'; readonly id: string; readonly target: string; readonly attempt: 1 };

export type OpenRestoreEvent = OpenEvent<RestoreInput>;
export interface OpenedDumpRestore extends OpenedTask {
  readonly way: 'dump';
  readonly backupId: string;
  /** Target whose backup is restored; `target` is the destination. */
  readonly source: string;
  /** Of the backup, the database that comes back; null: all of them. */
  readonly fromDatabase: string | null;
  /** Some objects of it are in Glacier and must be thawed first. */
  readonly frozen: boolean;
  /** A safety backup of the destination is taken first (mode `overwrite`). */
  readonly safety: boolean;
}

/** `server`: RDS and Aurora, by renaming. `table`: DynamoDB, by making the table again. */
export interface OpenedNativeRestore {
  readonly way: 'server' | 'table';
  readonly id: string;
  readonly target: string;
  readonly attempt: 1;
  readonly mode: RestoreInput['mode'];
  readonly approve: boolean;
  /** A task looks into the restored server (the target's `check`). */
  readonly check: boolean;
  /** False when there was none when the restore was opened: a table is then made under its name at once. */
  readonly original: boolean;
  /** One of several tables: its outage waits for its turn. */
  readonly set: boolean;
}
export type OpenedRestore = OpenedDumpRestore | OpenedNativeRestore;

/** OpenRollback: a task renames a dumped database back; RDS and Aurora are renamed; a table's original is restored. */
export type OpenedRollback =
  | (OpenedTask & { readonly way: 'dump' })
  | {
      /** `back`: a table's original was restored by an earlier try, which was never told. */
      readonly way: 'server' | 'pointer' | 'table' | 'back';
      readonly id: string;
      readonly target: string;
      readonly attempt: 1;
      readonly restoreId: string;
      /** How long what is set aside is kept, in days. */
      readonly replacedDays: number;
      /** Way `table`: the backup that holds the original. */
      readonly backupId?: string;
      /** Way `back`: the restore that brought it. */
      readonly backBy?: string;
    };

/** Every state of a native restore, rollback or removal; what it works on is in the restore's record. */
export interface NativeEvent extends ExecutionFacts {
  readonly input: RestoreInput;
  readonly opened: OpenedNativeRestore;
  /** What `nightjar approve` answered; absent until somebody did. Read by `parseApproved`. */
  readonly approval?: unknown;
}
/** A state that waits for a service is called again until it is done. */
export interface Look {
  readonly done: boolean;
  /** Grows with the time waited. */
  readonly waitSeconds: number;
}

/** OpenSet: what is restored, and what a broken set had brought to the moment before. */
export interface OpenedSet {
  readonly id: string;
  /** Of all of them. */
  readonly at: string;
  readonly mode: RestoreSetInput['mode'];
  readonly approve: boolean;
  /** All, in the order of their swaps. */
  readonly targets: readonly string[];
  readonly members: readonly SetMember[];
  readonly done: readonly { readonly target: string; readonly restoreId: string }[];
}
/** One item of the map that starts the restores. */
export interface SetMember {
  readonly target: string;
  readonly executionName: string;
  readonly input: RestoreInput;
}
/** What the map says of each. */
export interface StartedMember {
  readonly target: string;
  /** Absent when it could not be started. */
  readonly executionArn?: string;
  readonly failure?: CaughtFailure;
}
/** Every state of a set after its members were started. */
export interface SetEvent extends ExecutionFacts {
  readonly input: RestoreSetInput;
  readonly opened: OpenedSet;
  readonly started: readonly StartedMember[];
  /** What `nightjar approve` answered. */
  readonly approval?: unknown;
  /** Set on the way out. */
  readonly failure?: CaughtFailure;
}
/** FailSet: also of a set that was refused, or could not start its members. */
export type FailSetEvent = Omit<SetEvent, 'opened' | 'started' | 'failure'> & {
  readonly opened?: OpenedSet;
  readonly started?: readonly StartedMember[];
  readonly failure: CaughtFailure;
};

/** ThawObjects starts a thaw; CheckThaw says whether it is done. Times out after 3 days. */
export interface ThawEvent {
  readonly source: string;
  readonly backupId: string;
  /** Only what is of this one. Null: everything; undefined too, of an execution that an earlier version began. */
  readonly fromDatabase?: string | null | undefined;
}
export interface ThawState {
  readonly thawed: boolean;
  readonly objects: number;
  readonly ready: number;
}

/** JudgeTask: after a task's state failed, is it worth another try? */
export interface JudgeEvent {
  readonly id: string;
  readonly attempt: number;
  readonly failure: CaughtFailure;
  /** As it was started. */
  readonly task: TaskRequest;
}
export interface Judgement {
  readonly retry: boolean;
  /** The attempt to make next. */
  readonly attempt: number;
  readonly waitSeconds: number;
  /** What the next attempt is given. */
  readonly ephemeralGiB: TaskSize['ephemeralGiB'];
  readonly code: ErrorCode;
}
/** How often a task is started for one backup or restore, at most. */
export const MAX_ATTEMPTS = 4;

/** VerifyBackup and CloseBackup. */
export interface CloseEvent {
  readonly id: string;
  readonly target: string;
  readonly attempt: number;
}
export interface VerifiedBackup {
  readonly objects: number;
  readonly storedBytes: number;
  /** Of the manifest that was proven; goes on to CloseBackup. */
  readonly manifestVersionId: string;
}

/** FailBackup, FailRestore, FailRollback: whatever was known when it failed. */
export interface FailEvent<I> extends OpenEvent<I> {
  readonly failure: CaughtFailure;
  /** Undefined when the opening state itself failed. */
  readonly opened?: { readonly id: string; readonly attempt?: number };
}
export interface FailedStep {
  /** Becomes the execution's error. */
  readonly code: ErrorCode;
  /** Becomes the execution's cause: message, detail and hint. */
  readonly cause: string;
}

/** PlanPrune and DeleteExpired. */
export interface PrunePlan {
  readonly backups: number;
  /** Replaced databases to drop; the ids of their restores. */
  readonly drops: readonly { readonly restoreId: string; readonly native: boolean }[];
}
export interface DeleteResult {
  readonly deleted: number;
  readonly failed: number;
  /** False when time ran short and it wants to be called again. */
  readonly done: boolean;
}
/** OpenDrop and CloseDrop: one replaced database. */
export interface DropEvent extends ExecutionFacts {
  readonly restoreId: string;
}

export type { Trigger };
