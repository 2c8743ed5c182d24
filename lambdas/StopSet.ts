/**
 * A set that broke: tells every table that has had no turn to stop, and waits for those that are in the midst of something to
 * come to their end, so that what is told afterwards is true. One that is still being restored stops by itself when it is there.
 */
import { parseDenied } from '../core/approval.ts';
import type { Look, SetEvent } from '../core/payloads.ts';
import type { SeenMember } from '../core/set-view.ts';
import { failureOfCatch } from '../core/task-failure.ts';
import { membersOf, turnPause } from './native/set-members.ts';
import { tellMembers } from './native/set-notes.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeStopSet =
  (parts: Pick<Parts, 'catalog' | 'config' | 'executions' | 'now'>) =>
  async (event: SetEvent): Promise<Look> => {
    const stop = whyOf(event);
    const denied = event.failure?.Error === 'APPROVAL_DENIED' ? parseDenied(event.failure.Cause) : undefined;
    await tellMembers(parts, await membersOf(parts, event), ({ go, approval }) =>
      go === undefined
        ? { stop, ...(denied && approval ? { approval: { ...approval, decision: 'cancelled', ...denied } } : {}) }
        : undefined,
    );
    const moving = (await membersOf(parts, event)).filter(isMoving);
    if (moving.length === 0) return { done: true, waitSeconds: 0 };
    const { limits } = await parts.config();
    const now = parts.now().getTime();
    const since = Math.max(...moving.map(sinceOf));
    // A turn has its own limits, and ends by itself; to tell late is better than never.
    if (now - since >= 2 * limits.setHours * 3_600_000) return { done: true, waitSeconds: 0 };
    return { done: false, waitSeconds: turnPause((now - since) / 1_000, limits.setHours) };
  };

/** In its swap, or about to hear that it must not. */
const isMoving = ({ record, failure, before }: SeenMember): boolean =>
  before !== true &&
  failure === undefined &&
  record?.status === 'RUNNING' &&
  (record.set?.go ?? record.native?.steps.AwaitTurn) !== undefined;

const sinceOf = ({ record }: SeenMember): number =>
  Date.parse(record?.set?.go ?? record?.native?.steps.AwaitTurn?.startedAt ?? record!.startedAt);

function whyOf({ opened, failure }: SetEvent): string {
  const set = `The set ${opened.id} of ${opened.targets.join(', ')} was stopped.`;
  if (!failure) return set;
  const { code, message, detail } = failureOfCatch(failure);
  if (failure.Error === 'States.Timeout' && opened.approve) return `${set} Nobody approved it in time.`;
  return `${set} ${code === 'SET_STOPPED' ? (detail ?? message) : [code, message, detail].filter(Boolean).join(' ')}`;
}

export const handler = wire.lambda(() =>
  makeStopSet({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    now: wire.now,
  }),
);
