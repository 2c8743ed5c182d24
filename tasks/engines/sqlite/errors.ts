/** What SQLite's words mean. The shell puts the result code behind most of them: `database is locked (5)`. */
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import type { ProcessEnd } from '../../processes.ts';

/** Source of words and codes: sqlite.org/rescode.html. */
const WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/database (table )?is locked|locking protocol/, 'FILE_LOCKED'],
  [/disk image is malformed|malformed database schema|file is not a database|file is encrypted/, 'DATABASE_DAMAGED'],
  [/database or disk is full/, 'DISK_FULL'],
  [/attempt to write a readonly database|unable to open database|access permission denied/, 'STORAGE_DENIED'],
  [/disk I\/O error/, 'STORAGE_UNAVAILABLE'],
];

export interface Meaning {
  /** What was being done, for people. */
  readonly operation: string;
  /** What it is when the words say no more. */
  readonly fallback: ErrorCode;
  /** Of the task's own copy: faults of the file are faults of what it was made of. */
  readonly damaged?: ErrorCode;
}

export function shellError(end: ProcessEnd, { operation, fallback, damaged }: Meaning): NightjarError {
  const detail = end.stderr.trim() || `The shell ended with ${end.code ?? end.signal} and said nothing.`;
  const known = WORDS.find(([words]) => words.test(end.stderr))?.[1];
  const code = known === 'DATABASE_DAMAGED' ? (damaged ?? known) : (known ?? fallback);
  return new NightjarError(code, { operation, detail });
}

/** SQLite read the statement and refused it; a shell that died or said nothing has answered nothing. */
export const isAnswer = ({ code, detail }: NightjarError): boolean =>
  code === 'DUMP_FAILED' && /^(Parse|Runtime) error/.test(detail ?? '');
