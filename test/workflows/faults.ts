/** The ways in which one state fails, as hooks of the harness. */
import type { Machine } from '../../core/names.ts';
import type { Call, Callee, Hook } from './calls.ts';
import { SeenError } from './seen-error.ts';

/** A fault of the called service itself: every state retries it. */
const SERVICE: Readonly<Record<Callee, string>> = {
  function: 'Lambda.ServiceException',
  task: 'ECS.ServerException',
  execution: 'StepFunctions.ThrottlingException',
  map: 'States.ItemReaderFailed',
};
/** What a state sees when the answer did not arrive. */
const LOST: Readonly<Record<Callee, string>> = {
  function: 'Lambda.Unknown',
  task: 'ECS.SdkClientException',
  execution: 'StepFunctions.SdkClientException',
  map: 'States.TaskFailed',
};
/** What nobody retries. */
const BROKEN: Readonly<Record<Callee, () => SeenError>> = {
  function: () => new SeenError('TypeError', JSON.stringify({ errorType: 'TypeError', errorMessage: 'broken' })),
  task: () =>
    new SeenError(
      'States.TaskFailed',
      JSON.stringify({ StopCode: 'EssentialContainerExited', Containers: [{ ExitCode: 137 }] }),
    ),
  execution: () => new SeenError('States.TaskFailed', '{}'),
  map: () => new SeenError('States.Timeout'),
};

type Way = (call: Call, work: () => Promise<unknown>) => Promise<unknown>;
const fail = (error: string): never => {
  throw new SeenError(error, 'made by the test');
};

export const FAULTS: Readonly<Record<string, Way>> = {
  'fails once before its work': (call, work) => (call.count === 1 ? fail(SERVICE[call.callee]) : work()),
  'fails before its work, however often it is tried': (call) => fail(SERVICE[call.callee]),
  'loses its answer once': async (call, work) => {
    const answer = await work();
    return call.count === 1 ? fail(LOST[call.callee]) : answer;
  },
  'loses its answer each time': async (call, work) => {
    await work();
    return fail(LOST[call.callee]);
  },
  'breaks for good before its work': (call) => {
    throw BROKEN[call.callee]();
  },
  'breaks for good after its work': async (call, work) => {
    await work();
    throw BROKEN[call.callee]();
  },
  'runs out of time in the middle': async (call, work) => {
    // A function's work goes on to its end; a task is told to stop.
    const done = work();
    call.stopTask();
    await done.catch(() => undefined);
    return fail('States.Timeout');
  },
};

/** Those that the state's own Retry makes good. What a task or a child had done twice may end otherwise. */
export const isMadeGood = (fault: string, callee: Callee): boolean =>
  fault === 'fails once before its work'
    ? callee !== 'map'
    : fault === 'loses its answer once' && callee === 'function';

/** Ends of the whole execution that no Catch sees. */
export const DEATHS: Readonly<Record<string, Way>> = {
  'is the last thing before the execution is stopped': async (call, work) => {
    const answer = await work();
    call.abort();
    return answer;
  },
  'is at work when the execution is stopped': async (call, work) => {
    const done = work();
    call.abort();
    return done;
  },
};

/** Makes one state of one machine fail; the others work, and what `before` does to them. */
export const at =
  (machine: Machine, state: string, way: Way, before: Hook = (_, work) => work()): Hook =>
  (call, work) =>
    call.machine === machine && call.state === state ? way(call, () => before(call, work)) : before(call, work);

/** An execution that is stopped while a function is under way, whose work comes only after the rule has closed all. */
export function tardy(): { readonly way: Way; readonly finish: () => Promise<void> } {
  let begin = (): void => undefined;
  const released = new Promise<void>((resolve) => (begin = resolve));
  let done: Promise<unknown> = Promise.resolve();
  return {
    way: (call, work) => {
      call.abort();
      done = released.then(work);
      // Whether it fails or not, nobody hears of it.
      return done.catch(() => undefined);
    },
    finish: async () => {
      begin();
      await done.catch(() => undefined);
    },
  };
}
