/**
 * Runs any of our state machines in this process: the definition as it is deployed, the real handlers over a world in
 * memory, tasks that a test gives. Every Task state passes a hook, through which a test makes it fail.
 */
import { isDeepStrictEqual } from 'node:util';
import { ExecutionAbortedError, ExecutionError, StateMachine, type RunOptions } from 'aws-local-stepfunctions';
import { TASK_ENV } from '../../core/environment.ts';
import { idOfExecution } from '../../core/ids.ts';
import { parseJob } from '../../core/job.ts';
import { machineName, parseMachineArn, type Machine } from '../../core/names.ts';
import { DEFINITIONS } from '../../lib/workflows/index.ts';
import type { FunctionName } from '../../lib/function-list.ts';
import type { Definition, State } from '../../lib/workflows/states.ts';
import type { World } from '../lambdas/support/world.ts';
import { calleeOf, STOPS, type Call, type Callee, type Ended, type Hook, type RunTask } from './calls.ts';
import { functionsOf } from './functions.ts';
import { PARTS } from './parts.ts';
import { prepare } from './prepare.ts';
import { SeenError } from './seen-error.ts';
import { walk } from './walk.ts';

const PARENT_ENDED = 'The execution that waited for this one ended';
let counter = 0;

export class Harness {
  readonly world: World;
  /** All executions that have ended, also those that another one started; oldest first. */
  readonly ended: Ended[] = [];
  /** What a person answers to a state that waits for a token; by default nobody does, and it times out. */
  answer: (token: string) => Promise<unknown> = () => Promise.reject(new SeenError('States.Timeout'));
  readonly #task: RunTask;
  readonly #invoke: (arn: string, event: unknown) => Promise<unknown>;
  readonly #names = new Map<string, { input: object; end: Promise<Ended>; over: boolean }>();
  readonly #told = new Set<Ended>();
  readonly #alone: Promise<Ended>[] = [];

  constructor(world: World, task: RunTask) {
    this.world = world;
    this.#task = task;
    this.#invoke = functionsOf(world);
  }

  /** Runs a machine to its end. */
  run(machine: Machine, input: object, hook: Hook = (_, work) => work(), name = `e${(counter += 1)}`): Promise<Ended> {
    return this.#start(machine, input, hook, name, new AbortController().signal);
  }

  /** What the rule on executions that ended badly does: once for each, at least. Lambda tries what fails twice more. */
  async rule(): Promise<void> {
    for (const one of this.ended) {
      if (this.#told.has(one) || one.status === 'SUCCEEDED') continue;
      this.#told.add(one);
      if (one.machine !== 'backup' && one.machine !== 'restore' && one.machine !== 'rollback') continue;
      await this.#thrice('CloseOrphan', {
        'detail-type': 'Step Functions Execution Status Change',
        detail: {
          executionArn: one.executionArn,
          stateMachineArn: this.#machineArn(one.machine),
          status: one.status,
          startDate: Date.parse(one.startedAt),
          stopDate: this.world.clock,
          input: JSON.stringify(one.input),
          error: one.error ?? null,
          cause: one.cause ?? null,
        },
      });
    }
  }

  async #thrice(name: FunctionName, event: object): Promise<unknown> {
    for (let left = 2; ; left -= 1)
      try {
        return await this.#invoke(PARTS.functionArn(name), event);
      } catch (error) {
        if (left === 0) throw error;
        this.world.clock += 60_000;
      }
  }

  #machineArn = (machine: Machine): string =>
    `arn:aws:states:eu-west-1:123456789012:stateMachine:${machineName(this.world.name, machine)}`;

  #start(machine: Machine, input: object, hook: Hook, name: string, parent: AbortSignal): Promise<Ended> {
    const key = `${machine}:${name}`;
    const there = this.#names.get(key);
    if (there) {
      // The same name and input as one that still runs is the same request; a name that was used up is refused.
      if (!there.over && isDeepStrictEqual(there.input, input)) return there.end;
      throw new SeenError('StepFunctions.ExecutionAlreadyExistsException', `Execution Already Exists: '${key}'`);
    }
    const end = this.#execute(machine, input, hook, name, parent);
    const entry = { input, end, over: false };
    this.#names.set(key, entry);
    return end.finally(() => (entry.over = true));
  }

  async #execute(machine: Machine, input: object, hook: Hook, name: string, parent: AbortSignal): Promise<Ended> {
    this.world.clock += 1_000;
    const startedAt = this.world.now().toISOString();
    const executionArn = `arn:aws:states:eu-west-1:123456789012:execution:${machineName(this.world.name, machine)}:${name}`;
    this.world.seen.set(executionArn, { over: false, startedAt });
    const definition = DEFINITIONS[machine]({ ...PARTS, machineArn: this.#machineArn });
    const called: string[] = [];
    const stop = new AbortController();
    const inFlight = new Set<Promise<unknown>>();
    const options = this.#options({ machine, definition, hook, called, stop, inFlight, startedAt, executionArn });
    let outcome: Pick<Ended, 'status' | 'error' | 'cause' | 'output'>;
    try {
      const output = await this.#interpret(definition, input, options, AbortSignal.any([stop.signal, parent]));
      outcome = { status: 'SUCCEEDED', output };
    } catch (error) {
      if (error instanceof ExecutionAbortedError) outcome = { status: 'ABORTED' };
      else if (error instanceof ExecutionError) {
        const { name: code, message } = error.cause as Error;
        outcome = { status: 'FAILED', error: code, cause: message };
      } else throw error;
    }
    this.world.over.add(executionArn);
    const { error, cause } = outcome;
    const failure = error === undefined ? {} : { failure: { Error: error, Cause: cause ?? '' } };
    this.world.seen.set(executionArn, { over: true, startedAt, endedAt: this.world.now().toISOString(), ...failure });
    // What was in flight when the execution was stopped is stopping; nothing of it may reach into the next test.
    stop.abort(STOPS.executionEnded);
    await Promise.allSettled(inFlight);
    const id = idOfExecution(executionArn, startedAt);
    const ended: Ended = { machine, executionArn, startedAt, id, input, called, ...outcome };
    this.ended.push(ended);
    return ended;
  }

  async #interpret(
    definition: Pick<Definition, 'StartAt' | 'States'>,
    input: unknown,
    options: RunOptions,
    stop: AbortSignal,
  ): Promise<unknown> {
    const machine = new StateMachine(prepare(definition), { validationOptions: { noValidate: true } });
    const execution = machine.run(input as never, options);
    const abort = (): void => execution.abort();
    if (stop.aborted) abort();
    else stop.addEventListener('abort', abort, { once: true });
    try {
      return await execution.result;
    } finally {
      stop.removeEventListener('abort', abort);
    }
  }

  #options(one: Running): RunOptions {
    const handlers: Record<string, (input: unknown) => Promise<unknown>> = {};
    const still: Record<string, number> = {};
    for (const { name, state } of walk(one.definition)) {
      still[name] = 0;
      const callee = calleeOf(state);
      if (callee) handlers[name] = (input) => this.#call(one, name, state, callee, input);
    }
    const waits = walk(one.definition).filter(({ state }) => state.Type === 'Wait');
    return {
      context: {
        Execution: { Id: one.executionArn, StartedAt: one.startedAt },
        Task: { Token: `token of ${one.executionArn}` },
      },
      overrides: {
        taskResourceLocalHandlers: handlers as NonNullable<RunOptions['overrides']>['taskResourceLocalHandlers'],
        waitTimeOverrides: Object.fromEntries(waits.map(({ name }) => [name, 0])),
        retryIntervalOverrides: still,
      },
    };
  }

  async #call(one: Running, state: string, definition: State, callee: Callee, input: unknown): Promise<unknown> {
    one.called.push(state);
    const stopTask = new AbortController();
    const signal = AbortSignal.any([one.stop.signal, stopTask.signal]);
    const call: Call = {
      machine: one.machine,
      state,
      execution: one.executionArn.split(':').at(-1)!,
      callee,
      count: one.called.filter((name) => name === state).length,
      abort: () => one.stop.abort(STOPS.executionEnded),
      stopTask: () => stopTask.abort(STOPS.timedOut),
    };
    const work = (): Promise<unknown> => {
      const done = this.#work(one, definition, callee, input, signal);
      one.inFlight.add(done);
      return done;
    };
    return one.hook(call, work);
  }

  async #work(one: Running, state: State, callee: Callee, input: unknown, signal: AbortSignal): Promise<unknown> {
    switch (callee) {
      case 'function':
        return String(state.Resource).endsWith('.waitForTaskToken')
          ? this.#ask(input as TokenRequest)
          : this.#invoke(String(state.Resource), input);
      case 'task':
        return this.#runTask(input as RunTaskRequest, signal);
      case 'execution':
        return String(state.Resource).endsWith('.sync:2')
          ? this.#runChild(one, input as ChildRequest)
          : this.#startChild(one, input as ChildRequest);
      case 'map':
        return this.#runMap(one, state, input as { Key: string });
    }
  }

  async #ask({ FunctionName, Payload }: TokenRequest): Promise<unknown> {
    await this.#invoke(FunctionName, Payload);
    return this.answer(Payload.token);
  }

  async #runTask(request: RunTaskRequest, signal: AbortSignal): Promise<unknown> {
    const env = request.Overrides.ContainerOverrides[0]!.Environment;
    const valueOf = (name: string): string | undefined => env.find((one) => one.Name === name)?.Value;
    const taskArn = `arn:aws:ecs:eu-west-1:123456789012:task/nightjar/t${(counter += 1)}`;
    const job = parseJob(valueOf(TASK_ENV.job));
    const attempt = Number(valueOf(TASK_ENV.attempt));
    const ephemeralGiB = request.Overrides.EphemeralStorage.SizeInGiB;
    const ExitCode = await this.#task({ job, attempt, taskArn, ephemeralGiB, signal });
    const told = {
      TaskArn: taskArn,
      LastStatus: 'STOPPED',
      StopCode: 'EssentialContainerExited',
      StoppedReason: 'Essential container in task exited',
      Containers: [{ Name: 'nightjar', ExitCode }],
    };
    if (ExitCode !== 0) throw new SeenError('States.TaskFailed', JSON.stringify(told));
    return told;
  }

  async #runChild(one: Running, { StateMachineArn, Name, Input }: ChildRequest): Promise<unknown> {
    const machine = parseMachineArn(this.world.name, StateMachineArn)!;
    const end = await this.#start(machine, Input, one.hook, Name, one.stop.signal);
    const told = { ExecutionArn: end.executionArn, Name, StateMachineArn, Status: end.status };
    if (end.status === 'SUCCEEDED') return { ...told, Input, Output: end.output };
    const words = { Error: end.error, Cause: end.cause ?? PARENT_ENDED };
    throw new SeenError('States.TaskFailed', JSON.stringify({ ...told, ...words, Input: JSON.stringify(Input) }));
  }

  /** Nobody waits for it, and it does not end with whoever started it. */
  #startChild(one: Running, { StateMachineArn, Name, Input }: ChildRequest): Promise<unknown> {
    const machine = parseMachineArn(this.world.name, StateMachineArn)!;
    const end = this.#start(machine, Input, one.hook, Name, new AbortController().signal);
    this.#alone.push(end);
    const ExecutionArn = `arn:aws:states:eu-west-1:123456789012:execution:${machineName(this.world.name, machine)}:${Name}`;
    return Promise.resolve({ ExecutionArn, StartDate: this.world.seen.get(ExecutionArn)!.startedAt });
  }

  /** Waits for executions that were started and not waited for, in the order in which they were started. */
  async settled(): Promise<Ended[]> {
    const ends: Ended[] = [];
    for (let next = this.#alone.shift(); next; next = this.#alone.shift()) ends.push(await next);
    return ends;
  }

  /** Each item is an execution of its own; as many may fail as the map tolerates. */
  async #runMap(one: Running, state: State, { Key }: { Key: string }): Promise<unknown> {
    const items = (await this.world.work.getJson(Key)) as unknown[] | undefined;
    if (!items) throw new SeenError('States.ItemReaderFailed', `Attempting to read ${Key} failed: NoSuchKey`);
    const inner = state.ItemProcessor as Definition;
    const options = this.#options({ ...one, definition: inner });
    const ends = await Promise.allSettled(items.map((item) => this.#interpret(inner, item, options, one.stop.signal)));
    const failed = ends.filter((end) => end.status === 'rejected').length;
    if (failed * 100 > items.length * Number(state.ToleratedFailurePercentage ?? 0))
      throw new SeenError('States.ExceedToleratedFailureThreshold', `${failed} of ${items.length} items failed`);
    return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  }
}

interface Running {
  readonly machine: Machine;
  readonly definition: Pick<Definition, 'StartAt' | 'States'>;
  readonly hook: Hook;
  readonly called: string[];
  readonly stop: AbortController;
  readonly inFlight: Set<Promise<unknown>>;
  readonly startedAt: string;
  readonly executionArn: string;
}
interface RunTaskRequest {
  readonly Overrides: {
    readonly EphemeralStorage: { readonly SizeInGiB: number };
    readonly ContainerOverrides: readonly { readonly Environment: readonly { Name: string; Value: string }[] }[];
  };
}
interface TokenRequest {
  readonly FunctionName: string;
  readonly Payload: { readonly token: string };
}
interface ChildRequest {
  readonly StateMachineArn: string;
  readonly Name: string;
  readonly Input: object;
}
