/** How a task speaks with S3: which answers pass by themselves, how long to wait for them, and what to call the rest. */
import { setTimeout as pause } from 'node:timers/promises';
import { NightjarError } from '../core/errors.ts';

/** How long one call is tried again. */
export interface Patience {
  /** From the first try on, in milliseconds; the try that runs then is the last. */
  readonly totalMs: number;
  /** The first pause; it doubles each time. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
}
export const PATIENCE: Patience = { totalMs: 15 * 60_000, pauseMs: 200, longestPauseMs: 20_000 };
/** For cleaning up when the task has been told to stop: it has two minutes in all. */
export const SHORT_PATIENCE: Patience = { totalMs: 15_000, pauseMs: 200, longestPauseMs: 2_000 };

/** Settings of an S3 client for these calls: the tries are ours, and each shows in the patience. */
export const VAULT_CLIENT = {
  maxAttempts: 1,
  /** Else each part would get a connection of its own, TLS handshake included. */
  expectContinueHeader: false,
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
} as const;
/** Of its connections: silence for a minute is a dropped connection. */
export const VAULT_TIMEOUTS = { connectionTimeout: 10_000, socketTimeout: 60_000 } as const;

export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Whether an earlier try may have reached S3 although its answer never reached us. */
  readonly ambiguous: boolean;
}

export interface VaultCall {
  /** S3's word, such as `UploadPart`. */
  readonly operation: string;
  readonly key: string;
  readonly patience: Patience;
  /** Ends the waiting; its reason is thrown. */
  readonly signal?: AbortSignal;
}

interface AwsError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** 4xx answers that another try may turn into success. */
const PASSING = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'ExpiredToken',
  'ExpiredTokenException',
  'TokenRefreshRequired',
  // A part that changed on its way.
  'BadDigest',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
  'OperationAborted',
]);

const statusOf = (error: unknown): number | undefined => (error as AwsError).$metadata?.httpStatusCode;
const nameOf = (error: unknown): string => (error as AwsError).name ?? 'Error';

function passes(error: unknown): boolean {
  const status = statusOf(error);
  // No answer at all: the network, or credentials that could not be fetched. A defect of ours is neither.
  if (status === undefined)
    return !(error instanceof NightjarError || ['TypeError', 'RangeError', 'ReferenceError'].includes(nameOf(error)));
  return status < 300 || status === 429 || status >= 500 || PASSING.has(nameOf(error));
}

/** Calls until it succeeds. @throws VAULT_DENIED, VAULT_UNAVAILABLE, or the signal's reason. */
export async function patiently<T>(call: VaultCall, once: (attempt: Attempt) => Promise<T>): Promise<T> {
  const began = Date.now();
  let ambiguous = false;
  for (let number = 1; ; number += 1) {
    call.signal?.throwIfAborted();
    try {
      return await once({ number, ambiguous });
    } catch (error) {
      call.signal?.throwIfAborted();
      if (!passes(error)) throw refusal(call, error);
      // A 503 was turned away at the door; anything else may have been done.
      if (statusOf(error) !== 503) ambiguous = true;
      const waited = Date.now() - began;
      const next = pauseAfter(number, call.patience);
      if (waited + next > call.patience.totalMs) {
        const detail = `${call.key}: ${number} tries in ${Math.round(waited / 1000)} s, the last ended with ${words(error)}`;
        throw new NightjarError('VAULT_UNAVAILABLE', { operation: call.operation, detail, cause: error });
      }
      await pause(next, undefined, call.signal ? { signal: call.signal } : {}).catch(() => undefined);
    }
  }
}

/** Doubles, with up to half of it left to chance, so that many tasks don't come back at once. */
function pauseAfter(number: number, { pauseMs, longestPauseMs }: Patience): number {
  const full = Math.min(pauseMs * 2 ** (number - 1), longestPauseMs);
  return full * (0.5 + Math.random() / 2);
}

/** What S3 will not do, whoever asks again. */
function refusal(call: VaultCall, error: unknown): NightjarError {
  if (error instanceof NightjarError) return error;
  const more = { operation: call.operation, detail: `${call.key}: ${words(error)}`, cause: error };
  switch (nameOf(error)) {
    case 'NoSuchKey':
    case 'NoSuchVersion':
    case 'NotFound':
      return new NightjarError('OBJECT_MISSING', more);
    // Aborted behind our back, by the rule for stale uploads or by a person: a new attempt begins a new one.
    case 'NoSuchUpload':
      return new NightjarError('VAULT_UNAVAILABLE', more);
    default:
      return new NightjarError(statusOf(error) === undefined ? 'UNEXPECTED' : 'VAULT_DENIED', more);
  }
}

/** The service's own words; they name no credential. */
function words(error: unknown): string {
  const { name, message, code } = error as AwsError;
  return [statusOf(error), name === 'Error' ? code : name, message].filter(Boolean).join(' ');
}
