/** Functions that break, die or are stopped at any call by which they change something. */
import type { World } from '../lambdas/support/world.ts';
import type { Call, Hook } from './calls.ts';
import { SeenError } from './seen-error.ts';

/** Stands before every such call. */
type Mishap = (operation: string, work: () => Promise<unknown>) => Promise<unknown>;

export interface Watched {
  readonly before: Hook;
  mishap: Mishap | undefined;
  /** The function that is at work dies: none of its later calls comes through, and the state gets no answer. */
  readonly die: () => never;
  /** The same, and its execution is stopped with it. */
  readonly stop: () => never;
  /** The state that is at work. */
  readonly at: () => Call;
}

const READS = /^(get|list|find|read|head|newestGood|pointState|refusals|discover|fenced|count|isOver)/;
/** Whatever a function can change something by, besides the services. */
const PARTS = ['catalog', 'vault', 'work', 'events', 'pointers', 'mailer', 'tasks'] as const;

/** Stands between the functions and all that they change. */
export function watch(world: World, engine: 'rds' | 'aurora' | 'dynamodb', before: Hook): Watched {
  let at: Call | undefined;
  let [dead, stopped] = [false, false];
  const gone = (): never => {
    throw new Error('The function is dead.');
  };
  const lost = (): never => {
    dead = false;
    throw new SeenError('Lambda.Unknown', 'The function is dead.');
  };
  const watched = <T extends object>(part: T, label: string): T =>
    new Proxy(part, {
      get(whole, key) {
        const value: unknown = Reflect.get(whole, key);
        if (typeof value !== 'function') return value;
        const call = (args: unknown[]): unknown => (value as (...all: unknown[]) => unknown).apply(whole, args);
        if (READS.test(String(key))) return (...args: unknown[]) => (dead ? gone() : call(args));
        return (...args: unknown[]) => {
          if (dead) gone();
          const work = (): Promise<unknown> => Promise.resolve(call(args));
          return one.mishap ? one.mishap(`${label}.${String(key)}`, work) : work();
        };
      },
    });
  const one: Watched = {
    mishap: undefined,
    at: () => at!,
    die: () => {
      dead = true;
      return gone();
    },
    stop: () => {
      at!.abort();
      stopped = true;
      return one.die();
    },
    before: async (call, work) => {
      // The interpreter looks for an abort only when it comes to the next state; a Retry comes first.
      if (stopped && call.count > 1 && call.state === at?.state) throw new SeenError('Stopped');
      [at, dead, stopped] = [call, false, false];
      const answer = await before(call, work).catch((error: unknown) => {
        if (dead) return lost();
        throw error;
      });
      return dead ? lost() : answer;
    },
  };
  const parts = Object.fromEntries(PARTS.map((name) => [name, watched<object>(world[name], name)]));
  const service = watched<object>(world.services[engine], engine);
  Object.assign(world, { ...parts, services: { ...world.services, [engine]: service } });
  return one;
}

const BREAKS: Readonly<Record<string, (one: Watched) => never>> = {
  'is refused or gets no answer': () => {
    throw new Error('broke');
  },
  'is the last that its function comes to': (one) => one.die(),
  'is the last before execution and function are stopped': (one) => one.stop(),
};
/** How a call goes wrong, and whether it did what it was asked to. */
export type Crash = readonly [how: string, whether: 'undone' | 'done'];
export const CRASHES: readonly Crash[] = Object.keys(BREAKS).flatMap((how) =>
  (['undone', 'done'] as const).map((whether): Crash => [how, whether]),
);

/** Lets the n-th call go wrong. Answers with which that was, once it came. */
function crashAt(one: Watched, n: number, [how, whether]: Crash, of: (call: Call) => boolean) {
  let calls = 0;
  let came: string | undefined;
  one.mishap = async (operation, work) => {
    if (!of(one.at()) || (calls += 1) !== n) return work();
    came = `${one.at().state}: ${operation}`;
    if (whether === 'done') await work();
    return BREAKS[how]!(one);
  };
  return (): string | undefined => came;
}

/** What is tried, and on what: it is opened anew for every call. */
export interface Trial {
  readonly one: Watched;
  readonly run: () => Promise<void>;
  /** Whose calls are tried; all of them by default. */
  readonly of?: (call: Call) => boolean;
}
/** Goes through every changing call in turn. Answers with what did not hold, and after which call. */
export async function crashes(way: Crash, open: () => Promise<Trial>): Promise<{ calls: number; wrong: string[] }> {
  const wrong: string[] = [];
  for (let n = 1; ; n += 1) {
    const { one, run, of = () => true } = await open();
    const came = crashAt(one, n, way, of);
    try {
      await run();
    } catch (error) {
      wrong.push(`${came() ?? 'nothing broke'}: ${(error as Error).message}`);
    }
    if (came() === undefined) return { calls: n - 1, wrong };
  }
}
