/** What the pruner does with a table's alias that a pointer led to. */
import { describe, expect, it } from 'vitest';
import { makeDeletePoints } from '../../../lambdas/DeletePoints.ts';
import { makeRemoveReplaced } from '../../../lambdas/RemoveReplaced.ts';
import { SeenError } from '../../workflows/seen-error.ts';
import { openTable, swapOf, type TableCase } from '../../workflows/table-case.ts';
import { DAY, execution } from '../support/world.ts';

async function remove(one: TableCase, restoreId: string): Promise<void> {
  const look = makeRemoveReplaced(one.world);
  const event = { ...execution(one.world, 'prune'), restoreId, native: true as const };
  for (let looks = 0; looks < 60; looks += 1) {
    one.world.clock += 30_000;
    if ((await look(event)).done) return;
  }
  throw new Error('never done');
}
async function deletePoints(one: TableCase): Promise<void> {
  const look = makeDeletePoints(one.world);
  const event = execution(one.world, 'prune');
  while (!(await look(event)).done) one.world.clock += 30_000;
}
const recordOf = async (one: TableCase, id: string) => (await one.world.catalog.getRestore(id))!;
const pointer = (one: TableCase) => ({ ...swapOf(one), mode: 'pointer' });

describe('the alias of a restore by pointer', () => {
  it('that a rollback set aside goes only after a point of what was written to it, which stays as long as a backup', async () => {
    const one = await openTable();
    const { id, cause, status } = await one.harness.run('restore', pointer(one), one.before);
    expect(status, cause).toBe('SUCCEEDED');
    const { alias } = (await recordOf(one, id)).native!;
    one.world.clock += 60_000;
    expect(one.tables.write(alias, 'late', 'order')).toBe(true);
    const back = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(back.status, back.cause).toBe('SUCCEEDED');
    one.world.clock += 8 * DAY;
    await remove(one, id);
    expect([...one.tables.tables.keys()]).toEqual(['orders']);
    const { native, replacedDroppedAt } = await recordOf(one, id);
    const arn = native!.backups!.restored!;
    expect(one.tables.backups.get(arn)!.items.get('late')).toBe('order');
    expect(replacedDroppedAt).toBeDefined();
    one.world.clock += 80 * DAY;
    await deletePoints(one);
    expect(one.tables.backups.has(arn)).toBe(true);
    one.world.clock += 20 * DAY;
    await deletePoints(one);
    expect(one.tables.backups.has(arn)).toBe(false);
  });

  it('is left alone while the pointer says it, whatever the record could not say', async () => {
    const one = await openTable();
    const { pointers } = one.world;
    const read = pointers.read.bind(pointers);
    const { id } = await one.harness.run('restore', pointer(one), (call, work) => {
      // Else it would find out what the pointer says.
      if (call.state === 'FailRestore')
        Object.assign(pointers, { read: () => Promise.reject(new SeenError('TypeError', 'can not be read')) });
      if (call.state !== 'SwitchPointer') return one.before(call, work);
      const change = pointers.change.bind(pointers);
      Object.assign(pointers, {
        change: async (...of: Parameters<typeof change>) => {
          await change(...of);
          throw new SeenError('TypeError', 'dies before its note');
        },
      });
      return one.before(call, work);
    });
    Object.assign(pointers, { read });
    const { native, status } = await recordOf(one, id);
    expect([status, native!.pointer!.switched]).toEqual(['FAILED', false]);
    one.world.clock += 30 * DAY;
    await remove(one, id);
    expect([...one.tables.tables.keys()]).toContain(native!.alias);
    expect((await recordOf(one, id)).replacedDroppedAt).toBeUndefined();
  });
});
