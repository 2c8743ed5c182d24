/** Whether the server takes writes. A BACKUP makes it read-only, and one that failed leaves it so until it is restarted. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { NightjarError, toNightjarError, type ErrorCode } from '../../../core/errors.ts';
import type { Wire } from './wire.ts';

const TRIES = 5;
/** A server that goes on with its backup though nobody listens is waited for: an hour at a second each. */
export const UNHEARD_TRIES = 3_600;

/** These say nothing of the server's mode: whoever restarted it for them would do so for nothing. */
const OTHER: readonly ErrorCode[] = [
  'PRIVILEGE_MISSING',
  'AUTH_FAILED',
  'TLS_FAILED',
  'CONNECT_FAILED',
  'CONNECTION_LOST',
];

export interface WriteProbe {
  readonly pauseMs: number;
  /** What was done to the server before, as a sentence. */
  readonly after: string;
  /** It took a write a moment ago: whatever it refuses now but by {@link OTHER}, it was left so. */
  readonly tookOne?: boolean;
  readonly tries?: number;
  readonly alive?: () => void;
}

/** Makes a table and takes it back, in a transaction. @throws SERVER_READ_ONLY, or what else kept it from that. */
export async function assertWritable(wire: Wire, options: WriteProbe): Promise<void> {
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
  const { code: said, detail, message } = toNightjarError(last);
  const code = options.tookOne && !OTHER.includes(said) ? 'SERVER_READ_ONLY' : said;
  const known =
    code === 'SERVER_READ_ONLY'
      ? `The server took no write ${tries} times:`
      : 'Whether the server takes writes is not known; making a table in a transaction that is taken back failed:';
  throw new NightjarError(code, {
    operation: 'write probe',
    detail: [options.after, known, detail ?? message].filter(Boolean).join(' '),
    cause: last,
  });
}
