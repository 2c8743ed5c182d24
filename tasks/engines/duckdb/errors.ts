/** DuckDB's words in those of the registry. */
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';

/** Order matters: the first that fits tells most. */
const BY_TEXT: readonly (readonly [RegExp, ErrorCode])[] = [
  [/Could not set lock on file|Conflicting lock is held/, 'FILE_LOCKED'],
  [/No space left on device|disk quota exceeded|Out of disk|max_temp_directory_size/i, 'DISK_FULL'],
  [/we can only read versions|created with a newer version|newer DuckDB version/i, 'SERVER_UNSUPPORTED'],
  [/Permission denied|Read-only file system/i, 'STORAGE_DENIED'],
  [
    /not a valid DuckDB database file|Corrupt database file|stored checksum|Failure while replaying WAL|Could not read enough bytes|Serialization Error/,
    'DATABASE_DAMAGED',
  ],
];

/** Without the trace of its own calls and its advice about settings, which tell nobody anything at night. */
const plain = (words: string): string =>
  words.replace(/\s*(?:Stack Trace|This error signals an assertion failure|Possible solutions:)[\s\S]*$/, '').trim();

/** Such as `failed to pin block of size 256.0 KiB (39.7 MiB/40.0 MiB used)`: with or without `Out of Memory Error`. */
const SHORT = /Out of Memory Error|\([\d.]+ \w+\/[\d.]+ \w+ used\)/;

export function duckdbError(words: string, operation: string, fallback: ErrorCode): NightjarError {
  const code = BY_TEXT.find(([pattern]) => pattern.test(words))?.[1] ?? fallback;
  const more = code === fallback && SHORT.test(words) ? ' Raise size.memoryMiB of the target.' : '';
  return new NightjarError(code, { operation, detail: plain(words) + more });
}

/** Whether DuckDB had too little memory for what was asked. */
export const isShortOfMemory = (thrown: unknown): boolean =>
  thrown instanceof NightjarError && SHORT.test(thrown.detail ?? '');

/** Whether it is of this code. */
export const isOf = (thrown: unknown, ...codes: readonly ErrorCode[]): thrown is NightjarError =>
  thrown instanceof NightjarError && codes.includes(thrown.code);

/** The same error under a code that says what it means here. */
export const recoded = (thrown: NightjarError, code: ErrorCode, before = ''): NightjarError =>
  thrown.retold({ code, detail: `${before}${thrown.detail ?? thrown.message}` });
