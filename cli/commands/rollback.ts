/** `nightjar rollback ID`: gives what a swap replaced its name back, or makes a pointer say what it said before. */
import type { RestoreRecord } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import { parseInput, rollbackInputSchema } from '../../core/payloads.ts';
import { servingAfterRollback } from '../../core/restore-words.ts';
import { isNativeRecord, servingSentence, wayBackOf, type NativeRecord } from '../../core/serving.ts';
import { begin, contradiction, endedJson, failureOf, follow, leftAlone } from '../execution.ts';
import { withoutToken } from '../native/approval.ts';
import { failureLines, type Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { RollbackJson, WorkflowJson } from '../shapes.ts';

export async function rollback(
  session: Session,
  asked: string,
  options: { detach: boolean },
): Promise<Outcome<RollbackJson>> {
  const { catalog } = await session.vault();
  const restoreId = asked.toUpperCase();
  const found = await catalog.getRestore(restoreId);
  if (!found) throw new NightjarError('RESTORE_UNKNOWN', { operation: 'roll back', detail: `${restoreId}.` });
  const why = impossible(found);
  if (why !== undefined) throw new NightjarError('ROLLBACK_IMPOSSIBLE', { operation: 'roll back', detail: why });

  const requestedBy = await session.requestedBy();
  const input = parseInput(rollbackInputSchema, {
    restoreId,
    ...(requestedBy === undefined ? {} : { requestedBy }),
  });
  const begun = await begin(session, 'rollback', `rollback-${restoreId}`, input);
  session.say(`Rollback of restore ${restoreId} (${found.destination}) has begun.`);
  if (isNativeRecord(found)) session.say(planWords(found));
  const jsonOf = (workflow: WorkflowJson, record: RestoreRecord | undefined): RollbackJson => ({
    command: 'rollback',
    restoreId,
    ...workflow,
    restore: record ? withoutToken(record) : null,
  });
  const followed = options.detach ? 'detached' : await follow(session, begun, `rollback ${found.destination}`);
  if (followed === 'detached' || followed.how !== 'ended') {
    const left = leftAlone(session, begun, { what: 'rollback', look: `nightjar show ${restoreId}` }, followed);
    return { ...left, json: jsonOf(left.json, found) };
  }

  const record = await catalog.getRestore(restoreId);
  const failure =
    followed.execution.status !== 'SUCCEEDED'
      ? failureOf(followed.execution)
      : record?.status === 'ROLLED_BACK'
        ? undefined
        : contradiction(`the restore is ${record?.status ?? 'gone'}`);
  const json = jsonOf(endedJson(begun, failure), record);
  const text = failure
    ? [...failureLines(failure, session.paint), await failedWords(session, record ?? found, begun.id)]
    : [
        `${session.paint('green', 'ROLLED_BACK')}  ${isNativeRecord(record) ? servesAgain(record) : `The old data serves as ${found.database} again.`}`,
        `The restored data was set aside, not dropped${record?.restoredDatabase ? `: ${record.restoredDatabase}` : ''}.`,
      ];
  return { json, text, exit: json.exitCode };
}

/** What will be done, by the way back. */
function planWords(record: NativeRecord): string {
  const { native, safetyBackupId } = record;
  const { name } = native.settings;
  switch (wayBackOf(record).way) {
    case 'server':
      return `${native.oldName ?? 'The original'} gets the name ${name} again; what was restored is set aside.`;
    case 'pointer':
      return `${native.pointer?.where ?? 'The pointer'} is made to say ${native.pointer?.before ?? name} again.`;
    default:
      return `A table has one name for life, so the backup ${safetyBackupId ?? ''} of the table of before is restored as ${name}: an outage as long as the swap's. What was written since is kept as a backup.`;
  }
}

const servesAgain = ({ native }: NativeRecord): string =>
  native.pointer
    ? `${native.pointer.where} says ${native.pointer.before} again, so the application finds the original.`
    : `The old data serves as ${native.settings.name} again.`;

/** It may have come half way; it can be started again. */
async function failedWords(session: Session, record: RestoreRecord, rollbackId: string): Promise<string> {
  const again = 'A rollback that is started again goes on from where it broke off.';
  if (isNativeRecord(record)) return `${servingSentence(record)} ${again}`;
  const { catalog } = await session.vault();
  return `${servingAfterRollback(record, await catalog.getProgress(rollbackId))} ${again}`;
}

/** Undefined when it can be rolled back, as far as the record says. */
function impossible(record: RestoreRecord): string | undefined {
  if (isNativeRecord(record)) {
    const { why } = wayBackOf(record);
    return why === undefined ? undefined : `${record.restoreId}: ${why}.`;
  }
  if (record.mode !== 'swap') return `It was made with mode ${record.mode}; only a swap keeps the old database.`;
  // A swap that was done and only could not be recorded is FAILED, with the old database in its record.
  const swapped =
    record.status === 'COMPLETED' || (record.status === 'FAILED' && record.replacedDatabase !== undefined);
  if (!swapped) return `It is ${record.status}.`;
  if (record.replacedDatabase === undefined) return 'There was no old database to keep.';
  if (record.replacedDroppedAt) return `The old database was dropped at ${record.replacedDroppedAt}.`;
  return undefined;
}
