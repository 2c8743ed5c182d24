/** `nightjar approve ID` and `nightjar cancel ID`: the answer to a restore that stopped before its outage. */
import { approvedBy, deniedBy } from '../../core/approval.ts';
import type { RestoreRecord } from '../../core/backup.ts';
import { EXIT, NightjarError } from '../../core/errors.ts';
import { openQuestion } from '../../core/serving.ts';
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
  const now = session.world.now();
  const question = openQuestion(record, now);
  if (!question) throw waitsForNobody(record, whyNot(record, now));
  const who = (await session.requestedBy()) ?? 'somebody unnamed';
  const { aws } = session.world;
  const heard =
    decision === 'approved'
      ? await aws.approve(question.token, approvedBy(who))
      : await aws.deny(question.token, 'APPROVAL_DENIED', deniedBy(who));
  if (!heard) throw waitsForNobody(record, 'Somebody has answered, or it has ended meanwhile.');
  const json: DecisionJson =
    decision === 'approved'
      ? { command: 'approve', ok: true, restoreId, decision }
      : { command: 'cancel', ok: true, restoreId, decision };
  return {
    json,
    text: [
      decision === 'approved'
        ? `The restore ${restoreId} of ${record.destination} goes on; its outage begins now. Follow it: nightjar show ${restoreId}`
        : `The restore ${restoreId} of ${record.destination} is cancelled; the original serves on, and what was restored is removed.`,
    ],
    exit: EXIT.ok,
  };
}

const waitsForNobody = ({ restoreId, destination }: RestoreRecord, why: string): NightjarError =>
  new NightjarError('INPUT_INVALID', {
    operation: 'decide',
    detail: `The restore ${restoreId} of ${destination} waits for no answer. ${why} Nothing was changed by this command; look: nightjar show ${restoreId}`,
  });

function whyNot({ status, native }: RestoreRecord, now: number): string {
  const approval = native?.approval;
  if (status !== 'RUNNING') return `It is ${status}.`;
  if (!approval) return 'It has not asked, or not yet.';
  if (approval.decision) return `It was ${approval.decision} already.`;
  return Date.parse(approval.until) <= now ? `It waited until ${utc(approval.until)}.` : 'It was answered and goes on.';
}
