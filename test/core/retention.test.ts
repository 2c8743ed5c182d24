import { describe, expect, it } from 'vitest';
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import { isDumpTarget, parseDumpTarget, type Config } from '../../core/config.ts';
import { aliasDatabase, replacedDatabase } from '../../core/names.ts';
import { LEFTOVER_DAYS, droppable, judgeBackup, type RetentionFacts } from '../../core/retention.ts';
import { configOf } from '../lambdas/support/world.ts';

const DAY = 86_400_000;
const END = '2026-01-01T00:00:00.000Z';
const facts = (days: number, more: Partial<RetentionFacts> = {}): RetentionFacts => ({
  now: Date.parse(END) + days * DAY,
  retention: configOf().retention,
  objectLock: undefined,
  inUse: new Set(),
  ...more,
});
const record = (status: BackupRecord['status'], more: Partial<BackupRecord> = {}): BackupRecord => ({
  backupId: 'B',
  target: 'shop',
  engine: 'postgres',
  method: 'dump',
  kind: 'full',
  trigger: 'daily',
  status,
  executionArn: 'arn',
  startedAt: END,
  ...(status === 'RUNNING' ? {} : { endedAt: END }),
  ...more,
});

describe('retention', () => {
  it('ends on the day after the last, counted from when the backup ended', () => {
    expect(judgeBackup(record('COMPLETED'), 'newer', facts(90))).toBe('keep');
    expect(judgeBackup(record('COMPLETED'), 'newer', facts(90.01))).toBe('expire');
  });

  it('never ends for the newest good backup, and for none where the newest is not known', () => {
    expect(judgeBackup(record('COMPLETED'), 'B', facts(9_999))).toBe('keep');
    expect(judgeBackup(record('COMPLETED'), undefined, facts(9_999))).toBe('keep');
  });

  it('never ends while a restore reads it, or while it runs', () => {
    expect(judgeBackup(record('COMPLETED'), 'newer', facts(9_999, { inUse: new Set(['B']) }))).toBe('keep');
    expect(judgeBackup(record('DELETED'), 'newer', facts(9_999, { inUse: new Set(['B']) }))).toBe('keep');
    expect(judgeBackup(record('RUNNING'), 'newer', facts(9_999))).toBe('keep');
  });

  it('keeps a failed backup’s record as long as others, its objects only for a week', () => {
    expect(judgeBackup(record('FAILED'), undefined, facts(LEFTOVER_DAYS))).toBe('keep');
    expect(judgeBackup(record('FAILED'), undefined, facts(LEFTOVER_DAYS + 1))).toBe('sweep');
    expect(judgeBackup(record('FAILED', { objectsGoneAt: END }), undefined, facts(50))).toBe('keep');
    expect(judgeBackup(record('FAILED', { objectsGoneAt: END }), undefined, facts(91))).toBe('expire');
  });

  it('does not try what Object Lock forbids', () => {
    const objectLock = { mode: 'governance', days: 30 } as const;
    expect(judgeBackup(record('FAILED'), undefined, facts(29, { objectLock }))).toBe('keep');
    expect(judgeBackup(record('FAILED'), undefined, facts(31, { objectLock }))).toBe('sweep');
  });

  it('sweeps a deleted backup until its objects are gone', () => {
    expect(judgeBackup(record('DELETED'), 'newer', facts(91))).toBe('sweep');
    expect(judgeBackup(record('DELETED', { objectsGoneAt: END }), 'newer', facts(91))).toBe('keep');
  });
});

describe('a database that a restore left behind', () => {
  const config = configOf();
  const restore: RestoreRecord = {
    restoreId: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    target: 'shop',
    destination: 'shop',
    backupId: 'B',
    mode: 'swap',
    database: 'shop',
    status: 'COMPLETED',
    executionArn: 'arn',
    startedAt: END,
    endedAt: END,
    replacedDatabase: 'shop_old',
    replacedUntil: END,
  };
  const failed: RestoreRecord = {
    ...restore,
    status: 'FAILED',
    replacedDatabase: undefined,
    replacedUntil: undefined,
  };
  const NATIVE = {} as NonNullable<RestoreRecord['native']>;
  const ALIAS = aliasDatabase('shop', restore.restoreId);
  const namesOf = (one: RestoreRecord, days: number, more: Partial<Config> = {}, others: RestoreRecord[] = []) =>
    droppable([one, ...others], { ...config, ...more }, Date.parse(END) + days * DAY).map((found) => found.database);

  it('may be dropped when its days are over', () => {
    expect(namesOf(restore, 0)).toEqual([]);
    expect(namesOf(restore, 0.01)).toEqual(['shop_old']);
  });

  it('is what a swap replaced also when only recording the swap failed; its days count from the end', () => {
    const swapped = { ...failed, replacedDatabase: 'shop_old' };
    expect(namesOf(swapped, 7)).toEqual([]);
    expect(namesOf(swapped, 7.01)).toEqual(['shop_old']);
    expect(namesOf(swapped, 7.01, { retention: { ...config.retention, replacedDays: 30 } })).toEqual([]);
  });

  it.each(['swap', 'new'] as const)('is the working database of a failed %s, whatever its task could say', (mode) => {
    expect(namesOf({ ...failed, mode }, 7)).toEqual([]);
    expect(namesOf({ ...failed, mode }, 7.01)).toEqual([ALIAS]);
    // What serves is never taken from the record of a failed restore.
    expect(namesOf({ ...failed, mode, restoredDatabase: 'shop' }, 7.01)).toEqual([ALIAS]);
  });

  it('is, of every database that a failed restore of all was at, what ends in its id', () => {
    const all = { ...failed, mode: 'new' as const, allDatabases: true as const };
    expect(namesOf(all, 7)).toEqual([]);
    expect(namesOf(all, 7.01)).toEqual([aliasDatabase('*', restore.restoreId)]);
    const used: RestoreRecord = { ...restore, mode: 'new', database: aliasDatabase('log', restore.restoreId) };
    expect(namesOf(all, 8, {}, [used])).not.toContain(aliasDatabase('*', restore.restoreId));
    expect(namesOf({ ...all, status: 'COMPLETED' }, 999)).toEqual([]);
  });

  it.each([
    ['was dropped already', { ...restore, replacedDroppedAt: END }],
    ['was dropped already after a failure', { ...failed, replacedDroppedAt: END }],
    ['serves again', { ...restore, status: 'ROLLED_BACK' }],
    ['is being made', { ...restore, status: 'RUNNING' }],
    ['has no end of its days', { ...restore, replacedUntil: undefined }],
    ['has no end at all', { ...failed, endedAt: undefined }],
    ['was restored for somebody', { ...restore, mode: 'new', replacedDatabase: undefined }],
    ['was overwritten in place', { ...failed, mode: 'overwrite' }],
    ['is a server or a table of a service', { ...restore, native: NATIVE }],
    ['is a server or a table of a service, after a failure', { ...failed, native: NATIVE }],
  ] as [string, RestoreRecord][])('is left alone when it %s', (_, one) => {
    expect(namesOf(one, 999)).toEqual([]);
  });

  it('is the working file of a failed overwrite, where databases are files', () => {
    const [target] = config.targets.filter(isDumpTarget);
    const file = parseDumpTarget({
      name: target!.name,
      engine: 'sqlite',
      database: 'shop',
      storage: { s3: { bucket: 'shop-data' } },
    });
    const overwritten: RestoreRecord = { ...failed, mode: 'overwrite', destination: target!.name };
    expect(namesOf(overwritten, 7, { targets: [file] })).toEqual([]);
    expect(namesOf(overwritten, 8, { targets: [file] })).toEqual([ALIAS]);
    expect(namesOf({ ...overwritten, status: 'COMPLETED' }, 999, { targets: [file] })).toEqual([]);
    // All names of a restore go together.
    const old = replacedDatabase('shop', restore.restoreId);
    const used: RestoreRecord = { ...restore, mode: 'new', database: old, replacedDatabase: undefined };
    expect(namesOf(overwritten, 8, { targets: [file] }, [used])).toEqual([]);
  });

  it('is left alone while it serves under a user’s name, or where its server can not be reached', () => {
    const [target] = config.targets.filter(isDumpTarget);
    expect(namesOf(failed, 8, { targets: [target!, { ...target!, name: 'x', database: ALIAS }] })).toEqual([]);
    const used: RestoreRecord = { ...restore, mode: 'new', database: ALIAS, replacedDatabase: undefined };
    expect(namesOf(failed, 8, {}, [used])).toEqual([]);
    expect(namesOf({ ...failed, destination: 'gone' }, 8)).toEqual([]);
  });
});
