/**
 * What each command prints with `--json`: the documented shapes (`docs/cli.md`). Times are ISO 8601 in UTC, sizes bytes,
 * spans seconds. A field may be added; none is taken away or changes its meaning within a major version.
 */
import { z } from 'zod';
import {
  backupRecordSchema,
  failureSchema,
  manifestSchema,
  restoreRecordSchema,
  runRecordSchema,
  tablePrintSchema,
  targetStateSchema,
} from '../core/backup.ts';
import { RESTORE_MODES } from '../core/engines.ts';
import { isErrorCode, type ErrorCode } from '../core/errors.ts';
import { findingSchema, progressSchema } from '../core/job.ts';
import { MACHINES } from '../core/names.ts';

const text = z.string();
const amount = z.number().nonnegative();
const whole = z.int().nonnegative();
const id = z.string().length(26);
const failure = failureSchema.nullable();

/** Any command that could not do its work. */
export const errorShape = z.strictObject({
  command: text,
  ok: z.literal(false),
  exitCode: whole,
  failure: failureSchema,
});

const runningShape = z.strictObject({
  machine: z.enum(MACHINES),
  id,
  /** Null before its first state has said which. */
  target: text.nullable(),
  executionArn: text,
  startedAt: text,
  phase: text,
  attempt: whole.nullable(),
  bytes: whole.nullable(),
  totalBytes: whole.nullable(),
});
export type RunningJson = z.output<typeof runningShape>;

const targetStatusShape = z.strictObject({
  target: text,
  /** Null: nothing was promised. */
  rpoHours: amount.nullable(),
  pastRpo: z.boolean(),
  newestGood: targetStateSchema.shape.newestGood.unwrap().nullable(),
  /** Of a backup newer than the newest good one. */
  lastFailure: z.strictObject({ backupId: id, code: z.custom<ErrorCode>(isErrorCode), at: text }).nullable(),
});
export type TargetStatusJson = z.output<typeof targetStatusShape>;

export const statusShape = z.strictObject({
  command: z.literal('status'),
  ok: z.literal(true),
  name: text,
  version: text,
  running: z.array(runningShape),
  lastRun: runRecordSchema.nullable(),
  targets: z.array(targetStatusShape),
  /** Databases that a swap replaced and that are still kept. */
  replaced: z.array(
    z.strictObject({ restoreId: id, destination: text, replacedDatabase: text, replacedUntil: text.nullable() }),
  ),
});
export type StatusJson = z.output<typeof statusShape>;

export const targetsShape = z.strictObject({
  command: z.literal('targets'),
  ok: z.literal(true),
  targets: z.array(
    z.strictObject({
      target: text,
      engine: text,
      host: text,
      port: whole,
      database: text,
      frequency: text,
      rpoHours: amount.nullable(),
      pastRpo: z.boolean(),
      newestGoodId: id.nullable(),
      newestGoodAt: text.nullable(),
    }),
  ),
});
export type TargetsJson = z.output<typeof targetsShape>;

/** What every command says that starts a workflow. */
const workflowShape = z.strictObject({
  /** True when it succeeded, and with `--detach` when it was started. */
  ok: z.boolean(),
  exitCode: whole,
  id,
  executionArn: text,
  /** False with `--detach`, after Ctrl-C and when AWS stopped answering: the work goes on. */
  followed: z.boolean(),
  failure,
});
export type WorkflowJson = z.output<typeof workflowShape>;

export const backupShape = workflowShape.extend({
  command: z.literal('backup'),
  target: text,
  backup: backupRecordSchema.nullable(),
});
export type BackupJson = z.output<typeof backupShape>;

export const backupsShape = z.strictObject({
  command: z.literal('backups'),
  ok: z.literal(true),
  target: text.nullable(),
  backups: z.array(backupRecordSchema),
  /** There are more than the limit. */
  more: z.boolean(),
});
export type BackupsJson = z.output<typeof backupsShape>;

const manifestFactsShape = z.strictObject({
  ...manifestSchema.pick({
    consistency: true,
    source: true,
    tool: true,
    compression: true,
    roles: true,
    extensions: true,
    warnings: true,
    archive: true,
  }).shape,
  objects: whole,
  fingerprint: z.strictObject({
    mode: text,
    seconds: amount,
    tables: whole,
    rows: whole,
    /** The tables with the most rows. */
    top: z.array(tablePrintSchema),
  }),
});
export type ManifestFacts = z.output<typeof manifestFactsShape>;

export const showShape = z.discriminatedUnion('kind', [
  z.strictObject({
    command: z.literal('show'),
    ok: z.literal(true),
    kind: z.literal('backup'),
    backup: backupRecordSchema,
    /** Null before there is one, and when it could not be read: then `manifestFailure` says why. */
    manifest: manifestFactsShape.nullable(),
    manifestFailure: failure,
    progress: progressSchema.nullable(),
  }),
  z.strictObject({
    command: z.literal('show'),
    ok: z.literal(true),
    kind: z.literal('restore'),
    restore: restoreRecordSchema,
    progress: progressSchema.nullable(),
  }),
  z.strictObject({
    command: z.literal('show'),
    ok: z.literal(true),
    kind: z.literal('run'),
    run: runRecordSchema,
    backups: z.array(backupRecordSchema),
  }),
]);
export type ShowJson = z.output<typeof showShape>;

const restorePlanShape = z.strictObject({
  target: text,
  destination: text,
  mode: z.enum(RESTORE_MODES),
  backup: z.strictObject({
    id,
    snapshotAt: text,
    storedBytes: whole,
    databaseBytes: whole,
    rows: whole,
    tables: whole,
    serverVersion: text,
  }),
  names: z.strictObject({
    /** `<id>` stands for ten characters that the restore's id ends with. */
    restoredInto: text,
    /** Under which the restored data serves in the end. */
    serves: text,
    /** The old database afterwards; null when there will be none beside it. */
    oldKeptAs: text.nullable(),
  }),
  steps: z.array(text),
  /** Writes after `since` are not in the backup. */
  lost: z.strictObject({ what: text, since: text, seconds: amount }),
  /** Sessions on the database that serves now are ended. */
  endsSessions: z.boolean(),
  archive: z.strictObject({
    /** `unknown`: you may not ask the vault. */
    state: z.enum(['here', 'frozen', 'thawing', 'unknown']),
    frozenObjects: whole,
    frozenBytes: whole,
    /** From and to, in hours, for a standard retrieval; null when nothing is archived. */
    thawHours: z.tuple([amount, amount]).nullable(),
  }),
  /** The newest restore of this target that came through; null when there was none. */
  lastRestore: z.strictObject({ id, mode: z.enum(RESTORE_MODES), seconds: amount }).nullable(),
  notes: z.array(text),
  /** Why it would be refused as asked; null when it would not be. */
  refused: failure,
});
export type RestorePlan = z.output<typeof restorePlanShape>;

export const restorePlannedShape = z.strictObject({
  command: z.literal('restore'),
  ok: z.boolean(),
  exitCode: whole,
  plan: restorePlanShape,
});
export const restoreShape = workflowShape.extend({
  command: z.literal('restore'),
  target: text,
  backupId: id,
  restore: restoreRecordSchema.nullable(),
  /** Which data serves now, in words. */
  serves: text,
});
export type RestoreJson = z.output<typeof restorePlannedShape> | z.output<typeof restoreShape>;

export const rollbackShape = workflowShape.extend({
  command: z.literal('rollback'),
  restoreId: id,
  restore: restoreRecordSchema.nullable(),
});
export type RollbackJson = z.output<typeof rollbackShape>;

export const runsShape = z.strictObject({
  command: z.literal('runs'),
  ok: z.literal(true),
  runs: z.array(runRecordSchema),
});
export type RunsJson = z.output<typeof runsShape>;

const prunePlanShape = z.strictObject({
  /** Backups that are older than retention keeps. */
  expire: z.array(z.strictObject({ backupId: id, target: text, storedBytes: whole, at: text })),
  /** Failed or deleted backups of which objects may be left in the vault. */
  sweep: z.array(z.strictObject({ backupId: id, target: text })),
  drops: z.array(z.strictObject({ restoreId: id, destination: text, database: text })),
  /** Good backups that stay. */
  kept: whole,
  /** Sum over `expire`. */
  storedBytes: whole,
});
export type PrunePlanJson = z.output<typeof prunePlanShape>;

export const prunePlannedShape = z.strictObject({
  command: z.literal('prune'),
  ok: z.literal(true),
  plan: prunePlanShape,
});
export const pruneShape = workflowShape.extend({
  command: z.literal('prune'),
  /** What the workflow said it did; null while nobody waits for it. */
  result: z.record(text, z.unknown()).nullable(),
});
export type PruneJson = z.output<typeof prunePlannedShape> | z.output<typeof pruneShape>;

export const rebuildShape = z.strictObject({
  command: z.literal('rebuild'),
  /** False when a manifest could not be taken back. */
  ok: z.boolean(),
  exitCode: whole,
  /** True: nothing was written, `recovered` is what would be. */
  plan: z.boolean(),
  /** Backups that the catalog had lost, newest first. */
  recovered: z.array(z.strictObject({ backupId: id, target: text, snapshotAt: text, storedBytes: whole })),
  /** Backups that it knew. */
  known: whole,
  unreadable: z.array(z.strictObject({ key: text, failure: failureSchema })),
});
export type RebuildJson = z.output<typeof rebuildShape>;

const doctorFindingShape = findingSchema.extend({
  /** Which part it is about, such as `vault` or `target shop`. */
  about: text,
});
export type DoctorFinding = z.output<typeof doctorFindingShape>;

export const doctorShape = z.strictObject({
  command: z.literal('doctor'),
  /** False when something is bad. */
  ok: z.boolean(),
  exitCode: whole,
  name: text,
  findings: z.array(doctorFindingShape),
});
export type DoctorJson = z.output<typeof doctorShape>;

/** By command; a command that also plans has two. */
export const SHAPES = {
  status: [statusShape],
  targets: [targetsShape],
  backup: [backupShape],
  backups: [backupsShape],
  show: [showShape],
  restore: [restorePlannedShape, restoreShape],
  rollback: [rollbackShape],
  runs: [runsShape],
  prune: [prunePlannedShape, pruneShape],
  rebuild: [rebuildShape],
  doctor: [doctorShape],
} as const;
