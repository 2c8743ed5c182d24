/** Keeps the token of the set's one question in each member's record, and asks by one mail that lists them all. */
import type { SetEvent } from '../core/payloads.ts';
import { setApprovalMail } from '../core/set-mail.ts';
import { mailAll } from './native/mail.ts';
import { membersOf } from './native/set-members.ts';
import { tellMembers } from './native/set-notes.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export type AskSetEvent = SetEvent & { readonly token: string };

export const makeAskSet =
  (parts: Pick<Parts, 'name' | 'catalog' | 'config' | 'executions' | 'mailer' | 'now'>) =>
  async (event: AskSetEvent): Promise<{ until: string }> => {
    const { limits, schedule } = await parts.config();
    const now = parts.now();
    const until = new Date(now.getTime() + limits.approvalHours * 3_600_000).toISOString();
    // Before the mail: who is quick must find the token.
    await tellMembers(parts, await membersOf(parts, event), () => ({
      approval: { token: event.token, askedAt: now.toISOString(), until },
    }));
    const members = await membersOf(parts, event);
    await mailAll(
      parts,
      setApprovalMail({ name: parts.name, timeZone: schedule.timeZone, set: event.opened, members, until }),
    );
    return { until };
  };

export const handler = wire.lambda(() =>
  makeAskSet({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
