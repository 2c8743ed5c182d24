/** What the commands print that bring data back. */
import { z } from 'zod';
import { NATIVE_ENGINES, RESTORE_MODES } from '../../core/engines.ts';
import { differenceSchema, windowSchema } from '../../core/native.ts';
import { SET_MODES } from '../../core/restore-set.ts';
import { amount, failure, id, shownRestoreSchema, text, whole, workflowShape } from './common.ts';

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
  /** What becomes of sessions, in words. */
  sessions: text,
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
  /** Null when a moment was restored from the service's own log. */
  backupId: id.nullable(),
  restore: shownRestoreSchema.nullable(),
  /** Which data serves now, in words. */
  serves: text,
});
/** Of a restore that the service does itself. */
const nativeRestorePlanShape = z.strictObject({
  target: text,
  engine: z.enum(NATIVE_ENGINES),
  mode: z.enum(RESTORE_MODES),
  /** `backupId` null: a moment of the service's own log. `at` null: the latest, and nobody may say which that is. */
  from: z.strictObject({ backupId: id.nullable(), at: text.nullable() }),
  /** What point-in-time recovery reaches; null when the resource is gone or you may not look. */
  window: windowSchema.nullable(),
  names: restorePlanShape.shape.names,
  steps: z.array(text),
  /** Writes after `since` do not come back; null when nobody knows since when. */
  lost: z.strictObject({ what: text, since: text.nullable(), seconds: amount.nullable() }),
  /** In words; null when there is none. */
  outage: text.nullable(),
  lastRestore: restorePlanShape.shape.lastRestore,
  notes: z.array(text),
  refused: failure,
});
export type NativeRestorePlan = z.output<typeof nativeRestorePlanShape>;

/** Several tables that go back to one moment. */
const setMemberShape = z.strictObject({
  target: text,
  /** Null when it was never begun. */
  restore: shownRestoreSchema.nullable(),
  /** Which data serves now, in words. */
  serves: text,
});
export const setPlannedShape = z.strictObject({
  command: z.literal('restore'),
  ok: z.boolean(),
  exitCode: whole,
  /** In the order of the swaps. */
  targets: z.array(text),
  mode: z.enum(SET_MODES),
  /** Null when there is none for all. */
  at: text.nullable(),
  /** One for each; none when there is no moment for all. */
  plans: z.array(nativeRestorePlanShape),
  /** A broken set had brought these to the moment: they stay as they are. */
  thereAlready: z.array(z.strictObject({ target: text, restoreId: id })),
  refused: failure,
});
export type SetPlan = z.output<typeof setPlannedShape>;
export const restoreSetShape = workflowShape.extend({
  command: z.literal('restore'),
  targets: z.array(text),
  mode: z.enum(SET_MODES),
  /** Null before it is known. */
  at: text.nullable(),
  members: z.array(setMemberShape),
});
export type RestoreSetJson = z.output<typeof restoreSetShape>;

export const nativePlannedShape = restorePlannedShape.extend({ plan: nativeRestorePlanShape });
export type RestoreJson =
  z.output<typeof restorePlannedShape> | z.output<typeof nativePlannedShape> | z.output<typeof restoreShape>;

export const rollbackShape = workflowShape.extend({
  command: z.literal('rollback'),
  restoreId: id,
  restore: shownRestoreSchema.nullable(),
});
export type RollbackJson = z.output<typeof rollbackShape>;

/** `nightjar approve` and `nightjar cancel`. */
const decisionOf = <C extends string>(command: C, decision: 'approved' | 'cancelled') =>
  z.strictObject({
    command: z.literal(command),
    ok: z.literal(true),
    restoreId: id,
    decision: z.literal(decision),
  });
export const approveShape = decisionOf('approve', 'approved');
export const cancelShape = decisionOf('cancel', 'cancelled');
export type DecisionJson = z.output<typeof approveShape> | z.output<typeof cancelShape>;

export const settingsDiffShape = z.strictObject({
  command: z.literal('settings diff'),
  ok: z.literal(true),
  target: text,
  backupId: id,
  /** When the backup's settings were read. */
  readAt: text,
  /** False when it was restored or made again since. */
  sameResource: z.boolean(),
  /** `expected`: in the backup. `found`: now. */
  differences: z.array(z.strictObject(differenceSchema.shape)),
});
export type SettingsDiffJson = z.output<typeof settingsDiffShape>;
