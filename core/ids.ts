/** Ids that sort by time, and that come out the same when a state is retried or an event delivered twice. */
import { createHash } from 'node:crypto';
import { decodeTime, encodeTime, isValid } from 'ulid';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * The ULID of what an execution makes: time from its start, the rest from its ARN. Every retry of the same execution
 * therefore means the same backup or restore.
 */
export function idOfExecution(executionArn: string, startedAt: string): string {
  const hash = createHash('sha256').update(executionArn).digest();
  let tail = '';
  for (let index = 0; index < 16; index += 1) tail += CROCKFORD[hash[index]! % 32];
  return encodeTime(Date.parse(startedAt), 10) + tail;
}

export const isId = (text: string): boolean => isValid(text) && text === text.toUpperCase();

/** Milliseconds since the epoch. */
export const timeOfId = (id: string): number => decodeTime(id);

/** The smallest id of a moment; for range queries by time. */
export const lowestIdAt = (milliseconds: number): string => encodeTime(milliseconds, 10) + '0'.repeat(16);

/** The largest id of a moment. */
export const highestIdAt = (milliseconds: number): string => encodeTime(milliseconds, 10) + 'Z'.repeat(16);
