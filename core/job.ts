/**
 * What a workflow asks of a task, and what the task answers. The job travels in one environment variable
 * (`NIGHTJAR_JOB`; ECS allows 8,192 characters of overrides), the answer through the catalog's `PROGRESS#` items.
 */
import { z } from 'zod';
import { comparisonSchema, CONSISTENCIES, failureSchema, TRIGGERS } from './backup.ts';
import { dumpTargetSchema } from './config.ts';
import { RESTORE_MODES } from './engines.ts';
import { NightjarError } from './errors.ts';
import { exchangeStateSchema } from './exchange.ts';
import { windowSchema } from './native.ts';
import { scopeSchema } from './scope.ts';

const target = dumpTargetSchema;

const common = {
  /** Under which the task writes its progress; of a dump the backup's id, of a restore the restore's. */
  id: z.string(),
  target,
  idleMinutes: z.int().positive(),
};

export const dumpJobSchema = z.object({
  kind: z.literal('dump'),
  ...common,
  trigger: z.enum(TRIGGERS),
  runId: z.string().optional(),
  startedAt: z.iso.datetime(),
});
export type DumpJob = z.output<typeof dumpJobSchema>;

export const restoreJobSchema = z.object({
  kind: z.literal('restore'),
  /** `target` is where the data goes. */
  ...common,
  source: z.object({ target: z.string(), backupId: z.string(), manifestKey: z.string(), versionId: z.string() }),
  mode: z.enum(RESTORE_MODES),
  /** Name under which the data serves afterwards. */
  database: z.string(),
  /** Of the database in the backup, where it holds several; by default `database`, else the one that the backup's target is for. */
  fromDatabase: z.string().optional(),
  /** Every database of the backup under its own name, after its users and globals. */
  allDatabases: z.literal(true).optional(),
  scope: scopeSchema.optional(),
  noOwner: z.boolean().optional(),
  /** Who owns in the restored database what somebody else owned in the backup: old name to new. */
  roleMap: z.record(z.string(), z.string()).optional(),
  jobs: z.int().min(1).max(32).optional(),
});
export type RestoreJob = z.output<typeof restoreJobSchema>;

export const rollbackJobSchema = z.object({
  kind: z.literal('rollback'),
  ...common,
  restoreId: z.string(),
  database: z.string(),
  replacedDatabase: z.string(),
});
export type RollbackJob = z.output<typeof rollbackJobSchema>;

export const dropJobSchema = z.object({
  kind: z.literal('drop'),
  ...common,
  restoreId: z.string(),
  replacedDatabase: z.string(),
  /** That the restore was of; absent where it was of all. */
  database: z.string().optional(),
  /** Of a restore of all databases: whatever it left under working names, whichever databases they are of. */
  everyDatabase: z.literal(true).optional(),
});
export type DropJob = z.output<typeof dropJobSchema>;

export const probeJobSchema = z.object({ kind: z.literal('probe'), ...common });

/** Looks at what opens the target's encrypted backups, with the rights of a restore: a dump may not read it. */
export const identityJobSchema = z.object({ kind: z.literal('identity'), ...common });

/** Looks into a server that was restored beside the original, before it takes the name. */
export const checkJobSchema = z.object({
  kind: z.literal('check'),
  /** `target` is made of the restored server's endpoint and the target's `check`. */
  ...common,
  /** Each must answer with one row whose first column is true. */
  queries: z.array(z.string()),
});
export type CheckJob = z.output<typeof checkJobSchema>;

export const jobSchema = z.discriminatedUnion('kind', [
  dumpJobSchema,
  restoreJobSchema,
  rollbackJobSchema,
  dropJobSchema,
  probeJobSchema,
  identityJobSchema,
  checkJobSchema,
]);
export type Job = z.output<typeof jobSchema>;
export type JobKind = Job['kind'];

/** Tasks that read a database into the vault, and tasks that read the vault: the rights of one are not the other's. */
export const TASK_KINDS = ['dump', 'restore'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];
export const taskKindOf = (kind: JobKind): TaskKind => (kind === 'dump' || kind === 'probe' ? 'dump' : 'restore');

/** ECS refuses more than 8,192 characters of overrides; the rest of them takes a few hundred. */
export const JOB_LIMIT = 7_500;

/** @throws NightjarError INPUT_INVALID when the job would not fit into ECS's overrides. */
export function writeJob(job: Job): string {
  const text = JSON.stringify(job);
  if (text.length > JOB_LIMIT)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'write job',
      detail: `The job has ${text.length} characters, ECS takes ${JOB_LIMIT}. Use a shorter tls.ca or fewer tables in the scope.`,
    });
  return text;
}

/** @throws NightjarError INPUT_INVALID. */
export function parseJob(text: string | undefined): Job {
  try {
    return jobSchema.parse(JSON.parse(text ?? ''));
  } catch (cause) {
    throw new NightjarError('INPUT_INVALID', { operation: 'read NIGHTJAR_JOB', detail: String(cause), cause });
  }
}

const dumped = {
  manifestKey: z.string(),
  snapshotAt: z.iso.datetime(),
  storedBytes: z.int().nonnegative(),
  databaseBytes: z.int().nonnegative(),
  rows: z.int().nonnegative(),
  tables: z.int().nonnegative(),
  consistency: z.enum(CONSISTENCIES),
  warnings: z.array(z.string()),
};
export const dumpOutcomeSchema = z.object({ kind: z.literal('dump'), ...dumped, manifestVersionId: z.string() });
export type DumpOutcome = z.output<typeof dumpOutcomeSchema>;

/**
 * The manifest was written, but S3's answer and with it its version was lost, and a dump's role may not look it up.
 * VerifyBackup, which may read, finds the version by the bytes.
 */
export const unnamedDumpOutcomeSchema = z.object({
  kind: z.literal('unnamed-dump'),
  ...dumped,
  /** Of the manifest's bytes, in hex. */
  manifestSha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export const restoreOutcomeSchema = z.object({
  kind: z.literal('restore'),
  /** Under which the restored data serves now. */
  restoredDatabase: z.string(),
  replacedDatabase: z.string().optional(),
  comparison: comparisonSchema,
  warnings: z.array(z.string()),
});
export type RestoreOutcome = z.output<typeof restoreOutcomeSchema>;

export const rollbackOutcomeSchema = z.object({
  kind: z.literal('rollback'),
  /** The old data serves under this name again. */
  serving: z.string(),
  /** The restored data is kept under this name. */
  setAside: z.string(),
});
export type RollbackOutcome = z.output<typeof rollbackOutcomeSchema>;

export const dropOutcomeSchema = z.object({
  kind: z.literal('drop'),
  /** False when it was gone already. */
  dropped: z.boolean(),
});
export type DropOutcome = z.output<typeof dropOutcomeSchema>;

/** One thing a probe saw. `bad` stops backups, `warn` may one day. */
export const findingSchema = z.object({
  level: z.enum(['ok', 'warn', 'bad']),
  what: z.string(),
  hint: z.string().optional(),
});
export type Finding = z.output<typeof findingSchema>;

export const probeOutcomeSchema = z.object({
  kind: z.literal('probe'),
  serverVersion: z.string().optional(),
  databaseBytes: z.int().nonnegative().optional(),
  findings: z.array(findingSchema),
});
export type ProbeOutcome = z.output<typeof probeOutcomeSchema>;

export const checkOutcomeSchema = z.object({
  kind: z.literal('check'),
  serverVersion: z.string(),
  tables: z.int().nonnegative(),
  rows: z.int().nonnegative(),
  /** In the order of the job's. */
  answers: z.array(z.object({ query: z.string(), holds: z.boolean(), answer: z.string() })),
  /** Such as tables that could not be counted. */
  warnings: z.array(z.string()).optional(),
});
export type CheckOutcome = z.output<typeof checkOutcomeSchema>;

/** What a native backup knows of itself; written by the state that wrote the manifest. */
export const pointOutcomeSchema = z.object({
  kind: z.literal('point'),
  manifestKey: z.string(),
  manifestVersionId: z.string(),
  snapshotAt: z.iso.datetime(),
  databaseBytes: z.int().nonnegative(),
  /** Of a table. */
  items: z.int().nonnegative().optional(),
  window: windowSchema,
  warnings: z.array(z.string()),
});
export type PointOutcome = z.output<typeof pointOutcomeSchema>;

export const outcomeSchema = z.discriminatedUnion('kind', [
  dumpOutcomeSchema,
  unnamedDumpOutcomeSchema,
  restoreOutcomeSchema,
  rollbackOutcomeSchema,
  dropOutcomeSchema,
  probeOutcomeSchema,
  checkOutcomeSchema,
  pointOutcomeSchema,
]);
export type Outcome = z.output<typeof outcomeSchema>;
/** What a job of this kind, or a state in its place, may end with. */
export type OutcomeOf<K extends Outcome['kind'] | JobKind> = Extract<
  Outcome,
  { kind: K | (K extends 'dump' ? 'unnamed-dump' : K extends 'identity' ? 'probe' : never) }
>;

/** What a task says about itself; one item per id and attempt, the only ones its role may write. */
export const progressSchema = z.object({
  id: z.string(),
  attempt: z.int().min(1),
  status: z.enum(['running', 'succeeded', 'failed']),
  /** In words for a person, such as `dumping` or `comparing rows`. */
  phase: z.string(),
  bytes: z.int().nonnegative(),
  /** Undefined where the end is not known. */
  totalBytes: z.int().nonnegative().optional(),
  /** How large a dump found the database, as soon as it knew: also of one that failed, the next one's disk goes by it. */
  databaseBytes: z.int().nonnegative().optional(),
  updatedAt: z.iso.datetime(),
  taskArn: z.string().optional(),
  /** Of a restore or rollback that has begun to exchange names: how far that is. */
  exchange: exchangeStateSchema.optional(),
  outcome: outcomeSchema.optional(),
  failure: failureSchema.optional(),
});
export type Progress = z.output<typeof progressSchema>;
