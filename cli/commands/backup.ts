/** `nightjar backup TARGET`: takes a backup now, and waits for it. */
import type { BackupRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { backupInputSchema, parseInput } from '../../core/payloads.ts';
import { begin, contradiction, endedJson, failureOf, follow, leftAlone, type Begun } from '../execution.ts';
import { bytes, count, duration, fields, secondsBetween, utc, when } from '../format.ts';
import { windowWords } from '../native/show-lines.ts';
import { findTarget } from '../../core/discovery.ts';
import { failureLines, type Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { BackupJson, WorkflowJson } from '../shapes.ts';

export interface BackupOptions {
  readonly trigger: 'user' | 'admin';
  readonly detach: boolean;
}

export async function backup(session: Session, target: string, options: BackupOptions): Promise<Outcome<BackupJson>> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  await findTarget(config, catalog, target);
  const requestedBy = await session.requestedBy();
  const input = parseInput(backupInputSchema, {
    target,
    trigger: options.trigger,
    ...(requestedBy === undefined ? {} : { requestedBy }),
  });
  const begun = await begin(session, 'backup', `${options.trigger}-${target}`, input);
  session.say(`Backup ${begun.id} of ${target} has begun.`);
  const words = { what: 'backup', look: `nightjar show ${begun.id}` };
  const jsonOf = (workflow: WorkflowJson, record: BackupRecord | undefined): BackupJson => ({
    command: 'backup',
    target,
    ...workflow,
    backup: record ?? null,
  });
  const followed = options.detach ? 'detached' : await follow(session, begun, `backup ${target}`);
  if (followed === 'detached' || followed.how !== 'ended') {
    const left = leftAlone(session, begun, words, followed);
    return { ...left, json: jsonOf(left.json, undefined) };
  }

  const { execution } = followed;
  const record = await recordOf(catalog, target, begun);
  const failure =
    execution.status !== 'SUCCEEDED'
      ? (record?.failure ?? failureOf(execution))
      : record?.status === 'COMPLETED'
        ? undefined
        : contradiction(record ? `the backup is ${record.status}` : 'there is no record of the backup');
  const json = jsonOf(endedJson(begun, failure), record);
  const text = failure
    ? failureLines(failure, session.paint, [
        ['lost', `Nothing: no older backup was touched. ${await newestWords(session, catalog, target)}`],
      ])
    : completedLines(session, record!);
  return { json, text, exit: json.exitCode };
}

/** By its id; or, should Step Functions round its clock, by its execution. */
async function recordOf(catalog: Catalog, target: string, begun: Begun): Promise<BackupRecord | undefined> {
  const found = await catalog.getBackup(target, begun.id);
  if (found) return found;
  const newest = await catalog.listBackups({ target, limit: 20 });
  return newest.find((one) => one.executionArn === begun.executionArn);
}

async function newestWords(session: Session, catalog: Catalog, target: string): Promise<string> {
  const newest = await catalog.newestGood(target);
  if (!newest) return 'This target has no good backup yet.';
  return `The newest good one is ${newest.backupId} of ${when(newest.snapshotAt ?? newest.startedAt, session.world.now())}.`;
}

function completedLines(session: Session, record: BackupRecord): string[] {
  const seconds = secondsBetween(record.startedAt, record.endedAt);
  return [
    `${session.paint('green', 'COMPLETED')}  ${record.target}  ${record.backupId}`,
    ...fields([
      ['data of', record.snapshotAt && utc(record.snapshotAt)],
      ['stored', record.storedBytes === undefined ? undefined : bytes(record.storedBytes)],
      ['database', record.databaseBytes === undefined ? undefined : bytes(record.databaseBytes)],
      ['rows', record.rows === undefined ? undefined : `${count(record.rows)} in ${count(record.tables ?? 0)} tables`],
      ['PITR', record.window && windowWords(record.window)],
      ['points', record.points?.join('\n')],
      ['took', seconds === undefined ? undefined : duration(seconds)],
      ['warnings', record.warnings?.length ? record.warnings.join('\n') : undefined],
    ]),
  ];
}
