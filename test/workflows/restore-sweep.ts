/** Fails a restore at every state in turn: the same promises over any server. */
import { expect, it } from 'vitest';
import type { RestoreInput } from '../../core/payloads.ts';
import type { RestoreMode } from '../../core/engines.ts';
import { DEATHS, FAULTS, at, isMadeGood, tardy } from './faults.ts';
import { DUMP_CALLS, type Ended, type Hook } from './calls.ts';
import type { MISHAPS } from './mishaps.ts';
import { expectAlike } from './sweep.ts';
import { expectFree, expectNothingLost, type Restored } from './restore-promises.ts';

export interface Case extends Restored {
  /** Runs before each call of a state. */
  readonly before: Hook;
}
/** How a restore is led to a state: by what befalls its task, and whether its archive lies in Glacier. */
export interface Route {
  readonly mishap: keyof typeof MISHAPS;
  readonly frozen: boolean;
}
export interface Sweep {
  readonly modes: readonly RestoreMode[];
  readonly states: readonly string[];
  readonly routeTo: (state: string) => Route;
  /** Faults that are left out, because a server learns nothing from them that others do not tell it. */
  readonly without?: readonly string[];
  readonly open: (route: Route) => Promise<Case>;
}

const inputOf = (mode: RestoreMode, { target, database }: Restored): Partial<RestoreInput> => ({
  target,
  mode,
  ...(mode === 'overwrite' ? { confirm: database } : {}),
});

/** Only an overwrite takes a safety backup. */
const isOn = (state: string, mode: RestoreMode): boolean => state !== 'SafetyBackup' || mode === 'overwrite';

export function sweepRestores({ modes, states, routeTo, without = [], open }: Sweep): void {
  const all = { ...FAULTS, ...DEATHS };
  const faults = Object.keys(all).filter((fault) => !without.includes(fault));
  const cases = modes.flatMap((mode) =>
    states
      .filter((state) => isOn(state, mode))
      .flatMap((state) => faults.map((fault) => [mode, state, fault] as const)),
  );

  it.each(cases)('a restore by %s whose %s %s loses nothing and can be run again', async (mode, state, fault) => {
    const one = await open(routeTo(state));
    const { harness, before } = one;
    const input = inputOf(mode, one);
    const ended = await harness.run('restore', input, at('restore', state, all[fault]!, before));
    expect(ended.called, 'the route leads to the state').toContain(state);

    // Where FailRestore itself has failed, and where the execution was stopped, only the rule can close the record.
    const unclosed = state === 'FailRestore' || ended.status === 'ABORTED';
    if (!unclosed) await expectPromises(one, ended);
    const record = await harness.world.catalog.getRestore(ended.id);
    await harness.rule();
    await expectPromises(one, ended);
    if (!unclosed) expect(await harness.world.catalog.getRestore(ended.id)).toEqual(record);

    const again = await harness.run('restore', input, before);
    expect(again).toMatchObject({ status: 'SUCCEEDED', output: { status: 'COMPLETED' } });
    const closed = (await harness.world.catalog.getRestore(again.id))!;
    expect(await one.place.holds(closed.restoredDatabase!)).toBe(one.backed);
    await expectFree(one);
  });
}

/** A fault that the state's own Retry makes good. */
export function sweepRetries({ modes, states, routeTo, open }: Sweep): void {
  const cases = modes.flatMap((mode) =>
    DUMP_CALLS.filter(
      (one) => one.machine === 'restore' && states.includes(one.state) && isOn(one.state, mode),
    ).flatMap(({ state, callee }) =>
      Object.keys(FAULTS).flatMap((fault) => (isMadeGood(fault, callee) ? [[mode, state, fault] as const] : [])),
    ),
  );
  it.each(cases)('a restore by %s whose %s %s ends as if it had not', async (mode, state, fault) => {
    const opened = async () => {
      const one = await open(routeTo(state));
      return { ...one, input: inputOf(mode, one) };
    };
    await expectAlike('restore', opened, at('restore', state, FAULTS[fault]!));
  });
}

/** Every state that calls a function: it goes on where its execution was stopped. */
export function sweepTardyRestores({ modes, states, routeTo, open }: Sweep): void {
  const functions = states.filter((state) =>
    DUMP_CALLS.some((one) => one.state === state && one.callee === 'function'),
  );
  const cases = modes.flatMap((mode) => functions.map((state) => [mode, state] as const));

  it.each(cases)(
    'a restore by %s stopped in %s, which ends only after the rule, leaves nothing open',
    async (mode, state) => {
      const one = await open(routeTo(state));
      const { harness, before } = one;
      const { way, finish } = tardy();
      const ended = await harness.run('restore', inputOf(mode, one), at('restore', state, way, before));
      expect(ended).toMatchObject({ status: 'ABORTED', called: expect.arrayContaining([state]) as string[] });
      await harness.rule();
      await finish();
      await expectPromises(one, ended);
    },
  );
}

async function expectPromises(one: Case, ended: Ended): Promise<void> {
  await expectNothingLost(one, ended);
  await expectFree(one);
}

/** Every state of a restore that calls something. */
export const RESTORE_STATES = DUMP_CALLS.filter((one) => one.machine === 'restore').map((one) => one.state);
