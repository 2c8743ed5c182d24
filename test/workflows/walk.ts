import type { Definition, State, States } from '../../lib/workflows/states.ts';

export interface Walked {
  readonly name: string;
  readonly state: State;
  /** The states beside it: of the machine, or of the map that it is in. */
  readonly beside: States;
  /** Undefined at the top. */
  readonly inMap?: string;
}

/** Every state of a definition, those inside its maps too. */
export function walk(definition: Pick<Definition, 'States'>, inMap?: string): Walked[] {
  return Object.entries(definition.States).flatMap(([name, state]) => {
    const inner = state.ItemProcessor as Definition | undefined;
    return [
      { name, state, beside: definition.States, ...(inMap ? { inMap } : {}) },
      ...(inner ? walk(inner, name) : []),
    ];
  });
}

interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly ResultPath?: string;
  readonly Next: string;
}
export const catchersOf = (state: State): readonly Catcher[] => (state.Catch ?? []) as Catcher[];
export const retriersOf = (state: State): readonly { ErrorEquals: readonly string[] }[] =>
  (state.Retry ?? []) as { ErrorEquals: readonly string[] }[];

/** Where a state may go on. */
export function nextOf(state: State): string[] {
  const choices = (state.Choices ?? []) as { Next: string }[];
  return [
    state.Next,
    state.Default,
    ...choices.map((one) => one.Next),
    ...catchersOf(state).map((one) => one.Next),
  ].filter((one): one is string => typeof one === 'string');
}
