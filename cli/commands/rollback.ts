/** `nightjar rollback ID`: gives the database that a swap replaced its name back. */
import type { RestoreRecord } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import { parseInput, rollbackInputSchema } from '../../core/payloads.ts';
import { begin, contradiction, endedJson, failureOf, follow, leftAlone } from '../execution.ts';
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
  const jsonOf = (workflow: WorkflowJson, record: RestoreRecord | undefined): RollbackJson => ({
    command: 'rollback',
    restoreId,
    ...workflow,
    restore: record ?? null,
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
    ? [...failureLines(failure, session.paint), 'Both names change in one transaction: either both did or none.']
    : [
        `${session.paint('green', 'ROLLED_BACK')}  The old data serves as ${found.database} again.`,
        `The restored data was set aside, not dropped${record?.restoredDatabase ? `: ${record.restoredDatabase}` : ''}.`,
      ];
  return { json, text, exit: json.exitCode };
}

/** Undefined when it can be rolled back, as far as the record says. */
function impossible(record: RestoreRecord): string | undefined {
  if (record.mode !== 'swap') return `It was made with mode ${record.mode}; only a swap keeps the old database.`;
  // A swap that was done and only could not be recorded is FAILED, with the old database in its record.
  const swapped =
    record.status === 'COMPLETED' || (record.status === 'FAILED' && record.replacedDatabase !== undefined);
  if (!swapped) return `It is ${record.status}.`;
  if (record.replacedDatabase === undefined) return 'There was no old database to keep.';
  if (record.replacedDroppedAt) return `The old database was dropped at ${record.replacedDroppedAt}.`;
  return undefined;
}
