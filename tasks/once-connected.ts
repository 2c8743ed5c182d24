import { NightjarError } from '../core/errors.ts';

/** A server that let us in and now refuses a further session has gone away: whichever session notices first. */
export function onceConnected(thrown: unknown): unknown {
  if (!(thrown instanceof NightjarError) || thrown.code !== 'CONNECT_FAILED') return thrown;
  const { operation, detail } = thrown;
  return new NightjarError('CONNECTION_LOST', {
    cause: thrown,
    ...(operation === undefined ? {} : { operation }),
    ...(detail === undefined ? {} : { detail }),
  });
}
