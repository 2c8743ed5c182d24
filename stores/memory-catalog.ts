/** The catalog in memory: the DynamoDB one's twin, for tests and for trying things out. */
import type { BackupRecord, RestoreRecord, RunRecord, TargetState } from '../core/backup.ts';
import { isNewer, letsPass, newestGoodOf } from '../core/catalog-rules.ts';
import type { Catalog, ListOptions, Lock } from '../core/catalog.ts';
import type { Progress } from '../core/job.ts';

const DEFAULT_LIMIT = 100;

export function memoryCatalog(): Catalog {
  const locks = new Map<string, Lock>();
  const backups = new Map<string, BackupRecord>();
  const states = new Map<string, TargetState>();
  const runs = new Map<string, RunRecord>();
  const restores = new Map<string, RestoreRecord>();
  const progress = new Map<string, Progress[]>();

  const key = (...parts: string[]): string => parts.join('#');
  const later = <T>(value: T): Promise<T> => Promise.resolve(structuredClone(value));

  function insert<T>(into: Map<string, T>, at: string, record: T): Promise<boolean> {
    if (into.has(at)) return later(false);
    into.set(at, withoutGaps(record));
    return later(true);
  }

  function update<T>(into: Map<string, T>, at: string, allowed: (record: T) => boolean, fields: Partial<T>): boolean {
    const record = into.get(at);
    if (record === undefined || !allowed(record)) return false;
    into.set(at, withoutGaps({ ...record, ...fields }));
    return true;
  }

  function promote(record: BackupRecord): void {
    const state = states.get(record.target);
    if (!isNewer(record, state)) return;
    states.set(record.target, {
      target: record.target,
      firstSeenAt: state?.firstSeenAt ?? record.startedAt,
      newestGood: newestGoodOf(record),
    });
  }

  const newestFirst = <T>(records: Iterable<T>, idOf: (record: T) => string, options: ListOptions): T[] =>
    [...records]
      .filter((record) => options.before === undefined || idOf(record) < options.before)
      .sort((left, right) => (idOf(left) < idOf(right) ? 1 : -1))
      .slice(0, options.limit ?? DEFAULT_LIMIT);

  return {
    lock(request) {
      const { target, kind, id, executionArn, since } = request;
      const held = (['backup', 'restore'] as const).flatMap((one) => locks.get(key(target, one)) ?? []);
      const own = held.filter((lock) => lock.kind === kind);
      const obstacle = [...own, ...held].find((lock) => !letsPass(lock, request));
      if (obstacle) return later({ taken: false, by: obstacle });
      if (request.takeFrom !== undefined && request.safetyFor === undefined)
        for (const lock of held) locks.delete(key(target, lock.kind));
      locks.set(key(target, kind), { target, kind, id, executionArn, since });
      return later({ taken: true });
    },
    unlock(target, kind, id) {
      if (locks.get(key(target, kind))?.id === id) locks.delete(key(target, kind));
      return later(undefined);
    },

    openBackup: (record) => insert(backups, key(record.target, record.backupId), record),
    completeBackup(target, backupId, facts, endedAt) {
      const at = key(target, backupId);
      const done = update(backups, at, isIn('RUNNING'), { ...facts, status: 'COMPLETED', endedAt });
      if (done) promote(backups.get(at)!);
      return later(done);
    },
    failBackup: (target, backupId, failure, endedAt) =>
      later(update(backups, key(target, backupId), isIn('RUNNING'), { status: 'FAILED', failure, endedAt })),
    deleteBackup(target, backupId, deletedAt) {
      const at = key(target, backupId);
      const newest = states.get(target)?.newestGood?.backupId;
      if (backups.get(at)?.status === 'COMPLETED' && (newest === undefined || newest === backupId)) return later(false);
      return later(update(backups, at, isIn('COMPLETED', 'FAILED'), { status: 'DELETED', deletedAt }));
    },
    markObjectsGone: (target, backupId, at) =>
      later(update(backups, key(target, backupId), isIn('FAILED', 'DELETED'), { objectsGoneAt: at })),
    getBackup: (target, backupId) => later(backups.get(key(target, backupId))),
    findBackup: (backupId) => later([...backups.values()].find((record) => record.backupId === backupId)),
    listBackups: (options = {}) =>
      later(
        newestFirst(
          [...backups.values()].filter((record) => options.target === undefined || record.target === options.target),
          (record) => record.backupId,
          options,
        ),
      ),
    newestGood: (target, at) =>
      later(
        newestFirst(backups.values(), (record) => record.backupId, { limit: Infinity }).find(
          (record) =>
            record.target === target &&
            record.status === 'COMPLETED' &&
            (at === undefined || Date.parse(record.snapshotAt!) <= Date.parse(at)),
        ),
      ),
    async recoverBackup(record) {
      await insert(backups, key(record.target, record.backupId), record);
      const there = backups.get(key(record.target, record.backupId))!;
      if (there.status === 'COMPLETED') promote(there);
    },

    targetStates(targets, now) {
      for (const target of targets) if (!states.has(target)) states.set(target, { target, firstSeenAt: now });
      return later(new Map(targets.map((target) => [target, states.get(target)!])));
    },

    readTargetStates: (targets) =>
      later(
        new Map(
          targets.flatMap((target) => {
            const state = states.get(target);
            return state ? [[target, state] as const] : [];
          }),
        ),
      ),

    openRun: (record) => insert(runs, record.runId, record),
    takeOverRun: (runId, from, to) =>
      later(update(runs, runId, (run) => run.status === 'RUNNING' && run.executionArn === from, { executionArn: to })),
    closeRun(runId, end) {
      update(runs, runId, isIn('RUNNING'), end);
      return later(undefined);
    },
    markReportSent(runId, at) {
      update(runs, runId, (run) => run.reportSentAt === undefined, { reportSentAt: at });
      return later(undefined);
    },
    getRun: (runId) => later(runs.get(runId)),
    listRuns: (options = {}) =>
      later(newestFirst(runs.values(), (run) => `${run.scheduledTime}#${run.runId}`, options)),

    openRestore: (record) => insert(restores, record.restoreId, record),
    updateRestore: (restoreId, expected, fields) => later(update(restores, restoreId, isIn(...expected), fields)),
    getRestore: (restoreId) => later(restores.get(restoreId)),
    listRestores: (options = {}) =>
      later(
        newestFirst(
          [...restores.values()].filter((record) => options.target === undefined || record.target === options.target),
          (record) => record.restoreId,
          options,
        ),
      ),

    putProgress(one) {
      const others = (progress.get(one.id) ?? []).filter((other) => other.attempt !== one.attempt);
      progress.set(
        one.id,
        [...others, structuredClone(one)].sort((left, right) => left.attempt - right.attempt),
      );
      return later(undefined);
    },
    getProgress(id, attempt) {
      const attempts = progress.get(id) ?? [];
      return later(attempt === undefined ? attempts.at(-1) : attempts.find((one) => one.attempt === attempt));
    },
  };
}

const isIn =
  (...statuses: string[]) =>
  (record: { status: string }): boolean =>
    statuses.includes(record.status);

/** A store keeps no fields without a value. */
const withoutGaps = <T>(record: T): T =>
  Object.fromEntries(Object.entries(structuredClone(record) as object).filter(([, value]) => value !== undefined)) as T;
