/** MongoDB's errors in the words of the registry: by code from a session, by their text from a tool. */
import { MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { howEnded, type ProcessEnd } from '../../processes.ts';

/** Source: mongo, src/mongo/base/error_codes.yml; 8000 is Atlas's own. */
const BY_CODE: Readonly<Record<number, ErrorCode>> = {
  11: 'AUTH_FAILED',
  13: 'PRIVILEGE_MISSING',
  18: 'AUTH_FAILED',
  8000: 'AUTH_FAILED',
  // Shutting down, stepping down, not the primary any more.
  91: 'CONNECTION_LOST',
  189: 'CONNECTION_LOST',
  10107: 'CONNECTION_LOST',
  11600: 'CONNECTION_LOST',
  11602: 'CONNECTION_LOST',
  13435: 'CONNECTION_LOST',
  14031: 'DISK_FULL',
};

const TLS_WORDS =
  /certificate|self-signed|ERR_TLS|ERR_SSL|altnames|wrong version number|x509|tls:|unable to verify|SSL routines|EPROTO/i;

/** Of what broke a connection. */
export const isTls = (failure: Error): boolean => TLS_WORDS.test(wordsOf(failure));

/** Order matters: the first that fits tells most. */
const BY_TEXT: readonly (readonly [RegExp, ErrorCode])[] = [
  [/AuthenticationFailed|auth error|unable to authenticate|bad auth/i, 'AUTH_FAILED'],
  [/\(Unauthorized\)|not authorized on|not allowed to do action/, 'PRIVILEGE_MISSING'],
  [/x509|tls:|certificate/, 'TLS_FAILED'],
  [/No space left on device|OutOfDiskSpace/, 'DISK_FULL'],
  [
    /server selection error|could not connect to server|connection\(.*\) |socket was unexpectedly closed|connection reset|broken pipe|connection refused|NotWritablePrimary|InterruptedAtShutdown|unexpected EOF|incomplete read/,
    'CONNECTION_LOST',
  ],
];

/** The server's own number of what a session threw. */
export const codeOf = (thrown: unknown): number | undefined => {
  const error = thrown instanceof NightjarError ? thrown.cause : thrown;
  return error instanceof MongoServerError && typeof error.code === 'number' ? error.code : undefined;
};

/** What a session threw. `connecting`: nothing was under way yet; else a broken connection means data may be lost. */
export function sessionError(
  thrown: unknown,
  operation: string,
  options: { connecting?: boolean; fallback?: ErrorCode } = {},
): unknown {
  if (thrown instanceof NightjarError || !(thrown instanceof MongoError)) return thrown;
  const words = wordsOf(thrown);
  const code = registryCode(thrown, words, options);
  return new NightjarError(code, { operation, detail: advised(code, words), cause: thrown });
}

/** The tools write to pipes only, so what is full is never the task's. */
const advised = (code: ErrorCode, words: string): string =>
  code === 'DISK_FULL' ? `${words.replace(/\.?$/, '.')} The disk is the server’s.` : words;

function registryCode(
  thrown: MongoError,
  words: string,
  { connecting, fallback }: { connecting?: boolean; fallback?: ErrorCode },
): ErrorCode {
  if (thrown instanceof MongoServerError) {
    const known = BY_CODE[Number(thrown.code)];
    if (known === 'CONNECTION_LOST') return connecting ? 'CONNECT_FAILED' : known;
    return known ?? fallback ?? 'UNEXPECTED';
  }
  if (TLS_WORDS.test(words)) return 'TLS_FAILED';
  if (connecting) return 'CONNECT_FAILED';
  return thrown instanceof MongoNetworkError || isGone(thrown) ? 'CONNECTION_LOST' : (fallback ?? 'UNEXPECTED');
}

const isGone = (thrown: MongoError): boolean =>
  thrown instanceof MongoServerSelectionError ||
  /Topology|PoolCleared|NotConnected|PoolClosed|Expired/.test(thrown.name);

/** A failed search for a server hides why each one failed. */
function wordsOf(thrown: Error): string {
  const words = [thrown.message];
  let cause: unknown = thrown.cause;
  for (let depth = 0; cause instanceof Error && depth < 4; depth += 1) {
    if (!words.includes(cause.message)) words.push(cause.message);
    cause = cause.cause;
  }
  return words.join(' ');
}

/** What a tool said with its last words. */
export function toolError(tool: string, end: ProcessEnd, fallback: ErrorCode): NightjarError {
  const said = end.stderr.trim();
  const failure = said
    .split('\n')
    .filter((line) => /Failed|error|could not/i.test(line))
    .slice(-3)
    .join(' ');
  // What a tool says while it is being killed is not why.
  const code = (end.code === null ? undefined : BY_TEXT.find(([pattern]) => pattern.test(failure))?.[1]) ?? fallback;
  const words = said === '' ? '.' : `: ${failure === '' ? said.slice(-1_000) : failure}`;
  return new NightjarError(code, { operation: tool, detail: advised(code, `${tool} ${howEnded(end)}${words}`) });
}
