/** A pointer and a record that could not be written: what the application finds is told, and the pruner leaves it alone. */
import { describe, expect, it } from 'vitest';
import type { NativeTarget } from '../../core/config.ts';
import { DAY } from '../lambdas/support/world.ts';
import { NATIVES, openCase, type NativeCase } from './native-case.ts';
import { CRASHES, crashes } from './native-crashes.ts';
import { expectRollback, openSwapped } from './rollback-native-case.ts';

/** Whether what the pointer says is there. */
async function findsIt(one: NativeCase): Promise<boolean> {
  const { targets } = await one.world.config();
  const says = await one.world.pointers.read((targets[0] as NativeTarget).pointer!);
  if (one.table) return one.table.tables.tables.has(says);
  const { instances, clusters } = one.server!.rds.region();
  const endpoints = [
    ...instances.map(({ shape }) => shape.Endpoint?.Address),
    ...clusters.map(({ shape }) => shape.Endpoint),
  ];
  return says === 'shop.example.org' || endpoints.includes(says);
}

describe.each(NATIVES)('a restore by pointer in %s', (engine) => {
  it.each(CRASHES)(
    'where any call of SwitchPointer %s, and was %s, serves on after weeks of pruning',
    async (...way) => {
      const { calls, wrong } = await crashes(way, async () => {
        const one = await openCase(engine);
        const run = async (): Promise<void> => {
          const at = one.table?.backupId ?? 'latest';
          await one.harness.run('restore', { target: one.target, at, mode: 'pointer' }, one.before);
          one.mishap = undefined;
          await one.harness.rule();
          await one.rest();
          expect(await findsIt(one), 'before the pruner').toBe(true);
          one.world.clock += 30 * DAY;
          for (let night = 0; night < 2; night += 1) {
            await one.harness.run('prune', {}, one.before);
            await one.rest();
          }
          expect(await findsIt(one), 'what the application finds is there after the pruner').toBe(true);
        };
        return { one, run, of: ({ state }) => state === 'SwitchPointer' };
      });
      expect(calls).toBeGreaterThan(2);
      expect(wrong).toEqual([]);
    },
  );
});

describe.each(NATIVES)('a rollback by pointer in %s', (engine) => {
  it.each(CRASHES)('where any call %s, and was %s, says what the application finds', async (...way) => {
    const { wrong } = await crashes(way, async () => {
      const swap = await openSwapped(engine, 'pointer');
      return { one: swap.one, run: () => expectRollback(swap) };
    });
    expect(wrong).toEqual([]);
  });
});
