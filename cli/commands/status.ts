/** `nightjar status`: what runs now, how the last night was, and whether every target has what it was promised. */
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { rpoHoursOf, type Config } from '../../core/config.ts';
import { EXIT } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { Machine } from '../../core/names.ts';
import { keptUntil, leftDatabase } from '../../core/retention.ts';
import { overdueOf } from '../../core/rpo.ts';
import {
  isNativeRecord,
  leftResource,
  leftUntil,
  openQuestion,
  servingSentence,
  unfinishedSwap,
} from '../../core/serving.ts';
import { openSetQuestion } from '../../core/set-view.ts';
import { atOnce } from '../at-once.ts';
import { phaseOf } from '../native/show-lines.ts';
import { listTargets } from '../../core/discovery.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import { statusLines } from './status-lines.ts';
import type { RunningJson, StatusJson, TargetStatusJson } from '../shapes.ts';
import { statesOf } from '../target-states.ts';

/** The machines whose executions a person waits for. */
const WATCHED = [
  'nightly',
  'backup',
  'restore',
  'restore-set',
  'rollback',
  'prune',
] as const satisfies readonly Machine[];
/** How many of the newest backups are searched for failures. */
const RECENT = 1_000;
const READS_AT_ONCE = 20;

export async function status(session: Session): Promise<Outcome<StatusJson>> {
  const { config, machines, version } = await session.backup();
  const { catalog } = await session.vault();
  const now = session.world.now();
  const targets = (await listTargets(config, catalog)).map(({ target }) => target);
  const names = targets.map((one) => one.name);
  const [executions, states, recent, restores, [lastRun]] = await Promise.all([
    Promise.all(
      WATCHED.map(async (machine) => {
        const arn = machines[machine];
        const found = arn === undefined ? [] : await session.world.aws.running(arn);
        return found.map((one) => ({ machine, ...one }));
      }),
    ),
    statesOf(catalog, names, now),
    catalog.listBackups({ limit: Math.min(RECENT, Math.max(100, names.length * 2)) }),
    catalog.listRestores(),
    catalog.listRuns({ limit: 1 }),
  ]);
  const running = await atOnce(READS_AT_ONCE, executions.flat(), (one) =>
    runningOf(catalog, restores, one.machine, one.executionArn, one.startedAt),
  );
  const failures = lastFailures(recent);
  const json: StatusJson = {
    command: 'status',
    ok: true,
    name: session.name,
    version,
    running: running.sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1)),
    lastRun: lastRun ?? null,
    targets: targets.map((target) => {
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
    broken: brokenSwaps(restores),
    waiting: waitingFor(restores, now),
    replaced: keptReplaced(restores, config.retention),
  };
  return { json, text: statusLines(session, json), exit: EXIT.ok };
}

/** By its start; the tables of a set come right after it. */
const placeOf = ({ set, id, startedAt }: RunningJson): string => (set === null ? `${id} ` : `${set} ${startedAt}`);

async function runningOf(
  catalog: Catalog,
  restores: readonly RestoreRecord[],
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
    // A set has no record of its own: what it is, each of its tables says.
    target:
      machine === 'restore-set'
        ? (setOf(restores, id)?.targets.join(', ') ?? null)
        : record === undefined
          ? null
          : 'destination' in record
            ? record.destination
            : record.target,
    set: record && 'set' in record ? (record.set?.id ?? null) : null,
    executionArn,
    startedAt,
    phase: progress?.phase ?? phaseWords(machine, record),
    attempt: progress?.attempt ?? null,
    bytes: progress?.bytes ?? null,
    totalBytes: progress?.totalBytes ?? null,
  };
}

const setOf = (restores: readonly RestoreRecord[], setId: string): RestoreRecord['set'] =>
  restores.find(({ set }) => set?.id === setId)?.set;

/** Of what no task speaks for. */
function phaseWords(machine: Machine, record: BackupRecord | RestoreRecord | undefined): string {
  if (machine === 'nightly') return 'over all due targets';
  if (machine === 'restore-set') return 'several tables to one moment, each below';
  if (record && 'destination' in record && isNativeRecord(record)) return phaseOf(record);
  return record && 'draft' in record && record.draft ? 'waiting for the recovery point' : 'starting';
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

/** What waits for an answer; a set once, by its own id. */
function waitingFor(restores: readonly RestoreRecord[], now: number): StatusJson['waiting'] {
  const own = restores.flatMap((one) => {
    const question = openQuestion(one, now);
    if (!question) return [];
    const { restoreId, destination } = one;
    return [{ restoreId, destination, askedAt: question.askedAt, until: question.until }];
  });
  const sets = new Map<string, StatusJson['waiting'][number]>();
  for (const one of restores) {
    const question = openSetQuestion(one, now);
    if (!question || !one.set) continue;
    const { id: restoreId, targets } = one.set;
    sets.set(restoreId, {
      restoreId,
      destination: targets.join(', '),
      askedAt: question.askedAt,
      until: question.until,
    });
  }
  return [...own, ...sets.values()];
}

/** Of each target the newest swap, when it broke off with nothing under the name. */
function brokenSwaps(restores: readonly RestoreRecord[]): StatusJson['broken'] {
  return [...new Set(restores.map((one) => one.destination))].flatMap((destination) => {
    const broken = unfinishedSwap(restores.filter((one) => one.destination === destination));
    if (broken?.native.serving !== 'nothing') return [];
    return [{ restoreId: broken.restoreId, destination, serves: servingSentence(broken) }];
  });
}

/** Also those of a swap that was done and only could not be recorded. */
function keptReplaced(restores: readonly RestoreRecord[], retention: Config['retention']): StatusJson['replaced'] {
  return restores.flatMap((one) => {
    const { restoreId, destination, replacedDatabase } = one;
    const left = isNativeRecord(one) ? leftResource(one) : leftDatabase(one, []);
    if (replacedDatabase === undefined || left !== replacedDatabase) return [];
    const until = isNativeRecord(one) ? leftUntil(one) : keptUntil(one, retention);
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
