import { NightjarError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';

/** `latest`, an id in capitals, or a moment in UTC with milliseconds. @throws NightjarError INPUT_INVALID. */
export function parseAt(text: string): string {
  if (text.toLowerCase() === 'latest') return 'latest';
  if (isId(text.toUpperCase())) return text.toUpperCase();
  // Without a zone a moment means something else on every machine.
  const zoned = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i.test(text);
  const moment = zoned ? Date.parse(text.replace(' ', 'T')) : NaN;
  if (Number.isNaN(moment))
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read --at',
      detail: `--at ${text}: right would be latest, a backup's id, or a moment with its zone such as 2026-11-21T02:30Z or 2026-11-21T03:30+01:00.`,
    });
  return new Date(moment).toISOString();
}
