/** A native backup with a crash at any call of its functions: no recovery point is left that nobody removes. */
import { describe, expect, it } from 'vitest';
import { NATIVES, expectBackupClosed, expectBacksUpAgain, openCase } from './native-case.ts';
import { CRASHES, crashes } from './native-crashes.ts';

describe.each(NATIVES)('a crash of a backup in %s', (engine) => {
  it.each(CRASHES)('where any call %s, and was %s, loses no point and leaves none', async (...way) => {
    const { calls, wrong } = await crashes(way, async () => {
      const one = await openCase(engine);
      const run = async (): Promise<void> => {
        const ended = await one.harness.run('backup', { target: one.target, trigger: 'user' }, one.before);
        one.mishap = undefined;
        await one.harness.rule();
        await expectBackupClosed(one, ended);
        await expectBacksUpAgain(one);
      };
      return { one, run };
    });
    expect(calls).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });
});
