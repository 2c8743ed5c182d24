/** Whether the server takes writes. A BACKUP makes it read-only, and one that failed leaves it so until it is restarted. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { NightjarError } from '../../../core/errors.ts';
import type { Wire } from './wire.ts';

const TRIES = 5;
/** A server that goes on with its backup though nobody listens is waited for: an hour at a second each. */
export const UNHEARD_TRIES = 3_600;

/** Makes a table and takes it back, in a transaction. */
export async function assertWritable(
  wire: Wire,
  options: { pauseMs: number; after: string; tries?: number; alive?: () => void },
): Promise<void> {
  const { tries = TRIES } = options;
  let last: unknown;
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    options.alive?.();
    try {
      // Also when the task was told to stop: who made the server read-only must know how it was left.
      const session = await wire.session(AbortSignal.timeout(60_000));
      try {
        await session.rows('BEGIN');
        await session.rows(`CREATE TABLE nightjar_probe_${randomBytes(6).toString('hex')} (one INTEGER)`);
        await session.rows('ROLLBACK');
        return;
      } finally {
        await session.close();
      }
    } catch (thrown) {
      last = thrown;
      if (attempt < tries) await pause(options.pauseMs);
    }
  }
  const words = last instanceof NightjarError ? (last.detail ?? last.message) : String(last);
  throw new NightjarError('SERVER_READ_ONLY', {
    operation: 'write probe',
    detail: `${options.after} The server took no write ${tries} times: ${words}`,
    cause: last,
  });
}
