/** `nightjar status`: what runs now, how the last night was, and whether every target has what it was promised. */
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { rpoHoursOf, type Config } from '../../core/config.ts';
import { EXIT } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { Machine } from '../../core/names.ts';
import { keptUntil, leftDatabase } from '../../core/retention.ts';
import { overdueOf } from '../../core/rpo.ts';
import { atOnce } from '../at-once.ts';
import { age, bytes, duration, indent, plural, table, when } from '../format.ts';
import { amount } from '../meter.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import { runTable } from './runs.ts';
import type { RunningJson, StatusJson, TargetStatusJson } from '../shapes.ts';
import { statesOf } from '../target-states.ts';

/** The machines whose executions a person waits for. */
const WATCHED = ['nightly', 'backup', 'restore', 'rollback', 'prune'] as const satisfies readonly Machine[];
/** How many of the newest backups are searched for failures. */
const RECENT = 1_000;
const READS_AT_ONCE = 20;
/** More targets than this are shown only when something is wrong with them. */
const SHOWN_TARGETS = 40;

export async function status(session: Session): Promise<Outcome<StatusJson>> {
  const { config, machines, version } = await session.backup();
  const { catalog } = await session.vault();
  const now = session.world.now();
  const names = config.targets.map((one) => one.name);
  const [executions, states, recent, restores, [lastRun]] = await Promise.all([
    Promise.all(
      WATCHED.map(async (machine) =>
        (await session.world.aws.running(machines[machine])).map((one) => ({ machine, ...one })),
      ),
    ),
    statesOf(catalog, names, now),
    catalog.listBackups({ limit: Math.min(RECENT, Math.max(100, names.length * 2)) }),
    catalog.listRestores(),
    catalog.listRuns({ limit: 1 }),
  ]);
  const running = await atOnce(READS_AT_ONCE, executions.flat(), (one) =>
    runningOf(catalog, one.machine, one.executionArn, one.startedAt),
  );
  const failures = lastFailures(recent);
  const json: StatusJson = {
    command: 'status',
    ok: true,
    name: session.name,
    version,
    running: running.sort((left, right) => (left.startedAt < right.startedAt ? -1 : 1)),
    lastRun: lastRun ?? null,
    targets: config.targets.map((target) => {
      const state = states.get(target.name);
      const failed = failures.get(target.name);
      return {
        target: target.name,
        rpoHours: rpoHoursOf(target) ?? null,
        pastRpo: overdueOf(target, state, now) !== undefined,
        newestGood: state?.newestGood ?? null,
        lastFailure: failed ?? null,
      };
    }),
    replaced: keptReplaced(restores, config.retention),
  };
  return { json, text: statusLines(session, json), exit: EXIT.ok };
}

async function runningOf(
  catalog: Catalog,
  machine: Machine,
  executionArn: string,
  startedAt: string,
): Promise<RunningJson> {
  const id = idOfExecution(executionArn, startedAt);
  const [progress, record] = await Promise.all([
    catalog.getProgress(id),
    machine === 'backup'
      ? catalog.findBackup(id)
      : machine === 'restore'
        ? catalog.getRestore(id)
        : Promise.resolve(undefined),
  ]);
  return {
    machine,
    id,
    target: record === undefined ? null : 'destination' in record ? record.destination : record.target,
    executionArn,
    startedAt,
    phase: progress?.phase ?? (machine === 'nightly' ? 'over all due targets' : 'starting'),
    attempt: progress?.attempt ?? null,
    bytes: progress?.bytes ?? null,
    totalBytes: progress?.totalBytes ?? null,
  };
}

/** The newest ended backup of a target, when that failed; records come newest first. */
function lastFailures(records: readonly BackupRecord[]): Map<string, TargetStatusJson['lastFailure']> {
  const last = new Map<string, TargetStatusJson['lastFailure']>();
  for (const record of records) {
    if (record.status === 'RUNNING' || last.has(record.target)) continue;
    last.set(
      record.target,
      record.status === 'FAILED' && record.failure !== undefined
        ? { backupId: record.backupId, code: record.failure.code, at: record.endedAt ?? record.startedAt }
        : null,
    );
  }
  return last;
}

/** Also those of a swap that was done and only could not be recorded. */
function keptReplaced(restores: readonly RestoreRecord[], retention: Config['retention']): StatusJson['replaced'] {
  return restores.flatMap((one) => {
    const { restoreId, destination, replacedDatabase } = one;
    if (replacedDatabase === undefined || leftDatabase(one) !== replacedDatabase) return [];
    const until = keptUntil(one, retention);
    return [
      {
        restoreId,
        destination,
        replacedDatabase,
        replacedUntil: until === undefined ? null : new Date(until).toISOString(),
      },
    ];
  });
}

function statusLines(session: Session, json: StatusJson): string[] {
  const { paint } = session;
  const now = session.world.now();
  const title = (text: string): string => paint('bold', text);
  const past = json.targets.filter((one) => one.pastRpo);
  const failing = json.targets.filter((one) => !one.pastRpo && one.lastFailure);
  const verdict =
    past.length > 0
      ? paint('red', `${plural(past.length, 'target')} past the promised RPO.`)
      : failing.length > 0
        ? paint(
            'yellow',
            `Every target is within its RPO; the last backup of ${plural(failing.length, 'target')} failed.`,
          )
        : paint('green', 'Every target is within its RPO.');
  return [
    `${title(`${json.name} ${json.version}`)}  ${verdict}`,
    '',
    title('Running now'),
    ...indent(json.running.length === 0 ? ['nothing'] : runningTable(json.running, now)),
    '',
    title('Last run'),
    ...indent(json.lastRun === null ? ['none yet'] : runTable(session, [json.lastRun])),
    '',
    title('Targets'),
    ...indent(targetTable(session, json.targets)),
    ...(json.replaced.length === 0
      ? []
      : [
          '',
          title('Replaced databases, kept for rollback'),
          ...indent(
            table(
              [{ title: 'restore' }, { title: 'target' }, { title: 'kept as' }, { title: 'until' }],
              json.replaced.map((one) => [
                one.restoreId,
                one.destination,
                one.replacedDatabase,
                one.replacedUntil === null ? '' : when(one.replacedUntil, now),
              ]),
            ),
          ),
        ]),
  ];
}

function runningTable(running: readonly RunningJson[], now: number): string[] {
  return table(
    [
      { title: 'what' },
      { title: 'target' },
      { title: 'id' },
      { title: 'phase' },
      { title: 'moved' },
      { title: 'since', right: true },
    ],
    running.map((one) => [
      one.machine,
      one.target ?? '',
      one.id,
      one.attempt !== null && one.attempt > 1 ? `${one.phase} (attempt ${one.attempt})` : one.phase,
      one.bytes === null ? '' : amount({ bytes: one.bytes, totalBytes: one.totalBytes ?? undefined }),
      duration((now - Date.parse(one.startedAt)) / 1000),
    ]),
  );
}

/** What is wrong comes first; of many targets only that. */
function targetTable(session: Session, targets: readonly TargetStatusJson[]): string[] {
  const { paint } = session;
  const now = session.world.now();
  const rank = (one: TargetStatusJson): number => (one.pastRpo ? 0 : one.lastFailure ? 1 : 2);
  const sorted = [...targets].sort((left, right) => rank(left) - rank(right));
  const wrong = sorted.filter((one) => rank(one) < 2).length;
  const shown = sorted.slice(0, Math.max(wrong, SHOWN_TARGETS));
  const hidden = sorted.length - shown.length;
  const lines = table(
    [
      { title: 'target' },
      { title: 'newest good', right: true },
      { title: 'rpo', right: true },
      { title: 'stored', right: true },
      { title: 'took', right: true },
      { title: 'backup' },
      { title: '' },
    ],
    shown.map((one) => [
      one.target,
      one.newestGood ? age(one.newestGood.snapshotAt, now) : 'never',
      one.rpoHours === null ? 'none' : `${one.rpoHours} h`,
      one.newestGood ? bytes(one.newestGood.storedBytes) : '',
      one.newestGood ? duration(one.newestGood.seconds) : '',
      one.newestGood?.backupId ?? '',
      [
        one.pastRpo ? paint('red', 'PAST RPO') : '',
        one.lastFailure ? paint('red', `${one.lastFailure.code} ${age(one.lastFailure.at, now)}`) : '',
      ]
        .filter((part) => part !== '')
        .join('  '),
    ]),
  );
  return hidden === 0 ? lines : [...lines, `… and ${plural(hidden, 'target')} more, all within their RPO`];
}
