/** The other ways of a table's restore: beside the original, by a pointer, item by item, after somebody deleted it, not approved. */
import { describe, expect, it } from 'vitest';
import { CALLS, type Hook } from './calls.ts';
import { DEATHS, FAULTS, at } from './faults.ts';
import { SeenError } from './seen-error.ts';
import {
  expectAsBefore,
  expectFree,
  expectNothingLost,
  expectRunsAgain,
  GOOD,
  openTable,
  swapOf,
  type TableCase,
} from './table-case.ts';

const recordOf = async ({ world }: TableCase, id: string) => (await world.catalog.getRestore(id))!;
const run = (one: TableCase, more: object, hook: Hook = one.before) =>
  one.harness.run('restore', { ...swapOf(one), ...more }, hook);
const aliasesOf = ({ tables }: TableCase): string[] => [...tables.tables.keys()].filter((name) => name !== 'orders');
const spoilt = ({ tables }: TableCase) => tables.tables.get('orders')?.items.get('a');
const faults = { ...FAULTS, ...DEATHS };
const every = (states: readonly string[]) =>
  states.flatMap((state) => Object.keys(faults).map((fault) => [state, fault] as const));

describe('a table that somebody deleted', () => {
  async function deleted(): Promise<TableCase> {
    const one = await openTable();
    one.tables.tables.delete('orders');
    return one;
  }

  it('serves again under its name with every setting, and nobody was asked for anything that is gone', async () => {
    const one = await deleted();
    one.harness.answer = () => Promise.resolve({});
    const ended = await run(one, { at: 'latest', approve: true });
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored', differences: 0 } });
    expect(one.world.mails[0]!.mail.text).toContain('There is no table orders. It is made again from the backup');
    expect(ended.called).not.toContain('SafetyTable');
    expect([...one.tables.tables.keys()]).toEqual(['orders']);
    expect([...GOOD].every(([key]) => key === 'e' || one.tables.tables.get('orders')!.items.get(key) === 'good')).toBe(
      true,
    );
    await expectAsBefore(one);
    await expectFree(one);
  });

  it('comes back as it was just before, when the service keeps that', async () => {
    const one = await openTable();
    const { id } = one.tables.tables.get('orders')!;
    one.tables.keep('orders');
    const ended = await run(one, { at: 'latest' });
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored' } });
    expect(spoilt(one)).toBe('spoilt');
    const record = await recordOf(one, ended.id);
    expect(record.native!.from).toMatchObject({ kind: 'moment', at: 'latest', sourceResourceId: id });
    expect(record.backupId).toBeUndefined();
    await expectAsBefore(one);
    await expectFree(one);
  });

  it('comes back from its backup when what the service keeps is gone or the backup is asked for', async () => {
    const one = await openTable();
    one.tables.keep('orders');
    const ended = await run(one, { at: one.backupId });
    expect((await recordOf(one, ended.id)).native!.from).toMatchObject({ kind: 'point', backupId: one.backupId });
    const without = await deleted();
    const other = await run(without, { at: 'latest' });
    expect((await recordOf(without, other.id)).native!.from).toMatchObject({ kind: 'point' });
  });

  it('is not made before somebody approved it, where that was asked for', async () => {
    const one = await deleted();
    const ended = await run(one, { approve: true });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'APPROVAL_DENIED' });
    expect([...one.tables.tables.keys()]).toEqual([]);
    expect(ended.called).not.toContain('RecreateTable');
    expect((await recordOf(one, ended.id)).native!.serving).toBe('nothing');
    await expectFree(one);
  });

  it.each(every(['AskRecreationApproval']))('that %s %s can be asked for again', async (state, fault) => {
    const one = await deleted();
    one.harness.answer = () => Promise.resolve({});
    const ended = await run(one, { approve: true }, at('restore', state, faults[fault]!, one.before));
    expect(ended.called).toContain(state);
    await one.harness.rule();
    await expectFree(one);
    await expectRunsAgain(one);
  });

  const states = [
    ...['OpenRestore', 'RecreateTable', 'FenceRecreated', 'VerifyRecreated', 'ApplyTable', 'OpenTable'],
    ...['RemoveTableAlias', 'CloseNative'],
  ];
  it.each(every(states))('comes back whatever happens: %s %s', async (state, fault) => {
    const one = await deleted();
    const ended = await run(one, {}, at('restore', state, faults[fault]!, one.before));
    expect(ended.called).toContain(state);
    await one.harness.rule();
    await expectFree(one);
    const record = await one.world.catalog.getRestore(ended.id);
    const table = one.tables.tables.get('orders');
    if (record && record.native!.serving !== 'nothing')
      expect(table).toMatchObject({ status: 'ACTIVE', madeFrom: expect.any(String) as string });
    await expectRunsAgain(one);
  });

  it('is not taken from an application that made an empty one meanwhile', async () => {
    const one = await openTable();
    const ended = await run(one, {}, (call, work) => {
      if (call.state === 'RecreateTable' && call.count === 1) one.tables.make('orders', new Map());
      return one.before(call, work);
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'DESTINATION_EXISTS' });
    expect(one.tables.tables.get('orders')!.madeFrom).toBeUndefined();
    expect((await recordOf(one, ended.id)).native!.serving).toBe('nothing');
    await expectFree(one);
  });
});

describe('beside the original', () => {
  const MODES = {
    new: ['RestoreTable', 'VerifyTable', 'ApplyAlias', 'CloseNative'],
    pointer: ['RestoreTable', 'VerifyTable', 'ApplyAlias', 'SwitchPointer', 'CloseNative'],
    items: ['RestoreTable', 'VerifyTable', 'CopyItems', 'RemoveTableAlias', 'CloseNative'],
  } as const;
  const inputs = {
    new: {},
    pointer: {},
    items: { items: { keys: [{ pk: { S: 'a' } }, { pk: { S: 'nobody' } }] } },
  } as const;
  const modes = Object.keys(MODES) as (keyof typeof MODES)[];

  it.each(modes)('a restore by %s comes to its end, and the original was never away', async (mode) => {
    const one = await openTable();
    const id = one.tables.tables.get('orders')!.id;
    const ended = await run(one, { mode, ...inputs[mode] });
    expect(ended.status, ended.cause).toBe('SUCCEEDED');
    expect(one.tables.tables.get('orders')).toMatchObject({ id, status: 'ACTIVE', fencedAt: undefined });
    const { native, warnings } = await recordOf(one, ended.id);
    if (mode === 'items') {
      expect(warnings!.join()).toContain('1 items that were chosen are not in the restored table');
      expect([spoilt(one), aliasesOf(one)]).toEqual(['good', []]);
      expect(native!.copied).toEqual({ written: 1, same: 0, conflicts: 0, missing: 1 });
    } else {
      expect([spoilt(one), aliasesOf(one)]).toEqual(['spoilt', [native!.alias]]);
      expect(native!.differences).toEqual([]);
      expect(one.tables.tables.get(native!.alias)!.values.StreamSpecification).toBeDefined();
    }
    if (mode === 'pointer')
      expect(native!.pointer).toMatchObject({ before: 'orders', after: native!.alias, switched: true });
  });

  // A service attaches consumers of a table's changes only to the name that the settings say.
  it.each(['pointer', 'new'] as const)(
    'a restore by %s moves consumers only to an alias that is to serve',
    async (mode) => {
      const one = await openTable();
      const asked = new Set<string>();
      const apply = one.tables.applySettings.bind(one.tables);
      one.tables.applySettings = (name, wanted) => {
        asked.add(`${name === 'orders' ? 'orders' : 'alias'} ${wanted.name === name ? 'of its own' : wanted.name}`);
        return apply(name, wanted);
      };
      expect((await run(one, { mode })).status).toBe('SUCCEEDED');
      expect([...asked]).toEqual([mode === 'pointer' ? 'alias of its own' : 'alias orders']);
    },
  );

  const cases = modes.flatMap((mode) => every(MODES[mode]).map(([state, fault]) => [mode, state, fault] as const));
  it.each(cases)('a restore by %s whose %s %s leaves the original as it was', async (mode, state, fault) => {
    const one = await openTable();
    const id = one.tables.tables.get('orders')!.id;
    const ended = await run(one, { mode, ...inputs[mode] }, at('restore', state, faults[fault]!, one.before));
    expect(ended.called).toContain(state);
    await one.harness.rule();
    expect(one.tables.tables.get('orders')).toMatchObject({ id, status: 'ACTIVE', fencedAt: undefined });
    if (mode !== 'items') expect(spoilt(one)).toBe('spoilt');
    await expectAsBefore(one);
    await expectFree(one);
    const again = await run(one, { mode, ...inputs[mode] });
    // A pointer that was switched by the broken one is told, not switched twice.
    if (mode !== 'pointer') expect(again.status, again.cause).toBe('SUCCEEDED');
  });
});

it('a rollback names the backup that holds what was written since the swap', async () => {
  const one = await openTable();
  const ended = await run(one, {});
  expect(ended.status, ended.cause).toBe('SUCCEEDED');
  const back = await one.harness.run('rollback', { restoreId: ended.id }, one.before);
  expect(back.status, back.cause).toBe('SUCCEEDED');
  const child = one.harness.ended.find(({ machine, id }) => machine === 'restore' && id !== ended.id)!;
  const { safetyBackupId } = await recordOf(one, child.id);
  expect(safetyBackupId).toBeDefined();
  expect(back.output).toMatchObject({ setAside: safetyBackupId });
  const record = await recordOf(one, ended.id);
  expect(record).toMatchObject({ status: 'ROLLED_BACK', restoredDatabase: safetyBackupId });
});

describe('before the outage', () => {
  it('a swap that nobody approves in time takes the alias away again and touches nothing', async () => {
    const one = await openTable();
    const ended = await run(one, { approve: true }, async (call, work) => {
      const answer = await one.before(call, work);
      if (call.state === 'AskTableApproval') throw new SeenError('States.Timeout');
      return answer;
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'APPROVAL_DENIED' });
    expect(aliasesOf(one)).toEqual([]);
    await expectNothingLost(one, ended);
    await expectAsBefore(one);
    await expectFree(one);
  });

  const asking: Hook = (call, work) => {
    if (call.state !== 'AskTableApproval') return work();
    return work().then(() => {
      throw new SeenError('APPROVAL_DENIED', 'cancelled by a person');
    });
  };
  it.each([...every(['AskTableApproval']), ...every(['RemoveCancelled'])])(
    'a swap that waits for approval, whose %s %s, is as if it had not been begun',
    async (state, fault) => {
      const one = await openTable();
      const hook = at('restore', state, faults[fault]!, one.before);
      const ended = await run(one, { approve: true }, (call, work) =>
        state === 'RemoveCancelled' ? hook(call, () => asking(call, work)) : hook(call, work),
      );
      expect(ended.called).toContain(state);
      await one.harness.rule();
      await expectNothingLost(one, ended);
      await expectAsBefore(one);
      await expectFree(one);
      await expectRunsAgain(one);
    },
  );

  it('a restored table that fails its checks is kept beside the original', async () => {
    const one = await openTable();
    const ended = await run(one, {}, (call, work) => {
      const [alias] = aliasesOf(one);
      if (call.state === 'VerifyTable') one.tables.tables.get(alias!)!.values.KeySchema = [];
      return one.before(call, work);
    });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'CHECK_FAILED' });
    expect([spoilt(one), aliasesOf(one).length]).toEqual(['spoilt', 1]);
    await expectNothingLost(one, ended);
    await expectAsBefore(one);
  });

  it('a safety backup that does not come to its end stops the swap, and writes are let in again', async () => {
    const one = await openTable();
    const ended = await run(one, {}, (call, work) => {
      if (call.machine === 'backup' && call.state === 'MakePoint') throw new SeenError('POINT_FAILED', '{}');
      return one.before(call, work);
    });
    expect(ended.status).toBe('FAILED');
    await expectNothingLost(one, ended);
    await expectAsBefore(one);
    await expectRunsAgain(one);
  });
});

describe('what never ends', () => {
  /** Every call of a state waits for hours. */
  const slow =
    (one: TableCase, state: string): Hook =>
    (call, work) => {
      if (call.state === state) one.world.clock += 3_600_000;
      return one.before(call, work);
    };
  it('a table that never comes up ends the restore, names what was left, and the original serves', async () => {
    const one = await openTable();
    const ended = await run(one, {}, (call, work) => {
      for (const name of aliasesOf(one)) one.tables.tables.get(name)!.looks = 50;
      return slow(one, 'RestoreTable')(call, work);
    });
    const { native } = await recordOf(one, ended.id);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'STEP_TIMED_OUT' });
    expect(ended.cause).toContain(native!.alias);
    await expectNothingLost(one, ended);
    await expectAsBefore(one);
  });

  it('a table that never goes is left as it was', async () => {
    const one = await openTable();
    one.tables.mishap = (verb, work) => (verb === 'remove' ? undefined : work());
    const ended = await run(one, {}, slow(one, 'DeleteTable'));
    expect(ended).toMatchObject({ status: 'FAILED', error: 'STEP_TIMED_OUT' });
    expect((await recordOf(one, ended.id)).native!.serving).toBe('original');
    await expectNothingLost(one, ended);
    await expectAsBefore(one);
    await expectRunsAgain(one);
  });
});

it('no state of a table’s way is left out', () => {
  const tried = [
    ...['ApplyAlias', 'CopyItems', 'SwitchPointer'],
    ...['AskTableApproval', 'AskRecreationApproval', 'RemoveCancelled'],
  ];
  const all = CALLS.filter(({ machine }) => machine === 'restore').map(({ state }) => state);
  expect(all).toEqual(expect.arrayContaining(tried));
});
