import { NightjarError } from '../core/errors.ts';

/** A server that let us in and now refuses a further session has gone away: whichever session notices first. */
export function onceConnected(thrown: unknown): unknown {
  if (!(thrown instanceof NightjarError) || thrown.code !== 'CONNECT_FAILED') return thrown;
  return thrown.retold({ code: 'CONNECTION_LOST' });
}
