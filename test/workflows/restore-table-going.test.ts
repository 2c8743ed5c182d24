/** A table that is on its way out when a restore of it begins; and items that time to live takes while they are compared. */
import { describe, expect, it } from 'vitest';
import { DEATHS, FAULTS, at } from './faults.ts';
import { SeenError } from './seen-error.ts';
import {
  expectAsBefore,
  expectBackAnew,
  expectFree,
  expectNothingLost,
  expectRunsAgain,
  openGoing,
  openTable,
  swapOf,
  type TableCase,
} from './table-case.ts';

const run = (one: TableCase, more: object = {}, hook = one.before) =>
  one.harness.run('restore', { ...swapOf(one), ...more }, hook);
const tableOf = ({ tables }: TableCase) => tables.tables.get('orders');
const faults = { ...FAULTS, ...DEATHS };

describe('a table that is being deleted', () => {
  it.each([1, 2])('for %i looks more is awaited, and comes back from its backup', async (looks) => {
    const one = await openGoing(looks);
    const { id } = tableOf(one)!;
    const ended = await run(one);
    expect(ended.cause).toBeUndefined();
    expect(ended.output).toMatchObject({ serving: 'restored', differences: 0 });
    // It was not this restore that took it away, and there is nothing to save of it any more.
    for (const state of ['FenceTable', 'SafetyTable', 'DeleteTable']) expect(ended.called).not.toContain(state);
    await expectBackAnew(one, id);
  });

  it.each(['new', 'pointer'] as const)('can be restored beside it by %s', async (mode) => {
    const one = await openGoing(1e9);
    const ended = await run(one, { mode });
    expect(ended.cause).toBeUndefined();
    const { alias } = (await one.world.catalog.getRestore(ended.id))!.native!;
    expect(one.tables.tables.get(alias)).toMatchObject({ status: 'ACTIVE' });
    expect(tableOf(one)).toMatchObject({ status: 'DELETING' });
    await expectFree(one);
  });

  it('receives no chosen items', async () => {
    const one = await openGoing(1e9);
    const ended = await run(one, { mode: 'items', items: { keys: [{ pk: { S: 'a' } }] } });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'RESTORE_REFUSED' });
    expect([...one.tables.tables.keys()]).toEqual(['orders']);
    await expectFree(one);
  });

  it('has no moments any more, and it is said which backup there is', async () => {
    const one = await openGoing(20);
    const ended = await run(one, { at: one.world.now().toISOString() });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'RESTORE_REFUSED' });
    expect(ended.cause).toContain(one.backupId);
    await expectFree(one);
  });

  // Described once more as if it were to stay: the restore is begun of a living table, and finds out.
  it('and still described as there is not taken for one that is, and comes back at the next try', async () => {
    const one = await openTable();
    one.tables.meanwhile = undefined;
    const { id } = tableOf(one)!;
    await one.tables.remove('orders');
    const ended = await run(one);
    await expectFree(one);
    if (ended.status === 'SUCCEEDED') return expectBackAnew(one, id);
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record).toMatchObject({ status: 'FAILED', native: { serving: 'nothing' } });
    expect(ended.cause).toContain('nightjar');
    const again = await run(one);
    expect(again.cause).toBeUndefined();
    await expectBackAnew(one, id);
  });

  const cases = ['OpenRestore', 'RecreateTable', 'CloseNative'].flatMap((state) =>
    Object.keys(faults).map((fault) => [state, fault] as const),
  );
  it.each(cases)('comes back whatever happens: %s %s', async (state, fault) => {
    const one = await openGoing(2);
    const { id } = tableOf(one)!;
    const ended = await run(one, {}, at('restore', state, faults[fault]!, one.before));
    expect(ended.called).toContain(state);
    await one.harness.rule();
    await expectFree(one);
    await expectRunsAgain(one);
    expect(tableOf(one)!.id).not.toBe(id);
  });
});

describe('time to live', () => {
  it('that takes items before they were compared fails the check, and what was saved is all there', async () => {
    const one = await openTable();
    const ended = await run(one, {}, (call, work) => {
      if (call.state === 'VerifyRecreated') for (const key of ['b', 'e']) tableOf(one)!.items.delete(key);
      return one.before(call, work);
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'CHECK_FAILED' });
    const record = (await one.world.catalog.getRestore(ended.id))!;
    expect(record).toMatchObject({ status: 'FAILED', native: { serving: 'restored' } });
    expect(ended.cause).toContain('serves');
    await expectAsBefore(one);
    await expectFree(one);
    const kept = [...one.tables.backups.values()].map(({ items }) => items.get('b'));
    expect(kept).toContain('good');
    await expectRunsAgain(one);
    expect(tableOf(one)!.items.get('b')).toBe('good');
  });

  it('that can not be switched on again leaves the restored table serving, and says what it lacks', async () => {
    const one = await openTable();
    const wanted = one.settings;
    const apply = one.tables.applySettings.bind(one.tables);
    let refuses = true;
    one.tables.applySettings = async (name, settings) => {
      const values = { ...settings.values };
      delete values.TimeToLiveSpecification;
      if (!refuses) return apply(name, settings);
      const awaited = await apply(name, { ...settings, values });
      if (awaited.length > 0) return awaited;
      throw new SeenError('SERVICE_REFUSED', 'TimeToLiveSpecification');
    };
    const ended = await run(one);
    expect(ended.status).toBe('FAILED');
    await expectNothingLost(one, ended);
    await expectFree(one);
    const table = tableOf(one)!;
    expect(table.fencedAt, 'writes are let in').toBeUndefined();
    expect(table.values.TimeToLiveSpecification).toBeUndefined();
    const { native } = (await one.world.catalog.getRestore(ended.id))!;
    expect(native!.serving).toBe('restored');
    // Nothing that was over comes to life: it is there until time to live is back, and then it goes.
    expect(table.items.get('e')).toBe('expired');
    refuses = false;
    await expectRunsAgain(one);
    expect(tableOf(one)!.values.TimeToLiveSpecification).toEqual(wanted.values.TimeToLiveSpecification);
    expect(tableOf(one)!.items.has('e')).toBe(false);
  });
});
