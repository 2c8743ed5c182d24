import { describe, expect, it } from 'vitest';
import { configSchema, type Config } from '../../core/config.ts';
import {
  archivingCost,
  archivingWarnings,
  clockSchedules,
  scheduleWarnings,
  skippedTimes,
  skippedTimeWarnings,
} from '../../core/schedule.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const at = (nightly: string, timeZone = 'Europe/Zurich', weeklyDay: Config['schedule']['weeklyDay'] = 'saturday') => ({
  nightly,
  timeZone,
  weeklyDay,
  flexibleMinutes: 15,
});
const retention = (days: number, archiveAfterDays: number | 'never'): Config['retention'] => ({
  days,
  archiveAfterDays,
  noncurrentDays: 14,
  replacedDays: 7,
});

describe('the schedules of a config', () => {
  it('run daily targets every day and weekly ones on their day, at the same local time', () => {
    const { daily, weekly } = clockSchedules(at('02:05', 'UTC', 'wednesday'));
    expect(daily).toEqual({ expression: 'cron(5 2 * * ? *)', timeZone: 'UTC', time: '02:05' });
    expect(weekly.expression).toBe('cron(5 2 ? * WED *)');
  });
  it('prune six hours later, past midnight too', () => {
    expect(clockSchedules(at('01:30')).prune.expression).toBe('cron(30 7 * * ? *)');
    expect(clockSchedules(at('22:15')).prune.expression).toBe('cron(15 4 * * ? *)');
  });
});

describe('a local time that daylight saving skips', () => {
  it('is found, with the time from which on it is safe', () => {
    expect(skippedTimes('02:30', 'Europe/Zurich', NOW)).toEqual([{ date: '2027-03-28', gapEnds: '03:00' }]);
    expect(skippedTimes('02:00', 'America/New_York', NOW)).toEqual([{ date: '2027-03-14', gapEnds: '03:00' }]);
  });
  it('is found where the clocks change at midnight, and by half an hour', () => {
    expect(skippedTimes('00:00', 'America/Havana', NOW)).toEqual([{ date: '2027-03-14', gapEnds: '01:00' }]);
    expect(skippedTimes('02:15', 'Australia/Lord_Howe', NOW)).toEqual([{ date: '2027-10-03', gapEnds: '02:30' }]);
  });
  it('is not one that comes twice, nor the end of the gap, nor one without daylight saving', () => {
    expect(skippedTimes('01:59', 'Europe/Zurich', NOW)).toEqual([]);
    expect(skippedTimes('03:00', 'Europe/Zurich', NOW)).toEqual([]);
    expect(skippedTimes('01:30', 'America/New_York', NOW)).toEqual([]);
    expect(skippedTimes('02:30', 'UTC', NOW)).toEqual([]);
    expect(skippedTimes('02:30', 'Asia/Tokyo', NOW)).toEqual([]);
  });
  it('is looked for in the next 400 days only', () => {
    expect(skippedTimes('02:30', 'Europe/Zurich', new Date('2026-03-01T00:00:00Z')).map(({ date }) => date)).toEqual([
      '2026-03-29',
      '2027-03-28',
    ]);
    expect(skippedTimes('02:30', 'Europe/Zurich', NOW, 30)).toEqual([]);
  });
  it('is warned of by day, zone and what would be safe', () => {
    expect(skippedTimeWarnings(at('02:30'), NOW)).toEqual([
      'schedule.nightly 02:30: the run of 2027-03-28 will not take place, because clocks in Europe/Zurich are put forward over 02:30 that day. A time from 03:00 on is safe.',
    ]);
  });
  it('is warned of also when only the pruner falls into it', () => {
    expect(skippedTimeWarnings(at('20:30'), NOW)).toEqual([
      expect.stringMatching(/^schedule\.nightly 20:30 puts the pruner at 02:30: it of 2027-03-28/),
    ]);
  });
});

describe('archiving to Glacier', () => {
  it('saves money under the default terms', () => {
    expect(archivingCost(configSchema.shape.retention.parse(undefined))).toBeLessThan(0);
    expect(scheduleWarnings({ schedule: at('01:30'), retention: retention(90, 30) }, NOW)).toEqual([]);
  });
  it('costs what AWS bills: ninety days of Glacier against the days of Standard', () => {
    // 10 days of Standard: 0.0076 $; 90 days of Glacier: 0.0107 $.
    expect(archivingCost(retention(40, 30))).toBeCloseTo(0.00309, 5);
  });
  it('is warned of when it costs more than it saves, with terms that would save', () => {
    const [warning] = archivingWarnings(retention(40, 30));
    expect(warning).toContain('in Glacier for 10 days and be billed for 90');
    expect(warning).toContain("right would be 25 or less, or 'never'");
    expect(archivingWarnings(retention(40, 25))).toEqual([]);
  });
  it('advises against it where no terms would save', () => {
    expect(archivingWarnings(retention(10, 3))[0]).toContain("right would be 'never'");
  });
  it('is never warned of when it is off', () => {
    expect(archivingWarnings(retention(3, 'never'))).toEqual([]);
  });
});
