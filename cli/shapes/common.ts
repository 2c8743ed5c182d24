/** What every shape is made of. */
import { z } from 'zod';
import { failureSchema, restoreRecordSchema } from '../../core/backup.ts';
import { nativeRestoreSchema } from '../../core/native.ts';
import { memberOfSetSchema } from '../../core/restore-set.ts';

export const text = z.string();
export const amount = z.number().nonnegative();
export const whole = z.int().nonnegative();
export const id = z.string().length(26);
export const failure = failureSchema.nullable();

/** A restore's record without the token with which its question is answered. */
export const shownRestoreSchema = restoreRecordSchema.extend({
  native: nativeRestoreSchema
    .extend({ approval: nativeRestoreSchema.shape.approval.unwrap().omit({ token: true }).optional() })
    .optional(),
  set: memberOfSetSchema
    .extend({ approval: memberOfSetSchema.shape.approval.unwrap().omit({ token: true }).optional() })
    .optional(),
});
export type ShownRestore = z.output<typeof shownRestoreSchema>;

/** Any command that could not do its work. */
export const errorShape = z.strictObject({
  command: text,
  ok: z.literal(false),
  exitCode: whole,
  failure: failureSchema,
});

/** What every command says that starts a workflow. */
export const workflowShape = z.strictObject({
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
