/** `nightjar approve ID` and `nightjar cancel ID`: the answer to a restore that stopped before its outage. */
import { approvedBy, deniedBy } from '../../core/approval.ts';
import type { RestoreRecord } from '../../core/backup.ts';
import { EXIT, NightjarError } from '../../core/errors.ts';
import { openQuestion } from '../../core/serving.ts';
import { openSetQuestion } from '../../core/set-view.ts';
import { membersOfSet } from '../native/set-members.ts';
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
  // A set asks once for all of its tables: by its own id, or by that of any of them.
  const record = (await catalog.getRestore(restoreId)) ?? (await membersOfSet(catalog, restoreId))[0];
  if (!record) throw new NightjarError('RESTORE_UNKNOWN', { operation: 'decide', detail: `${restoreId}.` });
  const now = session.world.now();
  const question = openQuestion(record, now) ?? openSetQuestion(record, now);
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
        ? `The restore ${restoreId} of ${allOf(record)} goes on; its outage begins now. Follow it: nightjar show ${restoreId}`
        : `The restore ${restoreId} of ${allOf(record)} is cancelled; what served serves on, and what was restored is removed.`,
    ],
    exit: EXIT.ok,
  };
}

/** Everything that the answer is about. */
const allOf = ({ set, destination }: RestoreRecord): string => set?.targets.join(', ') ?? destination;

const waitsForNobody = ({ restoreId, destination }: RestoreRecord, why: string): NightjarError =>
  new NightjarError('INPUT_INVALID', {
    operation: 'decide',
    detail: `The restore ${restoreId} of ${destination} waits for no answer. ${why} Nothing was changed by this command; look: nightjar show ${restoreId}`,
  });

function whyNot({ status, native, set }: RestoreRecord, now: number): string {
  const approval = native?.approval ?? set?.approval;
  if (status !== 'RUNNING') return `It is ${status}.`;
  if (!approval) return 'It has not asked, or not yet.';
  if (approval.decision) return `It was ${approval.decision} already.`;
  return Date.parse(approval.until) <= now ? `It waited until ${utc(approval.until)}.` : 'It was answered and goes on.';
}
