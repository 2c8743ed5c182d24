import { describe, expect, it } from 'vitest';
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import type { NativeRestore } from '../../core/native.ts';
import { judgeBackup, type RetentionFacts } from '../../core/retention.ts';
import { neededByRestores, pointKeeper, removable, sparePoints } from '../../core/retention-points.ts';
import { configOf } from '../lambdas/support/world.ts';

const DAY = 86_400_000;
/** A Sunday. */
const NOW = Date.parse('2026-11-22T02:00:00.000Z');
const ago = (days: number): string => new Date(NOW - days * DAY).toISOString();
const ARN = 'arn:aws:rds:eu-west-1:123456789012:snapshot:nightjar-shop-1';

const native = (days: number, more: Partial<BackupRecord> = {}): BackupRecord => ({
  backupId: `B${String(1_000 - days).padStart(4, '0')}`,
  target: 'shop',
  engine: 'rds',
  method: 'native',
  kind: 'full',
  trigger: 'daily',
  status: 'COMPLETED',
  executionArn: 'arn',
  startedAt: ago(days),
  endedAt: ago(days),
  points: [ARN],
  ...more,
});

/** Ages in days of what is kept of these, newest first. */
function kept(
  records: readonly BackupRecord[],
  more: Partial<RetentionFacts> = {},
  counts = { nightly: 7, weekly: 4 },
) {
  const facts: RetentionFacts = {
    now: NOW,
    retention: configOf().retention,
    objectLock: undefined,
    inUse: new Set(),
    counted: pointKeeper(() => counts),
    ...more,
  };
  const newest = records[0]?.backupId;
  return records
    .filter((record) => judgeBackup(record, newest, facts) === 'keep')
    .map((record) => Math.round((NOW - Date.parse(record.startedAt)) / DAY));
}
const nights = (count: number, more: Partial<BackupRecord> = {}) =>
  Array.from({ length: count }, (_, days) => native(days, more));

describe('recovery points', () => {
  it('are kept by number: seven nights, and the newest of each of four weeks', () => {
    // Sundays are 0, 7, 14 and 21 days ago.
    expect(kept(nights(60))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 14, 21]);
  });

  it('of a weekly target are the newest of as many weeks', () => {
    const weekly = [0, 7, 14, 21, 28, 35].map((days) => native(days, { trigger: 'weekly' }));
    expect(kept(weekly)).toEqual([0, 7, 14, 21]);
  });

  it('stay while a newer one is not good: failed nights count for nothing', () => {
    const records = nights(20).map((one, day) => (day < 3 ? { ...one, status: 'FAILED' as const } : one));
    expect(kept(records.slice(3), {}, { nightly: 3, weekly: 0 })).toEqual([3, 4, 5]);
  });

  it('never go when they are the newest good one', () => {
    expect(kept([native(500)], {}, { nightly: 1, weekly: 0 })).toEqual([500]);
  });

  it('that a person asked for are kept by their age, and take nobody’s place', () => {
    const asked = [10, 20, 89, 91].map((days) => native(days, { trigger: 'user' }));
    expect(kept([...nights(3), ...asked], {}, { nightly: 2, weekly: 0 })).toEqual([0, 1, 10, 20, 89]);
  });

  it('of different targets do not count for each other', () => {
    const both = nights(4).flatMap((one) => [one, { ...one, target: 'other', backupId: `${one.backupId}x` }]);
    expect(kept(both, {}, { nightly: 2, weekly: 0 })).toEqual([0, 0, 1, 1]);
  });

  it('stay while a restore needs them, and still count', () => {
    const records = nights(5);
    expect(kept(records, { inUse: new Set([records[4]!.backupId]) }, { nightly: 2, weekly: 0 })).toEqual([0, 1, 4]);
  });

  it('go before their manifest does, which Object Lock may hold longer', () => {
    const facts: RetentionFacts = {
      now: NOW,
      retention: configOf().retention,
      objectLock: undefined,
      inUse: new Set(),
    };
    const deleted = native(20, { status: 'DELETED' });
    expect(judgeBackup(deleted, 'newer', facts)).toBe('keep');
    const gone = { ...deleted, pointsGoneAt: ago(1) };
    expect(judgeBackup(gone, 'newer', facts)).toBe('sweep');
    expect(judgeBackup(gone, 'newer', { ...facts, objectLock: { mode: 'compliance', days: 30 } })).toBe('keep');
    const failed = native(20, { status: 'FAILED' });
    expect(judgeBackup(failed, 'newer', facts)).toBe('keep');
    expect(judgeBackup({ ...failed, pointsGoneAt: ago(1) }, 'newer', facts)).toBe('sweep');
  });
});

const restore = (more: Partial<RestoreRecord> = {}, own: Partial<NativeRestore> = {}): RestoreRecord => ({
  restoreId: 'R',
  target: 'orders',
  destination: 'orders',
  backupId: 'FROM',
  safetyBackupId: 'SAFE',
  mode: 'swap',
  database: 'orders',
  status: 'COMPLETED',
  executionArn: 'arn',
  startedAt: ago(3),
  endedAt: ago(3),
  replacedUntil: ago(-4),
  native: {
    from: { kind: 'point', backupId: 'FROM', arn: ARN, at: ago(4) },
    alias: 'orders-nj-1',
    oldName: 'orders-old-1',
    settings: {
      engine: 'rds',
      name: 'orders',
      arn: ARN,
      resourceId: 'id-1',
      readAt: ago(3),
      values: {},
      instances: [],
      tags: {},
    },
    steps: {},
    backups: { original: 'arn:original', restored: 'arn:restored' },
    serving: 'restored',
    ...own,
  },
  ...more,
});

describe('what restores hold back from the pruner', () => {
  const needed = (one: RestoreRecord): string[] => [...neededByRestores([one], NOW)].sort();

  it('is what a running one reads, and what one can still be rolled back from', () => {
    expect(needed(restore({ status: 'RUNNING' }))).toEqual(['FROM', 'SAFE']);
    expect(needed(restore())).toEqual(['SAFE']);
    expect(needed(restore({ replacedUntil: ago(1) }))).toEqual([]);
    expect(needed(restore({ replacedDroppedAt: ago(1) }))).toEqual([]);
  });

  it('is everything while nothing serves, however long that lasts', () => {
    const lost = restore({ status: 'FAILED', endedAt: ago(900), replacedUntil: ago(800) }, { serving: 'nothing' });
    expect(needed(lost)).toEqual(['FROM', 'SAFE']);
    expect(sparePoints(lost, configOf().retention, NOW)).toEqual([]);
  });

  it('ends for the alias’ backup with the way back, for a server’s last point when its time as a backup is over', () => {
    const { retention } = configOf();
    expect(sparePoints(restore(), retention, NOW)).toEqual([]);
    expect(sparePoints(restore({ replacedUntil: ago(1) }), retention, NOW)).toEqual([]);
    const removed = { replacedUntil: ago(100), replacedDroppedAt: ago(89) };
    expect(sparePoints(restore(removed), retention, NOW)).toEqual([]);
    expect(sparePoints(restore({ ...removed, replacedDroppedAt: ago(91) }), retention, NOW)).toEqual([
      'restored',
      'original',
    ]);
    const table = restore({ ...removed, replacedDroppedAt: ago(91) });
    const settings = { ...table.native!.settings, engine: 'dynamodb' as const };
    expect(sparePoints({ ...table, native: { ...table.native!, settings } }, retention, NOW)).toEqual(['restored']);
    expect(sparePoints(restore({ status: 'RUNNING', replacedUntil: ago(1) }), retention, NOW)).toEqual([]);
  });

  it('is looked after every night where a stopped server may start again, else when its time is over', () => {
    const listed = (one: RestoreRecord): boolean => removable([one], NOW, 7).length === 1;
    expect(listed(restore())).toBe(true);
    expect(listed(restore({}, { oldName: undefined }))).toBe(false);
    expect(listed(restore({ replacedUntil: ago(1) }))).toBe(true);
    const failed = { status: 'FAILED', replacedUntil: undefined } as const;
    expect(listed(restore({ ...failed, endedAt: ago(6) }, { serving: 'original' }))).toBe(false);
    expect(listed(restore({ ...failed, endedAt: ago(8) }, { serving: 'original' }))).toBe(true);
    expect(listed(restore({ status: 'RUNNING', replacedUntil: ago(1) }))).toBe(false);
    expect(listed(restore({ replacedDroppedAt: ago(1), replacedUntil: ago(2) }))).toBe(false);
    const beside = restore({ mode: 'new', replacedUntil: undefined, endedAt: ago(99) }, { oldName: undefined });
    expect(listed(beside)).toBe(false);
    expect(listed(restore({ ...failed, endedAt: ago(8) }, { serving: 'nothing' }))).toBe(true);
  });
});
