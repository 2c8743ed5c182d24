/** Gives the tables of a set their turns, in its order: the next outage begins when the one before has come to its end. */
import { parseApproved } from '../core/approval.ts';
import type { Look, SetEvent } from '../core/payloads.ts';
import type { SeenMember } from '../core/set-view.ts';
import { goOnWaiting, membersOf, refuseWhenOneFailed } from './native/set-members.ts';
import { tellMembers } from './native/set-notes.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeSwapSet =
  (parts: Pick<Parts, 'catalog' | 'config' | 'executions' | 'now'>) =>
  async (event: SetEvent): Promise<Look> => {
    await noteApproval(parts, event, await membersOf(parts, event));
    const members = await membersOf(parts, event);
    refuseWhenOneFailed(members);
    const next = members.find(({ record, before }) => before !== true && record?.status !== 'COMPLETED');
    if (!next) return { done: true, waitSeconds: 0 };
    const now = parts.now().toISOString();
    const since = next.record?.set?.go ?? now;
    await tellMembers(parts, [next], ({ go }) => (go === undefined ? { go: now } : undefined));
    return goOnWaiting(parts, event, { step: 'SwapSet', since, turns: true });
  };

/** Who said yes, once. */
async function noteApproval(
  parts: Pick<Parts, 'catalog'>,
  { approval: answer }: SetEvent,
  members: readonly SeenMember[],
): Promise<void> {
  if (answer === undefined) return;
  const { decidedBy } = parseApproved(answer);
  await tellMembers(parts, members, ({ approval }) =>
    approval && !approval.decision
      ? { approval: { ...approval, decision: 'approved', ...(decidedBy === undefined ? {} : { decidedBy }) } }
      : undefined,
  );
}

export const handler = wire.lambda(() =>
  makeSwapSet({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    now: wire.now,
  }),
);
