/** Keeps the token that `nightjar approve` and `nightjar cancel` answer with, and asks by mail. */
import { approvalMail } from '../core/approval.ts';
import type { NativeEvent } from '../core/payloads.ts';
import { placeOf } from '../services/pointer.ts';
import { withRecord, type LookParts } from './native/look.ts';
import { mailAll } from './native/mail.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export type AskApprovalEvent = NativeEvent & { readonly token: string };

export const makeAskApproval =
  (parts: LookParts & Pick<Parts, 'name' | 'mailer'>) =>
  async (event: AskApprovalEvent): Promise<{ until: string }> => {
    const looked = await withRecord(parts, event);
    const { target, now } = looked;
    const { limits, schedule } = await parts.config();
    const until = new Date(now.getTime() + limits.approvalHours * 3_600_000).toISOString();
    // Before the mail: who is quick must find the token.
    await looked.note({ approval: { token: event.token, askedAt: now.toISOString(), until } });
    const mail = approvalMail({
      name: parts.name,
      timeZone: schedule.timeZone,
      record: looked.record,
      until,
      ...(target.pointer === undefined ? {} : { pointer: placeOf(target.pointer) }),
      ...(target.engine === 'dynamodb' ? { fence: target.fence } : {}),
    });
    await mailAll(parts, mail);
    return { until };
  };

export const handler = wire.lambda(() =>
  makeAskApproval({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
