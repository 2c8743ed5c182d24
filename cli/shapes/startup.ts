/** What `nightjar startup` prints. */
import { z } from 'zod';
import { text, whole } from './common.ts';

export const startupShape = z.strictObject({
  command: z.literal('startup'),
  ok: z.literal(true),
  exitCode: whole,
  /** The target. */
  server: text,
  /** URI of the plain file, as the server is told it; null with `--clear`. */
  file: text.nullable(),
  environment: z.array(z.strictObject({ name: text, value: text })),
  secrets: z.array(z.strictObject({ name: text, valueFrom: text })),
  /** Lines of a shell. */
  docker: z.array(text),
  service: z
    .strictObject({
      cluster: text,
      service: text,
      container: text,
      /** Whether a volume is mounted over the server's data directory. */
      keepsData: z.boolean(),
      /** ARN of the revision that the service had. */
      before: text,
      /** ARN of the revision that it has; null while it was not told `--yes`. */
      after: text.nullable(),
      changed: z.boolean(),
    })
    .nullable(),
  notes: z.array(text),
});
export type StartupJson = z.output<typeof startupShape>;
