/** Fails a machine at every state in turn. What must hold afterwards each machine says for itself. */
import { expect, it } from 'vitest';
import type { Machine } from '../../core/names.ts';
import { DEATHS, FAULTS, at, isMadeGood, tardy } from './faults.ts';
import { CALLS, DUMP_CALLS, type Ended, type Hook } from './calls.ts';
import type { Harness } from './harness.ts';
import type { MISHAPS } from './mishaps.ts';

export interface Case {
  readonly harness: Harness;
  readonly input: object;
  /** Of the other states. */
  readonly before?: Hook;
  /** What holds of data and records once the execution and, where it had to, the rule have closed everything. */
  promises(ended: Ended): Promise<void>;
  /** Nobody is kept out. */
  free(): Promise<void>;
  /** Starts it again, or what one would start next, and looks whether that is good. */
  again(ended: Ended): Promise<void>;
}

export interface Sweep {
  readonly machine: Machine;
  /** What befalls the task so that an execution comes to these states; by default nothing does. */
  readonly mishaps: Readonly<Record<string, keyof typeof MISHAPS>>;
  /** States that record a failure: where they fail, the rule has to. */
  readonly recorders: readonly string[];
  /** States of native targets that every execution comes to. */
  readonly also?: readonly string[];
  readonly open: (mishap: keyof typeof MISHAPS, state: string) => Promise<Case>;
}

/** The execution ends as it does without the fault. */
export async function expectAlike(
  machine: Machine,
  open: () => Promise<Pick<Case, 'harness' | 'input' | 'before'>>,
  fault: Hook,
): Promise<void> {
  const endOf = async (hook?: Hook): Promise<unknown> => {
    const { harness, input, before = (_, work) => work() } = await open();
    const { status, error } = await harness.run(machine, input, (call, work) =>
      hook ? hook(call, () => before(call, work)) : before(call, work),
    );
    return { status, error };
  };
  expect(await endOf(fault)).toEqual(await endOf());
}

export function sweep({ machine, mishaps, recorders, also = [], open }: Sweep): void {
  const added = CALLS.filter(({ state }) => also.includes(state));
  const calls = [...DUMP_CALLS, ...added].filter((one) => one.machine === machine);
  const all = { ...FAULTS, ...DEATHS };
  const opened = (state: string): Promise<Case> => open(mishaps[state] ?? 'nothing befalls the task', state);
  const cases = calls.flatMap(({ state }) => Object.keys(all).map((fault) => [state, fault] as const));

  it.each(cases)(`whose %s %s is closed, and holds nobody up`, async (state, fault) => {
    const one = await opened(state);
    const { harness, input, before } = one;
    const ended = await harness.run(machine, input, at(machine, state, all[fault]!, before));
    expect(ended.called, 'the mishap leads to the state').toContain(state);
    for (const closer of ['the workflow', 'the rule']) {
      if (closer === 'the rule') await harness.rule();
      else if (ended.status === 'ABORTED' || recorders.includes(state)) continue;
      await one.promises(ended);
      await one.free();
    }
    await one.again(ended);
    await one.free();
  });

  const once = calls.flatMap(({ state, callee }) =>
    Object.keys(FAULTS).flatMap((fault) => (isMadeGood(fault, callee) ? [[state, fault] as const] : [])),
  );
  it.each(once)('whose %s %s ends as if it had not', async (state, fault) => {
    await expectAlike(machine, () => opened(state), at(machine, state, FAULTS[fault]!));
  });

  const functions = calls.filter((one) => one.callee === 'function').map((one) => one.state);
  it.each(functions)('stopped in %s, which ends only after the rule, leaves nothing open', async (state) => {
    const one = await opened(state);
    const { harness, input, before } = one;
    const { way, finish } = tardy();
    const ended = await harness.run(machine, input, at(machine, state, way, before));
    expect(ended).toMatchObject({ status: 'ABORTED', called: expect.arrayContaining([state]) as string[] });
    await harness.rule();
    await finish();
    await one.promises(ended);
    // A lock that it took so late falls to whoever wants it next.
    await one.again(ended);
    await one.free();
  });
}
