/** Errors of MySQL and MariaDB in the words of the registry: by number from a session, by their text from a tool. */
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { howEnded, type ProcessEnd } from '../../processes.ts';

/** Source: MySQL 8.0 server error reference; MariaDB error codes. */
const BY_NUMBER: Readonly<Record<number, ErrorCode>> = {
  1040: 'CONNECT_FAILED',
  1044: 'PRIVILEGE_MISSING',
  1045: 'AUTH_FAILED',
  1049: 'DATABASE_MISSING',
  1053: 'CONNECTION_LOST',
  1130: 'AUTH_FAILED',
  1142: 'PRIVILEGE_MISSING',
  1143: 'PRIVILEGE_MISSING',
  1205: 'LOCK_TIMEOUT',
  1227: 'PRIVILEGE_MISSING',
  1370: 'PRIVILEGE_MISSING',
  1419: 'PRIVILEGE_MISSING',
  1698: 'AUTH_FAILED',
  1820: 'AUTH_FAILED',
  1862: 'AUTH_FAILED',
  1927: 'CONNECTION_LOST',
  2002: 'CONNECT_FAILED',
  2003: 'CONNECT_FAILED',
  2005: 'CONNECT_FAILED',
  2006: 'CONNECTION_LOST',
  2013: 'CONNECTION_LOST',
  2026: 'TLS_FAILED',
  3118: 'AUTH_FAILED',
  3159: 'TLS_FAILED',
  4031: 'CONNECTION_LOST',
  4151: 'AUTH_FAILED',
};

/** Of LOCK_TIMEOUT. */
export const WHO_HOLDS =
  'Look for a long ALTER TABLE or transaction at that hour: SHOW FULL PROCESSLIST, information_schema.innodb_trx.';

/** What a person does about these is not in the registry's general words. */
const ADVICE: Readonly<Record<number, string>> = {
  1114: 'The destination server has no room left.',
  1021: 'The destination server has no room left.',
  1153: 'Raise max_allowed_packet of the destination server.',
  1205: WHO_HOLDS,
  1227:
    'Usually a view, trigger, routine or event whose definer is somebody else: restore with `--no-owner` or a role map, or ' +
    'grant SET_USER_ID (MySQL 8.0), SET_ANY_DEFINER (8.4) or SET USER (MariaDB).',
  1412: 'A table was altered while it was dumped.',
  1419: 'Binary logging allows triggers and functions only to SUPER: set log_bin_trust_function_creators to 1 (on RDS in the parameter group).',
};

/** Of a server that went away in the midst of it: nothing was wrong with TLS. */
const CUT = /disconnected before secure TLS|unexpected eof|reset by peer|ECONNRESET|broken pipe/i;
const TLS_WORDS = /certificate|self[- ]signed|SSL|TLS|ssl3_|secure transport/i;

/** The server's number of what a session threw. */
export function numberOf(thrown: unknown): number | undefined {
  const error = thrown instanceof NightjarError ? thrown.cause : thrown;
  const number = (error as { errno?: unknown } | undefined)?.errno;
  return typeof number === 'number' ? number : undefined;
}

/** What a session threw. `connecting`: nothing was under way yet; else a broken connection means data may be lost. */
export function sessionError(
  thrown: unknown,
  operation: string,
  options: { connecting?: boolean; fallback?: ErrorCode } = {},
): NightjarError {
  if (thrown instanceof NightjarError) return thrown;
  const error = thrown as { code?: string; errno?: number; message?: string; sqlState?: string };
  const words = error.message ?? String(thrown);
  return new NightjarError(codeOf(error, words, options), {
    operation,
    detail: advised(words, error.errno),
    cause: thrown,
  });
}

const advised = (words: string, number: number | undefined): string => {
  const advice = number === undefined ? undefined : ADVICE[number];
  return advice === undefined ? words : `${words.replace(/\.?$/, '.')} ${advice}`;
};

function codeOf(
  error: { code?: string; errno?: number; sqlState?: string },
  words: string,
  { connecting = false, fallback = 'UNEXPECTED' }: { connecting?: boolean; fallback?: ErrorCode },
): ErrorCode {
  // A message of the server has a state; without one it is the socket that speaks.
  if (error.sqlState !== undefined) {
    const known = BY_NUMBER[error.errno ?? 0];
    return known === 'CONNECTION_LOST' && connecting ? 'CONNECT_FAILED' : (known ?? fallback);
  }
  if (connecting)
    return !CUT.test(words) && TLS_WORDS.test(`${words} ${error.code ?? ''}`) ? 'TLS_FAILED' : 'CONNECT_FAILED';
  if (/^(E[A-Z]+|PROTOCOL_.*)$/.test(error.code ?? '') || /closed state|connection/i.test(words))
    return 'CONNECTION_LOST';
  return fallback;
}

/** The server's number in a tool's last words. */
export function toolNumber({ stderr }: ProcessEnd): number | undefined {
  // mariadb: `ERROR 1045 (28000)`; mariadb-dump: `Got error: 1045: "…"`, `Couldn't execute '…': … (1142)`.
  const numbers = [...stderr.trim().matchAll(/ERROR (\d{4})\b|[Ee]rror:? (\d{4})\b|\((\d{4})\)\s*$/gm)];
  const found = numbers.map((match) => match[1] ?? match[2] ?? match[3]).at(-1);
  return found === undefined ? undefined : Number(found);
}

/** What a tool said with its last words. */
export function toolError(tool: string, end: ProcessEnd, fallback: ErrorCode): NightjarError {
  const said = end.stderr.trim();
  const number = toolNumber(end);
  const known = BY_NUMBER[number ?? 0] ?? fallback;
  return new NightjarError(known === 'TLS_FAILED' && CUT.test(said) ? 'CONNECTION_LOST' : known, {
    operation: tool,
    detail: advised(`${tool} ${howEnded(end)}${said === '' ? '.' : `: ${said}`}`, number),
  });
}
