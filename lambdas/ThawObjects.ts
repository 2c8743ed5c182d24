/** Asks S3 for copies of a backup's archived objects; a second time asks only for what was not asked for. */
import type { ThawEvent, ThawState } from '../core/payloads.ts';
import { atOnce } from './shared/at-once.ts';
import type { Parts } from './shared/parts.ts';
import { lookAt, thawStateOf } from './shared/thawing.ts';
import * as wire from './shared/wiring.ts';

/** How long S3 keeps what it thawed: enough for the restore and for another try. */
const THAWED_DAYS = 7;

export const makeThawObjects =
  (parts: Pick<Parts, 'catalog' | 'vault'>) =>
  async (event: ThawEvent): Promise<ThawState> => {
    const looked = await lookAt(parts, event);
    const frozen = looked.filter((one) => one.access === 'frozen');
    await atOnce(frozen, ({ object }) => parts.vault.thaw(object, THAWED_DAYS));
    return thawStateOf(looked);
  };

export const handler = wire.lambda(() => makeThawObjects({ catalog: wire.catalog(), vault: wire.vault() }));
