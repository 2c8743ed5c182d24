/** `nightjar prune`: deletes what retention no longer keeps; with `--plan` only says what that is. */
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { isNativeTarget, type Target } from '../../core/config.ts';
import { EXIT } from '../../core/errors.ts';
import { parseInput, pruneInputSchema } from '../../core/payloads.ts';
import { droppable, judgeBackup, LEFTOVER_DAYS } from '../../core/retention.ts';
import { DEFAULT_POINTS, neededByRestores, pointKeeper, removable } from '../../core/retention-points.ts';
import { isNativeRecord, leftResource, leftUntil } from '../../core/serving.ts';
import { begin, endedJson, failureOf, follow, leftAlone } from '../execution.ts';
import { bytes, plural, table, utc, when } from '../format.ts';
import { listTargets } from '../../core/discovery.ts';
import { failureLines, type Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { PruneJson, PrunePlanJson } from '../shapes.ts';

const PAGE = 1_000;

export async function prune(
  session: Session,
  options: { plan: boolean; detach: boolean },
): Promise<Outcome<PruneJson>> {
  if (options.plan) {
    const plan = await planPrune(session);
    return { json: { command: 'prune', ok: true, plan }, text: planLines(session, plan), exit: EXIT.ok };
  }
  const requestedBy = await session.requestedBy();
  const input = parseInput(pruneInputSchema, requestedBy === undefined ? {} : { requestedBy });
  const begun = await begin(session, 'prune', 'prune', input);
  session.say('Pruning has begun.');
  const followed = options.detach ? 'detached' : await follow(session, begun, 'prune');
  if (followed === 'detached' || followed.how !== 'ended') {
    const left = leftAlone(session, begun, { what: 'pruning', look: 'nightjar status' }, followed);
    return { ...left, json: { command: 'prune', ...left.json, result: null } };
  }
  const { execution } = followed;
  const failure = execution.status === 'SUCCEEDED' ? undefined : failureOf(execution);
  const result = resultOf(execution.output);
  const json: PruneJson = { command: 'prune', ...endedJson(begun, failure), result };
  return {
    json,
    text: failure
      ? [...failureLines(failure, session.paint), 'What could not be deleted is tried again by the next prune.']
      : [
          session.paint('green', 'Pruned.'),
          ...Object.entries(result ?? {}).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
        ],
    exit: json.exitCode,
  };
}

function resultOf(output: string | undefined): Record<string, unknown> | null {
  const value: unknown = output === undefined ? null : JSON.parse(output);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

async function planPrune(session: Session): Promise<PrunePlanJson> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  const now = session.world.now();
  const [records, restores] = await Promise.all([
    everything(
      (before) => catalog.listBackups({ limit: PAGE, ...before }),
      (one) => one.backupId,
    ),
    everything(
      (before) => catalog.listRestores({ limit: PAGE, ...before }),
      (one) => one.restoreId,
    ),
  ]);
  const newest = await newestGood(catalog, records);
  const targets = new Map((await listTargets(config, catalog)).map(({ target }) => [target.name, target]));
  const facts = {
    now,
    retention: config.retention,
    objectLock: config.vault.objectLock,
    inUse: neededByRestores(restores, now),
    counted: pointKeeper((name) => pointsOf(targets.get(name))),
  };
  const verdicts = records.map((record) => ({
    record,
    verdict: judgeBackup(record, newest.get(record.target), facts),
  }));
  const expire = verdicts
    .filter((one) => one.verdict === 'expire')
    .map(({ record }) => ({
      backupId: record.backupId,
      target: record.target,
      storedBytes: record.storedBytes ?? 0,
      at: record.snapshotAt ?? record.startedAt,
    }));
  return {
    expire,
    sweep: verdicts
      .filter((one) => one.verdict === 'sweep')
      .map(({ record }) => ({ backupId: record.backupId, target: record.target })),
    drops: droppable(restores, config, now).map(({ restore, database }) => ({
      restoreId: restore.restoreId,
      destination: restore.destination,
      database,
    })),
    removes: removedNow(restores, now).filter((one) => targets.has(one.destination)),
    kept: verdicts.filter((one) => one.verdict === 'keep' && one.record.status === 'COMPLETED').length,
    storedBytes: expire.reduce((sum, one) => sum + one.storedBytes, 0),
  };
}

const pointsOf = (target: Target | undefined): typeof DEFAULT_POINTS =>
  target && isNativeTarget(target) ? target.points : DEFAULT_POINTS;

/** Of what the pruner looks at every night, that whose time is over. */
function removedNow(restores: readonly RestoreRecord[], now: number): PrunePlanJson['removes'] {
  return removable(restores, now, LEFTOVER_DAYS).flatMap((record) => {
    const { restoreId, destination } = record;
    const resource = isNativeRecord(record) ? leftResource(record) : undefined;
    return resource === undefined || leftUntil(record) > now ? [] : [{ restoreId, destination, resource }];
  });
}

async function everything<T>(
  page: (before: { before?: string }) => Promise<T[]>,
  idOf: (record: T) => string,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const last = all.at(-1);
    const next = await page(last === undefined ? {} : { before: idOf(last) });
    all.push(...next);
    if (next.length < PAGE) return all;
  }
}

async function newestGood(
  catalog: Catalog,
  records: readonly BackupRecord[],
): Promise<Map<string, string | undefined>> {
  const names = [...new Set(records.map((one) => one.target))];
  const states = await catalog.readTargetStates(names);
  return new Map(names.map((name) => [name, states.get(name)?.newestGood?.backupId]));
}

function planLines(session: Session, plan: PrunePlanJson): string[] {
  const now = session.world.now();
  return [
    'This is a plan: nothing has been deleted. The newest good backup of every target is kept whatever its age.',
    '',
    `${plural(plan.expire.length, 'backup')} to delete (${bytes(plan.storedBytes)}), ${plural(plan.kept, 'good backup')} to keep.`,
    ...(plan.expire.length === 0
      ? []
      : table(
          [{ title: 'backup' }, { title: 'target' }, { title: 'data of' }, { title: 'stored', right: true }],
          plan.expire.map((one) => [one.backupId, one.target, when(one.at, now), bytes(one.storedBytes)]),
        )),
    ...(plan.sweep.length === 0
      ? []
      : [`${plural(plan.sweep.length, 'failed or deleted backup')} whose left-over objects are swept.`]),
    ...plan.drops.map(
      (one) =>
        `Database ${one.database} of ${one.destination} is dropped, if it is there (left by restore ${one.restoreId}).`,
    ),
    ...plan.removes.map(
      (one) =>
        `${one.resource} of ${one.destination} is removed, if it is there and nothing uses it (left by restore ${one.restoreId}).`,
    ),
    `As of ${utc(new Date(now).toISOString())}.`,
  ];
}
