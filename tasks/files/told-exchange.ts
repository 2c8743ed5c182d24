/** The exchange of a place, told before and after: a task that dies in it leaves one of both in whole, and no other sign. */
import { NightjarError } from '../../core/errors.ts';
import type { Reporter } from '../engine.ts';
import type { FilePlace } from './place.ts';

/** Refusals of an exchange that has not given the name away. */
const UNCHANGED: readonly string[] = ['FILE_LOCKED', 'DESTINATION_EXISTS', 'DATABASE_MISSING'];

/** Resolves and rejects as {@link FilePlace.exchange}. */
export async function toldExchange(
  report: Pick<Reporter, 'exchange'>,
  place: FilePlace,
  names: Parameters<FilePlace['exchange']>[0],
): Promise<boolean> {
  const { name, incoming, keepAs } = names;
  await report.exchange({ name, incoming, keepAs, serves: 'either', underway: true });
  try {
    const had = await place.exchange(names);
    await report.exchange({ name, incoming, ...(had ? { keepAs } : {}), serves: 'incoming', underway: false });
    return had;
  } catch (thrown) {
    if (thrown instanceof NightjarError && UNCHANGED.includes(thrown.code))
      await report.exchange({ name, incoming, keepAs, serves: 'before', underway: false });
    throw thrown;
  }
}
