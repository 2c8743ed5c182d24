/** `nightjar approve ID` and `nightjar cancel ID`: the answer to a restore that stopped before its outage. */
import type { NativeRestore } from '../../core/native.ts';
import { EXIT, failure, NightjarError } from '../../core/errors.ts';
import { utc } from '../format.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { DecisionJson } from '../shapes.ts';

export async function decide(
  session: Session,
  asked: string,
  decision: 'approved' | 'cancelled',
): Promise<Outcome<DecisionJson>> {
  const { catalog } = await session.vault();
  const restoreId = asked.toUpperCase();
  const record = await catalog.getRestore(restoreId);
  if (!record) throw new NightjarError('RESTORE_UNKNOWN', { operation: 'decide', detail: `${restoreId}.` });
  const approval = waiting(record.status, record.native, session.world.now());
  const who = (await session.requestedBy()) ?? 'somebody unnamed';
  if (decision === 'approved') await session.world.aws.approve(approval.token, { decidedBy: who });
  else {
    const { code, message } = failure('APPROVAL_DENIED');
    await session.world.aws.deny(approval.token, code, `${message} By ${who}.`);
  }
  return {
    json: { command: decision === 'approved' ? 'approve' : 'cancel', ok: true, restoreId, decision },
    text: [
      decision === 'approved'
        ? `The restore ${restoreId} of ${record.destination} goes on; its outage begins now. Follow it: nightjar show ${restoreId}`
        : `The restore ${restoreId} of ${record.destination} is cancelled; the original serves on, and what was restored is removed.`,
    ],
    exit: EXIT.ok,
  };
}

/** @throws NightjarError APPROVAL_DENIED when nobody waits for an answer. */
function waiting(
  status: string,
  native: NativeRestore | undefined,
  now: number,
): NonNullable<NativeRestore['approval']> {
  const approval = native?.approval;
  const why =
    status !== 'RUNNING'
      ? `It is ${status}.`
      : !approval
        ? 'It has not asked, or not yet.'
        : approval.decision
          ? `It was ${approval.decision} already.`
          : Date.parse(approval.until) < now
            ? `It waited until ${utc(approval.until)}.`
            : undefined;
  if (why !== undefined || !approval)
    throw new NightjarError('APPROVAL_DENIED', { operation: 'decide', ...(why === undefined ? {} : { detail: why }) });
  return approval;
}
