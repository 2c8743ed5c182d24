/** A rollback by name, by pointer and of a table: every state fails in turn, and any call of its functions breaks. */
import { describe, expect, it } from 'vitest';
import { CALLS, type Hook } from './calls.ts';
import { DEATHS, FAULTS, at, isMadeGood, tardy } from './faults.ts';
import { CRASHES, crashes } from './native-crashes.ts';
import {
  expectRollback,
  expectRollbackClosed,
  expectRollsBackAgain,
  found,
  type Mode,
  openSwapped,
  recordOf,
} from './rollback-native-case.ts';
import { SeenError } from './seen-error.ts';
import { expectAlike } from './sweep.ts';

const faults = { ...FAULTS, ...DEATHS };
const broken = (): never => {
  throw new SeenError('TypeError', '{}');
};

/** The ways back, and the state of each that does the work. */
const WAYS = [
  // What a pointer says is the same work for a cluster as for an instance.
  ['rds', 'pointer', 'RollBackPointer'] as const,
  ['dynamodb', 'pointer', 'RollBackPointer'] as const,
  ['dynamodb', 'swap', 'RestoreOriginal'] as const,
];
const SERVERS = (['rds', 'aurora'] as const).map((engine) => [engine, 'swap', 'RollBackNames'] as const);
const statesOf = (state: string): string[] => ['OpenRollback', state, 'CloseRollback', 'FailRollback'];

/** FailRollback is reached when what does the work broke before it did any. */
const led =
  (state: string, work: string, hook: Hook): Hook =>
  (call, doIt) =>
    state === 'FailRollback' && call.machine === 'rollback' && call.state === work ? broken() : hook(call, doIt);

it('the states that are tried here and in `restore-server.test.ts` are all that a native rollback has', () => {
  const all = CALLS.filter(({ machine }) => machine === 'rollback').map(({ state }) => state);
  const tried = [...WAYS, ...SERVERS].flatMap(([, , state]) => statesOf(state));
  expect(all.sort()).toEqual([...new Set([...tried, 'RollBackNamesAgain', 'RunRollback'])].sort());
});

describe.each(WAYS)('a rollback in %s by %s', (engine, mode: Mode, work) => {
  const open = () => openSwapped(engine, mode);
  const states = statesOf(work);

  it('that goes well comes to every state, and cannot be done twice', async () => {
    const swap = await open();
    const { one, id } = swap;
    expect(await found(swap)).toBe('restored');
    const ended = await one.harness.run('rollback', { restoreId: id }, one.before);
    expect(ended.cause).toBeUndefined();
    expect(ended.called).toEqual(states.slice(0, 3));
    await expectRollbackClosed(swap, ended);
    await expectRollsBackAgain(swap);
  });

  const cases = states.flatMap((state) => Object.keys(faults).map((fault) => [state, fault] as const));
  it.each(cases)('whose %s %s loses nothing, says what serves, and can be run again', async (state, fault) => {
    const swap = await open();
    const { one, id } = swap;
    const hook = led(state, work, at('rollback', state, faults[fault]!, one.before));
    const ended = await one.harness.run('rollback', { restoreId: id }, hook);
    expect(ended.called, 'the route leads to the state').toContain(state);
    await one.harness.rule();
    await expectRollbackClosed(swap, ended);
    await expectRollsBackAgain(swap);
  });

  const once = states
    .filter((state) => state !== 'RestoreOriginal')
    .flatMap((state) =>
      Object.keys(FAULTS).flatMap((fault) => (isMadeGood(fault, 'function') ? [[state, fault]] : [])),
    );
  it.each(once)('whose %s %s ends as if it had not', async (state, fault) => {
    const opened = async () => {
      const { one, id } = await open();
      return { harness: one.harness, input: { restoreId: id }, before: led(state, work, one.before) };
    };
    await expectAlike('rollback', opened, at('rollback', state, FAULTS[fault]!));
  });

  it.each(states.filter((state) => state !== 'RestoreOriginal'))(
    'stopped in %s, which ends only after the rule, can be run again',
    async (state) => {
      const swap = await open();
      const { one, id } = swap;
      const { way, finish } = tardy();
      const hook = led(state, work, at('rollback', state, way, one.before));
      const ended = await one.harness.run('rollback', { restoreId: id }, hook);
      expect(ended).toMatchObject({ status: 'ABORTED', called: expect.arrayContaining([state]) as string[] });
      await one.harness.rule();
      await finish();
      await expectRollsBackAgain(swap);
    },
  );
});

describe.each(SERVERS)('a crash of a rollback in %s by %s', (engine, mode: Mode) => {
  it.each(CRASHES)('where any call %s, and was %s, loses nothing, and it can be run again', async (...way) => {
    const { calls, wrong } = await crashes(way, async () => {
      const swap = await openSwapped(engine, mode);
      return { one: swap.one, run: () => expectRollback(swap) };
    });
    expect(calls).toBeGreaterThan(8);
    expect(wrong).toEqual([]);
  });
});

describe('a rollback of a table is a restore', () => {
  const states = [
    ...['OpenRestore', 'RestoreTable', 'VerifyTable', 'FenceTable', 'SafetyTable', 'BackUpAlias', 'DeleteTable'],
    ...[
      'RecreateTable',
      'FenceRecreated',
      'VerifyRecreated',
      'ApplyTable',
      'OpenTable',
      'RemoveTableAlias',
      'CloseNative',
    ],
  ];
  const cases = states.flatMap((state) => Object.keys(faults).map((fault) => [state, fault] as const));
  it.each(cases)('whose %s %s loses nothing, and the rollback can be run again', async (state, fault) => {
    const swap = await openSwapped('dynamodb');
    const { one, id } = swap;
    const ended = await one.harness.run(
      'rollback',
      { restoreId: id },
      at('restore', state, faults[fault]!, one.before),
    );
    const child = one.harness.ended.find((each) => each.machine === 'restore' && each.id !== id)!;
    expect(child.called).toContain(state);
    await one.harness.rule();
    await expectRollbackClosed(swap, ended);
    expect((await recordOf(one, id)).status).toBe(ended.status === 'SUCCEEDED' ? 'ROLLED_BACK' : 'COMPLETED');
    await expectRollsBackAgain(swap);
  });
});
