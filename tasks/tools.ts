/** What every job works with. */
import { setTimeout as pause } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { EngineContext } from './engine.ts';
import type { Log } from './log.ts';
import type { ProgressWriter } from './progress.ts';
import type { UploadLimits } from './upload/limits.ts';
import type { Patience } from './vault-calls.ts';

export interface JobTools {
  readonly attempt: number;
  readonly s3: S3Client;
  /** The vault's bucket. */
  readonly bucket: string;
  readonly context: EngineContext;
  readonly progress: ProgressWriter;
  readonly log: Log;
  /** The value of a secret that holds an age identity. @throws IDENTITY_MISSING, UNEXPECTED. */
  readonly readIdentity: (secret: string) => Promise<string>;
  /** Smaller ones for tests. */
  readonly limits?: UploadLimits;
  readonly patience?: Patience;
  /** How long an engine that was told to stop is waited for; 25 s by default. */
  readonly graceMs?: number;
}

/** How long an engine may take to stop: its children get 10 s before they are killed. */
const GRACE_MS = 25_000;

/** The work's result; when it was told to stop and does not, the signal's reason. */
export async function obedient<T>(
  work: Promise<T>,
  { context: { signal }, graceMs = GRACE_MS }: Pick<JobTools, 'context' | 'graceMs'>,
): Promise<T> {
  const done = new AbortController();
  const overdue = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      pause(graceMs, undefined, { signal: done.signal }).then(
        () => reject(signal.reason as Error),
        () => undefined,
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true, signal: done.signal });
  });
  try {
    return await Promise.race([work, overdue]);
  } catch (error) {
    // What a tool says when it is being stopped is not why it stopped.
    signal.throwIfAborted();
    throw error;
  } finally {
    done.abort();
  }
}

/** Aborts so much later than another signal, for its reason: for a last step that is better finished than broken off. */
export function lagging(signal: AbortSignal, ms: number): AbortSignal {
  const own = new AbortController();
  const onAbort = (): void => void setTimeout(() => own.abort(signal.reason), ms).unref();
  signal.addEventListener('abort', onAbort, { once: true });
  return own.signal;
}
