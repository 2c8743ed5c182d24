/** What every shape is made of. */
import { z } from 'zod';
import { failureSchema } from '../../core/backup.ts';

export const text = z.string();
export const amount = z.number().nonnegative();
export const whole = z.int().nonnegative();
export const id = z.string().length(26);
export const failure = failureSchema.nullable();

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
