/** A table that is on its way out, for minutes, when a restore of it begins. */
import { describe, expect, it } from 'vitest';
import { expectBackAnew, expectFree, openGoing, swapOf, type TableCase } from './table-case.ts';

const run = (one: TableCase, more: object = {}, hook = one.before) =>
  one.harness.run('restore', { ...swapOf(one), ...more }, hook);
const tableOf = ({ tables }: TableCase) => tables.tables.get('orders');

describe('a table that is being deleted', () => {
  it('for 20 looks more is awaited, and comes back from its backup', async () => {
    const one = await openGoing(20);
    const { id } = tableOf(one)!;
    const ended = await run(one);
    expect(ended.cause).toBeUndefined();
    expect(ended.output).toMatchObject({ serving: 'restored', differences: 0 });
    await expectBackAnew(one, id);
  });

  it('for longer than a step may take is not waited for on and on, and nothing was made in its place', async () => {
    const one = await openGoing(1e9);
    const { id } = tableOf(one)!;
    const ended = await run(one, {}, (call, work) => {
      if (call.state === 'RecreateTable') one.world.clock += 3_600_000;
      return one.before(call, work);
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'STEP_TIMED_OUT' });
    expect([...one.tables.tables.values()].map((table) => table.id)).toEqual([id]);
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record.native!.serving).toBe('nothing');
    await expectFree(one);
    one.tables.tables.delete('orders');
    const again = await run(one);
    expect(again.cause).toBeUndefined();
    await expectBackAnew(one, id);
  });
});
