/** Whether all archived objects are back. @throws THAW_TIMED_OUT three days after the restore began. */
import { NightjarError } from '../core/errors.ts';
import type { ThawEvent, ThawState } from '../core/payloads.ts';
import type { Parts } from './shared/parts.ts';
import { lookAt, thawStateOf } from './shared/thawing.ts';
import * as wire from './shared/wiring.ts';

const LIMIT_HOURS = 72;

export interface CheckThawEvent extends ThawEvent {
  /** When the restore began, ISO 8601. */
  readonly startedAt: string;
}

export const makeCheckThaw =
  (parts: Pick<Parts, 'catalog' | 'vault' | 'now'>) =>
  async (event: CheckThawEvent): Promise<ThawState> => {
    const state = thawStateOf(await lookAt(parts, event));
    const hours = (parts.now().getTime() - Date.parse(event.startedAt)) / 3_600_000;
    if (!state.thawed && hours > LIMIT_HOURS)
      throw new NightjarError('THAW_TIMED_OUT', {
        operation: 'check thaw',
        detail: `${state.ready} of ${state.objects} objects of ${event.source} ${event.backupId} are back after ${Math.floor(hours)} hours.`,
      });
    return state;
  };

export const handler = wire.lambda(() =>
  makeCheckThaw({ catalog: wire.catalog(), vault: wire.vault(), now: wire.now }),
);
