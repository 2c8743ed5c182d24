/** What the commands print that only look. */
import { z } from 'zod';
import {
  backupRecordSchema,
  manifestSchema,
  nativeManifestSchema,
  runRecordSchema,
  tablePrintSchema,
  targetStateSchema,
} from '../../core/backup.ts';
import { RESTORE_MODES } from '../../core/engines.ts';
import { isErrorCode, type ErrorCode } from '../../core/errors.ts';
import { progressSchema } from '../../core/job.ts';
import { MACHINES } from '../../core/names.ts';
import { settingsSchema } from '../../core/native.ts';
import { amount, failure, id, shownRestoreSchema, text, whole } from './common.ts';

const runningShape = z.strictObject({
  machine: z.enum(MACHINES),
  id,
  /** Null before its first state has said which. */
  target: text.nullable(),
  /** Of one of several tables that go back together: the id of the set, which runs beside it. */
  set: id.nullable(),
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
  /** Swaps that broke off so that nothing serves under the name; `serves` says where everything is and what to do. */
  broken: z.array(z.strictObject({ restoreId: id, destination: text, serves: text })),
  /** Restores that stopped before their outage and wait for `nightjar approve` or `nightjar cancel`; a set waits once. */
  waiting: z.array(z.strictObject({ restoreId: id, destination: text, askedAt: text, until: text })),
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
      /** Of what a task dumps; null for what its service backs up. */
      /** `host:port`, or where the file lies. */
      place: text.nullable(),
      database: text.nullable(),
      /** Name of the instance, cluster or table, and its region; null for what a task dumps. */
      resource: text.nullable(),
      region: text.nullable(),
      /** Found by its tag: the config does not name it. */
      discovered: z.boolean(),
      frequency: text,
      rpoHours: amount.nullable(),
      pastRpo: z.boolean(),
      newestGoodId: id.nullable(),
      newestGoodAt: text.nullable(),
    }),
  ),
});
export type TargetsJson = z.output<typeof targetsShape>;

export const backupsShape = z.strictObject({
  command: z.literal('backups'),
  ok: z.literal(true),
  target: text.nullable(),
  backups: z.array(backupRecordSchema),
  /** There are more than the limit. */
  more: z.boolean(),
});
export type BackupsJson = z.output<typeof backupsShape>;

/** Of a backup that a task dumped. */
const dumpFactsShape = z.strictObject({
  method: z.literal('dump'),
  ...manifestSchema.pick({
    consistency: true,
    source: true,
    format: true,
    scope: true,
    encryption: true,
    tool: true,
    compression: true,
    roles: true,
    extensions: true,
    warnings: true,
    archive: true,
  }).shape,
  objects: whole,
  /** Of a backup of a whole server. */
  databases: z.array(text).optional(),
  fingerprint: z.strictObject({
    mode: text,
    seconds: amount,
    tables: whole,
    rows: whole,
    /** The tables with the most rows. */
    top: z.array(tablePrintSchema),
  }),
});
export type DumpFacts = z.output<typeof dumpFactsShape>;

/** Of a backup that its service keeps. */
const nativeFactsShape = z.strictObject({
  method: z.literal('native'),
  ...nativeManifestSchema.pick({ window: true, points: true, warnings: true }).shape,
  /** The engine that runs in an instance or cluster; null for a table. */
  server: settingsSchema.shape.server.unwrap().nullable(),
  /** How many settings a restore brings back, those of a cluster's members and the tags among them. */
  settings: whole,
  /** Of a table, as the service last counted them. */
  items: whole.nullable(),
});
export type NativeFacts = z.output<typeof nativeFactsShape>;

const manifestFactsShape = z.discriminatedUnion('method', [dumpFactsShape, nativeFactsShape]);
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
    restore: shownRestoreSchema,
    /** Of a restore that the service does itself: which data serves, in words. */
    serves: text.nullable(),
    /** The question that it waits with; null when it waits for nobody. */
    question: z.strictObject({ askedAt: text, until: text }).nullable(),
    progress: progressSchema.nullable(),
  }),
  z.strictObject({
    command: z.literal('show'),
    ok: z.literal(true),
    kind: z.literal('set'),
    /** Several tables that go back to one moment. */
    set: z.strictObject({ id, targets: z.array(text), at: text, mode: z.enum(RESTORE_MODES) }),
    members: z.array(
      z.strictObject({
        target: text,
        /** Null when it was never begun. */
        restore: shownRestoreSchema.nullable(),
        serves: text,
      }),
    ),
    question: z.strictObject({ askedAt: text, until: text }).nullable(),
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

export const runsShape = z.strictObject({
  command: z.literal('runs'),
  ok: z.literal(true),
  runs: z.array(runRecordSchema),
});
export type RunsJson = z.output<typeof runsShape>;
