/** The one suite that every catalog passes. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { BackupRecord, PointDraft, RestoreRecord, RunRecord } from '../../core/backup.ts';
import type { Catalog, Completed, LockRequest } from '../../core/catalog.ts';
import { failure } from '../../core/errors.ts';
import { idOfExecution } from '../../core/ids.ts';

const T0 = Date.parse('2026-11-21T01:30:00.000Z');
const at = (minutes: number): string => new Date(T0 + minutes * 60_000).toISOString();

let counter = 0;
const arnOf = (name: string): string => `arn:aws:states:eu-west-1:123456789012:execution:nightjar-backup:${name}`;
const newId = (minutes: number): string => idOfExecution(arnOf(`n${(counter += 1)}`), at(minutes));

function running(target: string, minutes: number, more: Partial<BackupRecord> = {}): BackupRecord {
  const backupId = newId(minutes);
  return {
    backupId,
    target,
    engine: 'postgres',
    method: 'dump',
    kind: 'full',
    trigger: 'daily',
    status: 'RUNNING',
    executionArn: arnOf(backupId),
    startedAt: at(minutes),
    ...more,
  };
}

const facts = (snapshotAt: string, storedBytes = 1000): Completed => ({
  manifestKey: 'shop/manifest.json',
  manifestVersionId: 'v1',
  snapshotAt,
  storedBytes,
  databaseBytes: 9000,
  rows: 42,
  tables: 3,
  consistency: 'transaction',
  warnings: ['a warning'],
});

const POINT = 'arn:aws:rds:eu-west-1:123456789012:snapshot:nightjar-shop-1';
const drafted = (more: Partial<PointDraft> = {}): PointDraft => ({
  steps: { MakePoint: at(1) },
  settings: {
    engine: 'rds',
    name: 'shop',
    arn: 'arn:aws:rds:eu-west-1:123456789012:db:shop',
    resourceId: 'db-1',
    readAt: at(1),
    values: { MultiAZ: true, VpcSecurityGroupIds: ['sg-1'] },
    instances: [],
    tags: { team: 'shop' },
  },
  window: { on: true, earliest: at(-60), latest: at(0) },
  asked: [{ region: 'eu-west-1', arn: POINT, at: at(2) }],
  points: [],
  warnings: [],
  ...more,
});

function restoring(target: string, minutes: number): RestoreRecord {
  const restoreId = newId(minutes);
  return {
    restoreId,
    target,
    destination: target,
    backupId: newId(0),
    mode: 'swap',
    database: 'shop',
    status: 'RUNNING',
    executionArn: arnOf(restoreId),
    startedAt: at(minutes),
  };
}

const lockOf = (
  target: string,
  kind: 'backup' | 'restore',
  id: string,
  more: Partial<LockRequest> = {},
): LockRequest => ({
  target,
  kind,
  id,
  executionArn: arnOf(id),
  since: at(0),
  ...more,
});

export function catalogContract(name: string, open: () => Promise<Catalog>): void {
  describe(`the catalog ${name}`, () => {
    let catalog: Catalog;
    let target: string;
    beforeEach(async () => {
      catalog = await open();
      target = `t${(counter += 1)}`;
    });

    const completed = async (minutes: number, bytes?: number): Promise<BackupRecord> => {
      const record = running(target, minutes);
      await catalog.openBackup(record);
      expect(
        await catalog.completeBackup(target, record.backupId, facts(at(minutes + 1), bytes), at(minutes + 10)),
      ).toBe(true);
      return record;
    };
    const failed = async (minutes: number): Promise<BackupRecord> => {
      const record = running(target, minutes);
      await catalog.openBackup(record);
      expect(await catalog.failBackup(target, record.backupId, failure('TASK_DIED'), at(minutes + 5))).toBe(true);
      return record;
    };
    const newestGoodOf = async (): Promise<string | undefined> =>
      (await catalog.targetStates([target], at(0))).get(target)?.newestGood?.backupId;

    describe('records of backups', () => {
      it('keeps a record as it was written, and finds it by target and by id alone', async () => {
        const record = running(target, 0, { runId: 'daily-1', requestedBy: 'someone' });
        expect(await catalog.openBackup(record)).toBe(true);
        expect(await catalog.getBackup(target, record.backupId)).toEqual(record);
        expect(await catalog.findBackup(record.backupId)).toEqual(record);
        expect(await catalog.getBackup(target, newId(1))).toBeUndefined();
        expect(await catalog.findBackup(newId(1))).toBeUndefined();
      });

      it('opens a backup once: a retried state changes nothing', async () => {
        const record = running(target, 0);
        expect(await catalog.openBackup(record)).toBe(true);
        expect(await catalog.openBackup({ ...record, trigger: 'user' })).toBe(false);
        expect((await catalog.getBackup(target, record.backupId))?.trigger).toBe('daily');
      });

      it('completes a running backup once, with its facts, and makes it the newest good one', async () => {
        const record = await completed(0, 777);
        expect(await catalog.getBackup(target, record.backupId)).toEqual({
          ...record,
          ...facts(at(1), 777),
          status: 'COMPLETED',
          endedAt: at(10),
        });
        const state = (await catalog.targetStates([target], at(99))).get(target);
        expect(state?.newestGood).toEqual({
          backupId: record.backupId,
          snapshotAt: at(1),
          storedBytes: 777,
          seconds: 600,
        });
        expect(await catalog.completeBackup(target, record.backupId, facts(at(2)), at(20))).toBe(false);
        expect((await catalog.getBackup(target, record.backupId))?.endedAt).toBe(at(10));
      });

      it('never completes a backup that failed', async () => {
        const record = await failed(0);
        expect(await catalog.completeBackup(target, record.backupId, facts(at(1)), at(9))).toBe(false);
        expect((await catalog.getBackup(target, record.backupId))?.status).toBe('FAILED');
        expect(await newestGoodOf()).toBeUndefined();
      });

      it('never fails a backup that completed', async () => {
        const record = await completed(0);
        expect(await catalog.failBackup(target, record.backupId, failure('TASK_DIED'), at(11))).toBe(false);
        const there = await catalog.getBackup(target, record.backupId);
        expect(there?.status).toBe('COMPLETED');
        expect(there?.failure).toBeUndefined();
      });

      it('keeps why a backup failed', async () => {
        const record = running(target, 0);
        await catalog.openBackup(record);
        const why = failure('CONNECTION_LOST', { operation: 'pg_dump', detail: 'server closed the connection' });
        await catalog.failBackup(target, record.backupId, why, at(5));
        expect(await catalog.getBackup(target, record.backupId)).toMatchObject({ failure: why, endedAt: at(5) });
      });

      it('closes nothing that was never opened', async () => {
        expect(await catalog.completeBackup(target, newId(0), facts(at(1)), at(2))).toBe(false);
        expect(await catalog.failBackup(target, newId(0), failure('TASK_DIED'), at(2))).toBe(false);
        expect(await catalog.deleteBackup(target, newId(0), at(2))).toBe(false);
        expect(await catalog.listBackups({ target })).toEqual([]);
      });

      it('does not make an older snapshot the newest good one', async () => {
        const newer = running(target, 0);
        const older = running(target, 5);
        await catalog.openBackup(newer);
        await catalog.openBackup(older);
        await catalog.completeBackup(target, newer.backupId, facts(at(60)), at(61));
        expect(await catalog.completeBackup(target, older.backupId, facts(at(6)), at(62))).toBe(true);
        expect(await newestGoodOf()).toBe(newer.backupId);
      });

      it('lets exactly one of complete and fail win when both come at once', async () => {
        for (let round = 0; round < 5; round += 1) {
          const record = running(target, round);
          await catalog.openBackup(record);
          const [done, lost] = await Promise.all([
            catalog.completeBackup(target, record.backupId, facts(at(round)), at(round + 1)),
            catalog.failBackup(target, record.backupId, failure('EXECUTION_ABORTED'), at(round + 1)),
          ]);
          expect([done, lost].filter(Boolean)).toHaveLength(1);
          const there = await catalog.getBackup(target, record.backupId);
          expect(there?.status).toBe(done ? 'COMPLETED' : 'FAILED');
          expect((await newestGoodOf()) === record.backupId).toBe(done);
        }
      });
    });

    describe('deleting', () => {
      it('never deletes the newest good backup of a target', async () => {
        const old = await completed(0);
        const newest = await completed(100);
        await failed(200);
        expect(await catalog.deleteBackup(target, newest.backupId, at(999))).toBe(false);
        expect((await catalog.getBackup(target, newest.backupId))?.status).toBe('COMPLETED');
        expect(await catalog.deleteBackup(target, old.backupId, at(999))).toBe(true);
        expect(await catalog.getBackup(target, old.backupId)).toMatchObject({ status: 'DELETED', deletedAt: at(999) });
        expect(await newestGoodOf()).toBe(newest.backupId);
      });

      it('deletes once, and no running backup', async () => {
        const record = await failed(0);
        expect(await catalog.deleteBackup(target, record.backupId, at(9))).toBe(true);
        expect(await catalog.deleteBackup(target, record.backupId, at(10))).toBe(false);
        const open = running(target, 1);
        await catalog.openBackup(open);
        expect(await catalog.deleteBackup(target, open.backupId, at(10))).toBe(false);
      });

      it('notes that the objects are gone only where nothing good is promised', async () => {
        const good = await completed(0);
        expect(await catalog.markObjectsGone(target, good.backupId, at(50))).toBe(false);
        const bad = await failed(60);
        expect(await catalog.markObjectsGone(target, bad.backupId, at(70))).toBe(true);
        expect((await catalog.getBackup(target, bad.backupId))?.objectsGoneAt).toBe(at(70));
        await catalog.deleteBackup(target, bad.backupId, at(80));
        expect(await catalog.markObjectsGone(target, bad.backupId, at(81))).toBe(true);
        expect(await catalog.getBackup(target, bad.backupId)).toMatchObject({
          status: 'DELETED',
          objectsGoneAt: at(81),
        });
      });
    });

    describe('finding', () => {
      it('lists a target newest first, page by page', async () => {
        const ids: string[] = [];
        for (let minute = 0; minute < 5; minute += 1) ids.unshift((await failed(minute)).backupId);
        await catalog.openBackup(running(`${target}-other`, 2));
        const all = await catalog.listBackups({ target });
        expect(all.map((one) => one.backupId)).toEqual(ids);
        const first = await catalog.listBackups({ target, limit: 2 });
        const second = await catalog.listBackups({ target, limit: 2, before: first.at(-1)!.backupId });
        expect([...first, ...second].map((one) => one.backupId)).toEqual(ids.slice(0, 4));
      });

      it('lists all targets newest first, page by page', async () => {
        const records = [0, 1, 2, 3].map((minute) => running(`${target}-${minute}`, 100_000 + minute));
        for (const record of records) await catalog.openBackup(record);
        const ids = records.map((one) => one.backupId).reverse();
        const first = await catalog.listBackups({ limit: 2 });
        expect(first.map((one) => one.backupId)).toEqual(ids.slice(0, 2));
        const next = await catalog.listBackups({ limit: 2, before: ids[1]! });
        expect(next.map((one) => one.backupId)).toEqual(ids.slice(2));
      });

      it('chooses the newest good backup at or before a moment, and passes by what is not good', async () => {
        const first = await completed(0);
        const second = await completed(100);
        await failed(200);
        await catalog.openBackup(running(target, 300));
        expect((await catalog.newestGood(target))?.backupId).toBe(second.backupId);
        expect((await catalog.newestGood(target, at(101)))?.backupId).toBe(second.backupId);
        expect((await catalog.newestGood(target, at(100.5)))?.backupId).toBe(first.backupId);
        expect(await catalog.newestGood(target, at(0.5))).toBeUndefined();
        expect(await catalog.newestGood(`${target}-none`)).toBeUndefined();
      });
    });

    describe('native backups', () => {
      const opened = async (): Promise<BackupRecord> => {
        const record = running(target, 0, { engine: 'rds', method: 'native' });
        await catalog.openBackup(record);
        return record;
      };

      it('keep a draft and what it asked for while they run, and no draft afterwards', async () => {
        const { backupId } = await opened();
        expect(await catalog.noteDraft(target, backupId, drafted({ asked: [] }))).toBe(true);
        expect((await catalog.getBackup(target, backupId))?.points).toEqual([]);
        expect(await catalog.noteDraft(target, backupId, drafted())).toBe(true);
        expect(await catalog.getBackup(target, backupId)).toMatchObject({ draft: drafted(), points: [POINT] });
        const window = { on: true, earliest: at(-60), latest: at(0) };
        const done = { ...facts(at(2)), window, points: [POINT] };
        expect(await catalog.completeBackup(target, backupId, done, at(9))).toBe(true);
        const there = (await catalog.getBackup(target, backupId))!;
        expect(there).toMatchObject({ status: 'COMPLETED', window, points: [POINT] });
        expect(there).not.toHaveProperty('draft');
        expect(await catalog.noteDraft(target, backupId, drafted({ warnings: ['late'] }))).toBe(false);
        expect(await catalog.getBackup(target, backupId)).toEqual(there);
      });

      it('that failed still say which points they had asked for', async () => {
        const { backupId } = await opened();
        await catalog.noteDraft(target, backupId, drafted());
        await catalog.failBackup(target, backupId, failure('POINT_FAILED'), at(9));
        const there = (await catalog.getBackup(target, backupId))!;
        expect(there).toMatchObject({ status: 'FAILED', points: [POINT] });
        expect(there).not.toHaveProperty('draft');
      });

      it('are marked when their points are gone, but never while they promise them', async () => {
        const { backupId } = await opened();
        expect(await catalog.markPointsGone(target, backupId, at(1))).toBe(false);
        await catalog.completeBackup(target, backupId, facts(at(2)), at(3));
        expect(await catalog.markPointsGone(target, backupId, at(4))).toBe(false);
        await completed(100);
        await catalog.deleteBackup(target, backupId, at(200));
        expect(await catalog.markPointsGone(target, backupId, at(201))).toBe(true);
        expect((await catalog.getBackup(target, backupId))?.pointsGoneAt).toBe(at(201));
        const { backupId: bad } = await failed(300);
        expect(await catalog.markPointsGone(target, bad, at(301))).toBe(true);
      });
    });

    describe('targets found by their tag', () => {
      const found = (name: string, more: object = {}) => ({
        target: name,
        engine: 'rds' as const,
        resource: 'shop',
        arn: 'arn:aws:rds:eu-west-1:123456789012:db:shop',
        frequency: 'daily' as const,
        ...more,
      });
      const known = async () => (await catalog.listDiscovered()).filter((one) => one.target.startsWith(target));

      it('are listed from the first time on, with when they were last seen', async () => {
        const [one, two] = [`${target}-1`, `${target}-2`];
        await catalog.saveDiscovered([found(one), found(two)], at(5));
        await catalog.saveDiscovered([found(one, { frequency: 'weekly' })], at(65));
        await catalog.saveDiscovered([], at(99));
        const listed = (await known()).sort((left, right) => (left.target < right.target ? -1 : 1));
        expect(listed).toMatchObject([
          { target: one, firstSeenAt: at(5), discovered: { frequency: 'weekly', seenAt: at(65), resource: 'shop' } },
          { target: two, firstSeenAt: at(5), discovered: { frequency: 'daily', seenAt: at(5), engine: 'rds' } },
        ]);
      });

      it('keep their newest good backup, and it keeps their tag', async () => {
        const done = await completed(0, 777);
        await catalog.saveDiscovered([found(target)], at(50));
        const { backupId } = await completed(100, 888);
        const state = (await catalog.readTargetStates([target])).get(target);
        expect(state).toMatchObject({
          firstSeenAt: done.startedAt,
          newestGood: { backupId },
          discovered: { seenAt: at(50), frequency: 'daily' },
        });
        await catalog.saveDiscovered([found(target)], at(150));
        expect((await catalog.targetStates([target], at(200))).get(target)).toMatchObject({
          newestGood: { backupId },
          discovered: { seenAt: at(150) },
        });
      });

      it('are not those that were only asked for', async () => {
        await catalog.targetStates([`${target}-asked`], at(1));
        expect(await known()).toEqual([]);
      });
    });

    describe('states of targets', () => {
      it('watches a target from the first time it is asked for, and no later', async () => {
        expect((await catalog.targetStates([target], at(5))).get(target)).toEqual({ target, firstSeenAt: at(5) });
        expect((await catalog.targetStates([target], at(50))).get(target)).toEqual({ target, firstSeenAt: at(5) });
        await completed(60);
        expect((await catalog.targetStates([target], at(70))).get(target)?.firstSeenAt).toBe(at(5));
      });

      it('can be read by whoever may only read: a target never asked for is absent, and stays so', async () => {
        const [seen, unseen] = [`${target}-seen`, `${target}-unseen`];
        await catalog.targetStates([seen], at(5));
        const read = await catalog.readTargetStates([seen, unseen, seen]);
        expect([...read]).toEqual([[seen, { target: seen, firstSeenAt: at(5) }]]);
        expect((await catalog.targetStates([unseen], at(9))).get(unseen)?.firstSeenAt).toBe(at(9));
        await completed(60);
        expect((await catalog.readTargetStates([target])).get(target)?.newestGood?.storedBytes).toBe(1000);
        expect((await catalog.readTargetStates([])).size).toBe(0);
      });

      it('answers for hundreds at once', async () => {
        const names = Array.from({ length: 230 }, (_, index) => `${target}-${index}`);
        const states = await catalog.targetStates(names, at(1));
        expect([...states.keys()].sort()).toEqual([...names].sort());
        expect((await catalog.targetStates(names, at(2))).get(names[229]!)?.firstSeenAt).toBe(at(1));
        expect((await catalog.readTargetStates(names)).size).toBe(230);
        expect((await catalog.targetStates([], at(2))).size).toBe(0);
      });
    });

    describe('a lost catalog', () => {
      it('takes back a backup, and its place as the newest good one, in whatever order they come', async () => {
        const done = (minutes: number): BackupRecord => ({
          ...running(target, minutes),
          ...facts(at(minutes + 1)),
          status: 'COMPLETED',
          endedAt: at(minutes + 9),
        });
        const [newer, older] = [done(100), done(0)];
        await catalog.recoverBackup(newer);
        await catalog.recoverBackup(older);
        expect(await catalog.getBackup(target, older.backupId)).toEqual(older);
        expect(await newestGoodOf()).toBe(newer.backupId);
        expect(await catalog.deleteBackup(target, newer.backupId, at(999))).toBe(false);
      });

      it('brings back nothing that was deleted or failed', async () => {
        await completed(200);
        const bad = await failed(0);
        await catalog.recoverBackup({ ...bad, ...facts(at(1)), status: 'COMPLETED', endedAt: at(2) });
        expect((await catalog.getBackup(target, bad.backupId))?.status).toBe('FAILED');
      });
    });

    describe('locks', () => {
      it('lets two backups of one target never run at once, however close they come', async () => {
        const ids = Array.from({ length: 8 }, () => newId(0));
        const answers = await Promise.all(ids.map((id) => catalog.lock(lockOf(target, 'backup', id))));
        const winners = ids.filter((_, index) => answers[index]!.taken);
        expect(winners).toHaveLength(1);
        for (const answer of answers)
          if (!answer.taken) expect(answer.by).toMatchObject({ target, kind: 'backup', id: winners[0] });
      });

      it('lets a backup and a restore of one target never run at once, however close they come', async () => {
        for (let round = 0; round < 4; round += 1) {
          const [backup, restore] = [newId(0), newId(0)];
          const answers = await Promise.all([
            catalog.lock(lockOf(target, 'backup', backup)),
            catalog.lock(lockOf(target, 'restore', restore)),
          ]);
          expect(answers.filter((one) => one.taken)).toHaveLength(1);
          await catalog.unlock(target, 'backup', backup);
          await catalog.unlock(target, 'restore', restore);
        }
      });

      it('lets the holder take it again, and others when it let go', async () => {
        const [first, second] = [newId(0), newId(1)];
        expect(await catalog.lock(lockOf(target, 'backup', first))).toEqual({ taken: true });
        expect(await catalog.lock(lockOf(target, 'backup', first))).toEqual({ taken: true });
        expect(await catalog.lock(lockOf(target, 'restore', second))).toMatchObject({
          taken: false,
          by: { id: first },
        });
        await catalog.unlock(target, 'backup', first);
        expect(await catalog.lock(lockOf(target, 'restore', second))).toEqual({ taken: true });
      });

      it('does not let go of what somebody else holds', async () => {
        const [holder, other] = [newId(0), newId(1)];
        await catalog.lock(lockOf(target, 'backup', holder));
        await catalog.unlock(target, 'backup', other);
        await catalog.unlock(`${target}-x`, 'backup', other);
        expect(await catalog.lock(lockOf(target, 'backup', other))).toMatchObject({ taken: false });
      });

      it('takes over from the dead execution that is named, and from no other', async () => {
        const [dead, heir] = [newId(0), newId(1)];
        await catalog.lock(lockOf(target, 'restore', dead));
        expect(await catalog.lock(lockOf(target, 'restore', heir, { takeFrom: arnOf('another') }))).toMatchObject({
          taken: false,
        });
        expect(await catalog.lock(lockOf(target, 'restore', heir, { takeFrom: arnOf(dead) }))).toEqual({ taken: true });
        await catalog.unlock(target, 'restore', dead);
        expect(await catalog.lock(lockOf(target, 'restore', newId(2)))).toMatchObject({
          taken: false,
          by: { id: heir },
        });
      });

      it('passes by a dead execution of the other kind', async () => {
        const [dead, heir] = [newId(0), newId(1)];
        await catalog.lock(lockOf(target, 'restore', dead));
        expect(await catalog.lock(lockOf(target, 'backup', heir, { takeFrom: arnOf(dead) }))).toEqual({ taken: true });
        await catalog.unlock(target, 'backup', heir);
        expect(await catalog.lock(lockOf(target, 'backup', newId(2)))).toEqual({ taken: true });
      });

      it('lets a safety backup pass the lock of its own restore only, which stays', async () => {
        const [restore, safety] = [newId(0), newId(1)];
        await catalog.lock(lockOf(target, 'restore', restore));
        expect(await catalog.lock(lockOf(target, 'backup', safety, { safetyFor: newId(5) }))).toMatchObject({
          taken: false,
        });
        expect(await catalog.lock(lockOf(target, 'backup', safety, { safetyFor: restore }))).toEqual({ taken: true });
        await catalog.unlock(target, 'backup', safety);
        expect(await catalog.lock(lockOf(target, 'backup', newId(2)))).toMatchObject({
          taken: false,
          by: { kind: 'restore', id: restore },
        });
      });
    });

    describe('runs', () => {
      const runOf = (runId: string, minutes: number): RunRecord => ({
        runId,
        trigger: 'daily',
        scheduledTime: at(minutes),
        status: 'RUNNING',
        executionArn: arnOf('first'),
        startedAt: at(minutes),
        due: 3,
      });

      it('exist once, however often their event is delivered', async () => {
        const run = runOf(`${target}-run`, 0);
        const answers = await Promise.all([1, 2, 3, 4].map((n) => catalog.openRun({ ...run, due: n })));
        expect(answers.filter(Boolean)).toHaveLength(1);
      });

      it('change hands from the named execution once, and only while RUNNING', async () => {
        const run = runOf(`${target}-run`, 0);
        await catalog.openRun(run);
        const answers = await Promise.all(
          ['a', 'b', 'c'].map((heir) => catalog.takeOverRun(run.runId, arnOf('first'), arnOf(heir))),
        );
        expect(answers.filter(Boolean)).toHaveLength(1);
        const heir = (await catalog.getRun(run.runId))!.executionArn;
        await catalog.closeRun(run.runId, { status: 'COMPLETED', endedAt: at(9), completed: 3, failed: 0 });
        expect(await catalog.takeOverRun(run.runId, heir, arnOf('late'))).toBe(false);
      });

      it('close once, and keep when their report was sent first', async () => {
        const run = runOf(`${target}-run`, 0);
        await catalog.openRun(run);
        await catalog.closeRun(run.runId, { status: 'COMPLETED', endedAt: at(9), completed: 2, failed: 1 });
        await catalog.closeRun(run.runId, { status: 'FAILED', endedAt: at(10) });
        await catalog.markReportSent(run.runId, at(11));
        await catalog.markReportSent(run.runId, at(12));
        await catalog.markReportSent(`${target}-none`, at(12));
        expect(await catalog.getRun(run.runId)).toEqual({
          ...run,
          status: 'COMPLETED',
          endedAt: at(9),
          completed: 2,
          failed: 1,
          reportSentAt: at(11),
        });
        expect(await catalog.getRun(`${target}-none`)).toBeUndefined();
      });

      it('are listed newest first, whatever their trigger', async () => {
        const far = 5_000_000 + counter * 10;
        await catalog.openRun({ ...runOf(`weekly-${target}`, far + 1), trigger: 'weekly' });
        await catalog.openRun(runOf(`daily-${target}`, far + 2));
        const listed = await catalog.listRuns({ limit: 2 });
        expect(listed.map((one) => one.runId)).toEqual([`daily-${target}`, `weekly-${target}`]);
      });
    });

    describe('restores', () => {
      it('open once and change only from an expected status', async () => {
        const restore = restoring(target, 0);
        expect(await catalog.openRestore(restore)).toBe(true);
        expect(await catalog.openRestore({ ...restore, mode: 'new' })).toBe(false);
        expect(
          await catalog.updateRestore(restore.restoreId, ['RUNNING'], {
            status: 'COMPLETED',
            endedAt: at(5),
            replacedDatabase: 'shop_old_1',
          }),
        ).toBe(true);
        expect(await catalog.updateRestore(restore.restoreId, ['RUNNING'], { status: 'FAILED' })).toBe(false);
        expect(await catalog.getRestore(restore.restoreId)).toEqual({
          ...restore,
          status: 'COMPLETED',
          endedAt: at(5),
          replacedDatabase: 'shop_old_1',
        });
        expect(await catalog.updateRestore(newId(9), ['RUNNING'], { status: 'FAILED' })).toBe(false);
      });

      it('forget a field that is set to nothing', async () => {
        const restore = { ...restoring(target, 0), replacedDatabase: 'shop_old_1' };
        await catalog.openRestore(restore);
        await catalog.updateRestore(restore.restoreId, ['RUNNING'], { replacedDatabase: undefined });
        expect(await catalog.getRestore(restore.restoreId)).not.toHaveProperty('replacedDatabase');
      });

      it('are listed newest first, all or of one target, page by page', async () => {
        const [one, two, three] = [restoring(target, 1), restoring(`${target}-x`, 2), restoring(target, 3)];
        for (const restore of [two, three, one]) await catalog.openRestore(restore);
        const own = await catalog.listRestores({ target });
        expect(own.map((each) => each.restoreId)).toEqual([three.restoreId, one.restoreId]);
        const page = await catalog.listRestores({ target, limit: 1, before: three.restoreId });
        expect(page.map((each) => each.restoreId)).toEqual([one.restoreId]);
      });
    });

    describe('progress', () => {
      it('keeps the last word of every attempt, and answers with the newest attempt', async () => {
        const id = newId(0);
        const say = (attempt: number, bytes: number) =>
          catalog.putProgress({ id, attempt, status: 'running', phase: 'dumping', bytes, updatedAt: at(attempt) });
        expect(await catalog.getProgress(id)).toBeUndefined();
        await say(1, 10);
        await say(2, 20);
        await say(1, 15);
        await say(10, 5);
        expect(await catalog.getProgress(id)).toMatchObject({ attempt: 10, bytes: 5 });
        expect(await catalog.getProgress(id, 1)).toMatchObject({ attempt: 1, bytes: 15 });
        expect(await catalog.getProgress(id, 3)).toBeUndefined();
      });
    });
  });
}
