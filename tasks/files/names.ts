/** Names of files in a place, as both kinds take them. */
import { NightjarError } from '../../core/errors.ts';

/** Linux and EFS take no longer ones; of S3 the limit is far away. */
const MAX_BYTES = 255;

/** @throws INPUT_INVALID for what would be another directory, or no name at all. */
export function plainName(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name) && Buffer.byteLength(name) <= MAX_BYTES)
    return name;
  throw new NightjarError('INPUT_INVALID', {
    operation: 'name a file',
    detail: `${JSON.stringify(name)} is no plain file name of at most ${MAX_BYTES} bytes.`,
  });
}
