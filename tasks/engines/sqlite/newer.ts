/**
 * Files that a newer SQLite wrote than the image's. The format has been the same since 2004, so nearly all of them can be read;
 * but a schema may use what only a newer one knows, and then the shell calls all of it malformed.
 */
import { NightjarError } from '../../../core/errors.ts';

/** Both such as `3.40.1`. */
export function isNewer(written: string, tool: string): boolean {
  const [left, right] = [written, tool].map((one) => one.split('.').map(Number));
  const at = left!.findIndex((part, index) => part !== (right![index] ?? 0));
  return at >= 0 && left![at]! > (right![at] ?? 0);
}

/** The shell's words on a schema that it can't parse. */
const UNREADABLE = 'malformed database schema';

/** What was thrown over a file, or SERVER_UNSUPPORTED where the versions of who wrote it and of the image explain it. */
export function orNewer(thrown: unknown, written: string, tool: string): unknown {
  if (!(thrown instanceof NightjarError) || !thrown.detail?.includes(UNREADABLE) || !isNewer(written, tool))
    return thrown;
  return new NightjarError('SERVER_UNSUPPORTED', {
    operation: thrown.operation ?? 'read the schema',
    detail: `SQLite ${written} wrote the database last, and its schema is more than the image's ${tool} can read: ${thrown.detail ?? ''}`,
    cause: thrown,
  });
}
