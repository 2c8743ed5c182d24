/**
 * Where the interpreter (aws-local-stepfunctions 2.0.1) is not Amazon States Language, for what our machines use:
 *
 * - it puts a clock of its own into `$$.Execution.StartTime`, whatever the context says: the path is renamed;
 * - it knows no Distributed Map (ItemReader, tolerated failures, children of their own): such a map becomes a Task whose
 *   handler does what the map would;
 * - it needs `Promise.withResolvers`, which Node 20 lacks.
 */
import type { StateMachineDefinition } from 'aws-local-stepfunctions';
import type { Definition, State } from '../../lib/workflows/states.ts';

interface Resolvers<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
}
const promises = Promise as unknown as { withResolvers?: <T>() => Resolvers<T> };
promises.withResolvers ??= <T>(): Resolvers<T> => {
  const made: Partial<Resolvers<T>> = {};
  made.promise = new Promise<T>((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made as Resolvers<T>;
};

export const isDistributedMap = (state: State): boolean =>
  state.Type === 'Map' &&
  (state.ItemProcessor as { ProcessorConfig?: { Mode?: string } } | undefined)?.ProcessorConfig?.Mode === 'DISTRIBUTED';

const MAP = 'arn:aws:lambda:eu-west-1:123456789012:function:distributed-map';

function asTask(state: State): State {
  const { ItemReader, ResultPath, Retry, Catch, Next } = state;
  const { Parameters } = ItemReader as { Parameters: unknown };
  const kept = Object.entries({ ResultPath, Retry, Catch, Next }).filter(([, value]) => value !== undefined);
  return { Type: 'Task', Resource: MAP, Parameters, ...Object.fromEntries(kept) };
}

export function prepare(definition: Pick<Definition, 'StartAt' | 'States'>): StateMachineDefinition {
  const text = JSON.stringify(definition).replaceAll('$$.Execution.StartTime', '$$$$.Execution.StartedAt');
  const own = JSON.parse(text) as Definition;
  const States = Object.fromEntries(
    Object.entries(own.States).map(([name, state]) => [name, isDistributedMap(state) ? asTask(state) : state]),
  );
  return { ...own, States } as unknown as StateMachineDefinition;
}
