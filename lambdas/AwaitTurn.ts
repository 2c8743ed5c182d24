/**
 * One of several tables, restored and verified beside its original: waits until the set lets it begin its outage. It stops, and
 * nothing was changed, when a sibling failed or when nobody conducts the set any more.
 */
import { NightjarError } from '../core/errors.ts';
import { looking, type LookParts } from './native/look.ts';
import { turnPause } from './native/set-members.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeAwaitTurn = (parts: LookParts & Pick<Parts, 'executions'>) =>
  looking(
    parts,
    'AwaitTurn',
    async ({ record: { set, destination } }) => {
      if (!set) throw stopped(`${destination} was asked to wait for a set, and is in none.`);
      if (set.go !== undefined) return true;
      if (set.stop !== undefined) throw stopped(set.stop);
      if (await parts.executions.isOver(set.executionArn))
        throw stopped(`The set ${set.id} of ${set.targets.join(', ')} is over and gave ${destination} no turn.`);
      return false;
    },
    {
      hours: ({ setHours, approvalHours }) => setHours + approvalHours,
      said: 'limits.setHours and limits.approvalHours together',
      pause: (waited, { setHours, approvalHours }) => turnPause(waited, setHours + approvalHours),
    },
  );

const stopped = (detail: string): NightjarError =>
  new NightjarError('SET_STOPPED', { operation: 'wait for the set', detail });

export const handler = wire.lambda(() =>
  makeAwaitTurn({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    now: wire.now,
  }),
);
