import { describe, expect, it } from 'vitest';
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
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

describe('a replaced database', () => {
  const restore: RestoreRecord = {
    restoreId: 'R',
    target: 'shop',
    destination: 'shop',
    backupId: 'B',
    mode: 'swap',
    database: 'shop',
    status: 'COMPLETED',
    executionArn: 'arn',
    startedAt: END,
    replacedDatabase: 'shop_old',
    replacedUntil: END,
  };
  const later = Date.parse(END) + 1;

  it('may be dropped when its days are over', () => {
    expect(droppable([restore], later)).toEqual([restore]);
    expect(droppable([restore], later - 1)).toEqual([]);
  });

  it.each([
    ['was dropped already', { replacedDroppedAt: END }],
    ['serves again', { status: 'ROLLED_BACK' }],
    ['may be serving, for its restore failed', { status: 'FAILED' }],
    ['is being made', { status: 'RUNNING' }],
    ['has no end of its days', { replacedUntil: undefined }],
    ['has no name', { replacedDatabase: undefined }],
  ] as [string, Partial<RestoreRecord>][])('is left alone when it %s', (_, change) => {
    expect(droppable([{ ...restore, ...change }], later)).toEqual([]);
  });
});
