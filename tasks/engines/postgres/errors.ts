/** PostgreSQL's errors in the words of the registry: by SQLSTATE from a session, by their text from a tool. */
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { howEnded, type ProcessEnd } from '../../processes.ts';

const BY_STATE: Readonly<Record<string, ErrorCode>> = {
  '28P01': 'AUTH_FAILED',
  '28000': 'AUTH_FAILED',
  '3D000': 'DATABASE_MISSING',
  '42501': 'PRIVILEGE_MISSING',
  '55P03': 'LOCK_TIMEOUT',
  // Starting up, shutting down, no connection left: the server can't be used now.
  '57P03': 'CONNECT_FAILED',
  '53300': 'CONNECT_FAILED',
  '53100': 'DISK_FULL',
  '57P01': 'CONNECTION_LOST',
  '57P02': 'CONNECTION_LOST',
};

const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)|does not support SSL|establishing an SSL/;

/** A replica that ended a query, or a session, so that it could go on replaying. */
const CONFLICT = /due to conflict with recovery/;

/** Order matters: the first that fits tells most. */
const BY_TEXT: readonly (readonly [RegExp, ErrorCode])[] = [
  [CONFLICT, 'REPLICA_CONFLICT'],
  // What the snapshot shows and is gone since, before pg_dump held its lock.
  [
    /^pg_dump: error: .*(?:relation ".*"|column ".*"(?: of relation ".*")?) does not exist|^pg_dump: error: .*(?:could not open relation with OID|cache lookup failed)/ms,
    'SCHEMA_CHANGED',
  ],
  [/password authentication failed|no pg_hba\.conf entry|role ".*" is not permitted to log in/, 'AUTH_FAILED'],
  [/unexpected eof while reading|SSL connection has been closed unexpectedly/, 'CONNECTION_LOST'],
  [/certificate verify failed|root certificate|server certificate for|SSL error|does not support SSL/, 'TLS_FAILED'],
  [/FATAL: +database ".*" does not exist/, 'DATABASE_MISSING'],
  // pg_dump's --lock-wait-timeout works through statement_timeout.
  [/canceling statement due to lock timeout|could not obtain lock on relation/, 'LOCK_TIMEOUT'],
  [/canceling statement due to statement timeout[\s\S]*LOCK TABLE/, 'LOCK_TIMEOUT'],
  [
    /server closed the connection unexpectedly|terminating connection|connection to server was lost|SSL SYSCALL error|no connection to the server|could not receive data from server|could not send data to server/,
    'CONNECTION_LOST',
  ],
  [
    /could not connect to server|connection to server at .* failed|could not translate host name|timeout expired/,
    'CONNECT_FAILED',
  ],
  [
    /permission denied|must be (?:super|owner|member|able)|row-level security|insufficient privilege/,
    'PRIVILEGE_MISSING',
  ],
  [/No space left on device/, 'DISK_FULL'],
];

/** What a person does about it is not in the registry's general words. */
function advised(code: ErrorCode, words: string, ofServer: boolean): string {
  const advice =
    code === 'LOCK_TIMEOUT'
      ? '`pg_locks` shows who holds it, such as a VACUUM FULL; lockTimeoutSeconds of the target is how long it is waited for.'
      : code === 'DISK_FULL' && ofServer
        ? 'The disk is the server’s.'
        : undefined;
  return advice === undefined ? words : `${words.replace(/\.?$/, '.')} ${advice}`;
}

/** The SQLSTATE of what a session threw. */
export const sqlStateOf = (thrown: unknown): string | undefined => {
  const error = thrown instanceof NightjarError ? thrown.cause : thrown;
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
};

/** What a session threw. `connecting`: nothing was under way yet; else a broken connection means data may be lost. */
export function sessionError(
  thrown: unknown,
  operation: string,
  options: { connecting?: boolean; fallback?: ErrorCode } = {},
): NightjarError {
  if (thrown instanceof NightjarError) return thrown;
  const error = thrown as { code?: string; message?: string; detail?: string; severity?: string };
  const words = [error.message ?? String(thrown), error.detail].filter(Boolean).join(' ');
  const code = codeOf(error, words, options);
  return new NightjarError(code, { operation, detail: advised(code, words, true), cause: thrown });
}

function codeOf(
  error: { code?: string; severity?: string },
  words: string,
  options: { connecting?: boolean; fallback?: ErrorCode },
): ErrorCode {
  const state = error.code ?? '';
  // A message of the server has a severity; without one it is the socket that speaks.
  if (error.severity !== undefined) {
    if (words.includes('due to conflict with recovery')) return 'REPLICA_CONFLICT';
    const known = BY_STATE[state];
    if (known) return known;
    if (state.startsWith('08')) return options.connecting ? 'CONNECT_FAILED' : 'CONNECTION_LOST';
    return options.fallback ?? 'UNEXPECTED';
  }
  // Of a server that went away in the midst of it: nothing was wrong with TLS.
  if (!words.includes('unexpected eof') && (TLS_CODES.test(state) || TLS_CODES.test(words))) return 'TLS_FAILED';
  if (options.connecting) return 'CONNECT_FAILED';
  if (/^E[A-Z]+$/.test(state) || /connection|not queryable|was closed/i.test(words)) return 'CONNECTION_LOST';
  return options.fallback ?? 'UNEXPECTED';
}

/** What a tool said with its last words. */
export function toolError(tool: string, end: ProcessEnd, fallback: ErrorCode): NightjarError {
  const said = end.stderr.trim();
  const code = BY_TEXT.find(([pattern]) => pattern.test(said))?.[1] ?? fallback;
  const detail = `${tool} ${howEnded(end)}${said === '' ? '.' : `: ${said}`}`;
  // With a severity it is the server that speaks.
  return new NightjarError(code, {
    operation: tool,
    detail: advised(code, detail, /(?:ERROR|FATAL|PANIC): /.test(said)),
  });
}
