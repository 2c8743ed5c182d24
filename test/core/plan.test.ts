import { describe, expect, it } from 'vitest';
import { dueTargets, runItems } from '../../core/plan.ts';
import { overdueOf, watchedTargets } from '../../core/rpo.ts';
import { configOf, targetOf } from '../lambdas/support/world.ts';

const config = configOf({
  targets: [
    targetOf('a'),
    targetOf('b', { frequency: 'weekly' }),
    targetOf('c', { frequency: 'none' }),
    targetOf('d', { frequency: 'daily', rpoHours: 4 }),
  ],
});
const names = (targets: { name: string }[]): string[] => targets.map((one) => one.name);
const HOUR = 3_600_000;

describe('what is due', () => {
  it('is what has this frequency, and never what has none', () => {
    expect(names(dueTargets(config.targets, 'daily'))).toEqual(['a', 'd']);
    expect(names(dueTargets(config.targets, 'weekly'))).toEqual(['b']);
  });

  it('gives every item a name of its own that Step Functions accepts, also with the longest names', () => {
    const run = 'weekly-20261121T013000Z';
    const targets = ['x'.repeat(40), 'a', 'b'];
    for (const takeOver of [undefined, '01ARZ3NDEKTSV4RRFFQ69G5FAV']) {
      const all = runItems(run, 'weekly', targets, takeOver).map((item) => item.executionName);
      expect(new Set(all).size).toBe(3);
      for (const name of all) expect(name).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
    }
  });
});

describe('the recovery point objective', () => {
  const [daily, weekly, none, strict] = config.targets as [never, never, never, never];
  const since = '2026-11-21T00:00:00.000Z';
  const after = (hours: number): number => Date.parse(since) + hours * HOUR;
  const good = { backupId: 'x', snapshotAt: since, storedBytes: 1, seconds: 1 };

  it('is broken when the newest good snapshot is older than promised', () => {
    const state = { target: 'a', firstSeenAt: '2020-01-01T00:00:00.000Z', newestGood: good };
    expect(overdueOf(daily, state, after(26))).toBeUndefined();
    expect(overdueOf(daily, state, after(26.1))).toMatchObject({ target: 'a', rpoHours: 26, newestGoodAt: since });
    expect(overdueOf(weekly, state, after(7 * 24))).toBeUndefined();
    expect(overdueOf(weekly, state, after(7 * 24 + 3))).toBeDefined();
    expect(overdueOf(strict, state, after(5))).toBeDefined();
  });

  it('is broken by a target that was never backed up, counted from when it was first seen', () => {
    const state = { target: 'a', firstSeenAt: since };
    expect(overdueOf(daily, state, after(26))).toBeUndefined();
    expect(overdueOf(daily, state, after(27))).toMatchObject({ newestGoodAt: undefined });
  });

  it('is broken where nobody knows anything', () => {
    expect(overdueOf(daily, undefined, after(0))).toMatchObject({ hours: Infinity });
  });

  it('is not promised by a target of no frequency', () => {
    expect(overdueOf(none, undefined, after(9_999))).toBeUndefined();
    expect(names(watchedTargets(config.targets))).toEqual(['a', 'b', 'd']);
  });
});
