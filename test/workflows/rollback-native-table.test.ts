/** A table's rollback is a restore of its own: when one's end is lost the other tells, and neither is in the other's way. */
import { describe, expect, it } from 'vitest';
import { FAULTS, at } from './faults.ts';
import { CRASHES, crashes } from './native-crashes.ts';
import { expectRollback, expectRollsBackAgain, found, openSwapped, recordOf } from './rollback-native-case.ts';
import { GOOD } from './table-case.ts';

it.each(CRASHES.filter(([how]) => !how.includes('its function')))(
  'a rollback of a table where any call of its own %s, and was %s, can be run again',
  async (...way) => {
    const { wrong } = await crashes(way, async () => {
      const swap = await openSwapped('dynamodb');
      return { one: swap.one, run: () => expectRollback(swap), of: ({ machine }) => machine === 'rollback' };
    });
    expect(wrong).toEqual([]);
  },
);

describe('what is told of a table whose rollback broke off', () => {
  it.each(['VerifyRecreated', 'ApplyTable', 'OpenTable', 'CloseNative'])(
    'in %s is what serves: in the swap’s record and in the words of the failed rollback',
    async (state) => {
      const swap = await openSwapped('dynamodb');
      const { one, id } = swap;
      const hook = at('restore', state, FAULTS['breaks for good before its work']!, one.before);
      const ended = await one.harness.run('rollback', { restoreId: id }, hook);
      expect(ended.status).toBe('FAILED');
      await one.rest();
      expect(await found(swap)).toBe('original');
      expect.soft(ended.cause).not.toContain('The restored data serves');
      expect.soft((await recordOf(one, id)).native.serving).toBe('original');
    },
  );
});

describe('a rollback of a table whose restore came through, and which was never told,', () => {
  const lost = async () => {
    const swap = await openSwapped('dynamodb');
    const { one, id } = swap;
    const hook = at('rollback', 'CloseRollback', FAULTS['breaks for good before its work']!, one.before);
    expect(await one.harness.run('rollback', { restoreId: id }, hook)).toMatchObject({ status: 'FAILED' });
    expect(await found(swap)).toBe('original');
    return swap;
  };

  it('only says so when it is tried again: what was written since stays', async () => {
    const swap = await lost();
    const { one, id } = swap;
    const { tables } = one.table!;
    const before = tables.tables.get('orders')!.id;
    tables.write('orders', 'since', 'written');
    const again = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(again.called).toEqual(['OpenRollback', 'CloseRollback']);
    expect(tables.tables.get('orders')!.id).toBe(before);
    expect(tables.tables.get('orders')!.items.get('since')).toBe('written');
    const { safetyBackupId } = (await one.world.catalog.listRestores({ target: 'orders' }))[0]!;
    expect(again.output).toMatchObject({ serving: 'orders', setAside: safetyBackupId });
    await expectRollsBackAgain(swap);
  });

  it.each(['is gone', 'is one that somebody made since'])('does not say so when the table %s', async (what) => {
    const swap = await lost();
    const { one, id } = swap;
    const { tables } = one.table!;
    tables.tables.delete('orders');
    if (what !== 'is gone') tables.make('orders', GOOD);
    const again = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(again.cause).toBeUndefined();
    expect(again.called).toContain('RestoreOriginal');
    expect(await found(swap)).toBe('original');
  });
});

it('two swaps of a table are rolled back one after the other, the last one first', async () => {
  const swap = await openSwapped('dynamodb');
  const { one, id } = swap;
  const second = await one.harness.run(
    'restore',
    { target: 'orders', at: one.table!.backupId, mode: 'swap' },
    one.before,
  );
  expect(second.cause).toBeUndefined();
  const back = (restoreId: string) => one.harness.run('rollback', { restoreId }, one.before);
  expect(await back(id)).toMatchObject({ error: 'ROLLBACK_IMPOSSIBLE' });
  expect((await back(second.id)).cause).toBeUndefined();
  expect(await found(swap)).toBe('restored');
  expect((await back(id)).cause).toBeUndefined();
  expect(await found(swap)).toBe('original');
});
