/** What the commands print that take backups and keep house. */
import { z } from 'zod';
import { backupRecordSchema, failureSchema } from '../../core/backup.ts';
import { findingSchema } from '../../core/job.ts';
import { id, text, whole, workflowShape } from './common.ts';

export const backupShape = workflowShape.extend({
  command: z.literal('backup'),
  target: text,
  backup: backupRecordSchema.nullable(),
});
export type BackupJson = z.output<typeof backupShape>;

const prunePlanShape = z.strictObject({
  /** Backups that retention does not keep any more. */
  expire: z.array(z.strictObject({ backupId: id, target: text, storedBytes: whole, at: text })),
  /** Failed or deleted backups of which objects may be left in the vault. */
  sweep: z.array(z.strictObject({ backupId: id, target: text })),
  drops: z.array(z.strictObject({ restoreId: id, destination: text, database: text })),
  /** Instances, clusters and tables that native restores left; the pruner looks at each before it removes it. */
  removes: z.array(z.strictObject({ restoreId: id, destination: text, resource: text })),
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
