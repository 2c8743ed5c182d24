/** A table's swap with every state failing in turn, and with a crash between any two calls of DynamoDB. */
import { describe, expect, it } from 'vitest';
import { neededByRestores } from '../../core/retention-points.ts';
import { CALLS, type Hook } from './calls.ts';
import { DEATHS, FAULTS, at } from './faults.ts';
import { SeenError } from './seen-error.ts';
import {
  expectAsBefore,
  expectFree,
  expectNoFenceLeft,
  expectNothingLost,
  expectRunsAgain,
  openTable,
  swapOf,
  type TableCase,
} from './table-case.ts';

const broken = (): never => {
  throw new SeenError('TypeError', '{}');
};
/** What leads to the states that a swap which goes well never comes to. */
const ROUTES: Readonly<Record<string, string>> = {
  LiftFence: 'BackUpAlias',
  BringTableBack: 'RecreateTable',
  BringSettingsBack: 'RecreateTable',
  FailRestore: 'RestoreTable',
};
const WAY = [
  'OpenRestore',
  'RestoreTable',
  'VerifyTable',
  'FenceTable',
  'SafetyTable',
  'BackUpAlias',
  'DeleteTable',
  'RecreateTable',
  'FenceRecreated',
  'VerifyRecreated',
  'ApplyTable',
  'OpenTable',
  'RemoveTableAlias',
  'CloseNative',
];
/** Where a state fails on each of its calls, what it alone could mend stays as it is; the record tells. */
const LAST_RESORTS: Readonly<Record<string, string[]>> = {
  BringTableBack: ['nothing serves'],
  BringSettingsBack: ['settings'],
  LiftFence: ['fence'],
};
const led = (state: string, hook: Hook): Hook => {
  const route = ROUTES[state];
  return route === undefined ? hook : (call, work) => (call.state === route ? broken() : hook(call, work));
};

it('the states that are tried are all that a table’s swap has', () => {
  const others = ['ThawObjects', 'CheckThaw', 'SafetyBackup', 'RunRestore', 'JudgeTask', 'CloseRestore'];
  const ofServers = /Server|^Rename|^PutNamesBack$|Check$|^Repoint$/;
  // Other modes and the stop for approval have tests of their own below.
  const elsewhere = [
    'ApplyAlias',
    'AwaitTurn',
    'AwaitTurnToRecreate',
    'CopyItems',
    'SwitchPointer',
    'AskTableApproval',
    'AskRecreationApproval',
    'RemoveCancelled',
  ];
  const all = CALLS.filter(({ machine }) => machine === 'restore').map(({ state }) => state);
  const rest = all.filter((state) => ![...others, ...elsewhere].includes(state) && !ofServers.test(state));
  expect(rest.sort()).toEqual([...WAY, ...Object.keys(ROUTES)].sort());
});

describe('a swap of a table', () => {
  it('that goes well serves the good items with every setting, and keeps the spoilt ones as a backup', async () => {
    const one = await openTable();
    const ended = await one.harness.run('restore', swapOf(one), one.before);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored', differences: 0 } });
    expect([...new Set(ended.called)]).toEqual(WAY);
    await expectNothingLost(one, ended);
    await expectAsBefore(one);
    expect([...one.tables.tables.keys()]).toEqual(['orders']);
    const { safetyBackupId, ...record } = (await one.world.catalog.getRestore(ended.id))!;
    // The pruner leaves the way back for as long as the config says.
    expect(Date.parse(record.replacedUntil!) - Date.parse(record.endedAt!)).toBe(7 * 86_400_000);
    const needed = neededByRestores(await one.world.catalog.listRestores(), one.world.clock);
    expect(needed.has(safetyBackupId!)).toBe(true);
    const back = await one.harness.run('restore', { target: 'orders', at: safetyBackupId, mode: 'swap' }, one.before);
    expect(back.status).toBe('SUCCEEDED');
    expect(one.tables.tables.get('orders')!.items.get('a')).toBe('spoilt');
  });

  const faults = { ...FAULTS, ...DEATHS };
  const cases = [...WAY, ...Object.keys(ROUTES)].flatMap((state) =>
    Object.keys(faults).map((fault) => [state, fault] as const),
  );
  it.each(cases)('whose %s %s loses nothing, and can be run again', async (state, fault) => {
    const one = await openTable();
    const hook = led(state, at('restore', state, faults[fault]!, one.before));
    const ended = await one.harness.run('restore', swapOf(one), hook);
    expect(ended.called, 'the route leads to the state').toContain(state);
    await one.harness.rule();
    await expectNothingLost(one, ended);
    await expectNoFenceLeft(one, ended);
    await expectFree(one);
    const lasting = ended.status === 'ABORTED' || state in LAST_RESORTS;
    if (!lasting && one.tables.tables.has('orders')) await expectAsBefore(one);
    await expectRunsAgain(one);
  });
});

describe('a crash', () => {
  /** Breaks the n-th call that changes something at DynamoDB. False when there was none. */
  function crashAt(one: TableCase, n: number, after: boolean, dies: boolean): () => boolean {
    let calls = 0;
    one.tables.mishap = (verb, work) => {
      if ((calls += 1) !== n) return work();
      if (after) work();
      if (dies) one.at!.abort();
      throw new Error(`${verb} broke`);
    };
    return () => calls >= n;
  }
  const ways = [
    ['before', false, false],
    ['after', true, false],
    ['with the whole execution before', false, true],
    ['with the whole execution after', true, true],
  ] as const;
  it.each(ways)('%s any call of DynamoDB loses nothing, and the swap can be run again', async (_, after, dies) => {
    for (let n = 1; ; n += 1) {
      const one = await openTable();
      const came = crashAt(one, n, after, dies);
      const ended = await one.harness.run('restore', swapOf(one), one.before);
      if (!came()) return expect(n).toBeGreaterThan(10);
      await one.harness.rule();
      await expectNothingLost(one, ended);
      await expectNoFenceLeft(one, ended);
      await expectFree(one);
      if (!dies) await expectAsBefore(one);
      await expectRunsAgain(one);
    }
  });
});
