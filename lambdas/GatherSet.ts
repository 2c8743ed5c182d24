/** Waits until every table of a set stands verified beside its original. One that fails ends the set: nothing was swapped. */
import type { Look, SetEvent } from '../core/payloads.ts';
import { memberReady } from '../core/set-view.ts';
import { goOnWaiting, membersOf, refuseWhenOneFailed } from './native/set-members.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeGatherSet =
  (parts: Pick<Parts, 'catalog' | 'config' | 'executions' | 'now'>) =>
  async (event: SetEvent): Promise<Look> => {
    const members = await membersOf(parts, event);
    refuseWhenOneFailed(members);
    if (members.every((one) => memberReady(one, event.opened.mode))) return { done: true, waitSeconds: 0 };
    return goOnWaiting(parts, event, { step: 'GatherSet', since: event.startedAt });
  };

export const handler = wire.lambda(() =>
  makeGatherSet({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    now: wire.now,
  }),
);
