/** What Task states call, how a test sees a call, and how an execution ended. */
import type { Job } from '../../core/job.ts';
import { MACHINES, type Machine } from '../../core/names.ts';
import { DEFINITIONS } from '../../lib/workflows/index.ts';
import type { State, WorkflowParts } from '../../lib/workflows/states.ts';
import { PARTS } from './parts.ts';
import { isDistributedMap } from './prepare.ts';
import { walk } from './walk.ts';

/** What a Task state calls. */
export type Callee = 'function' | 'task' | 'execution' | 'map';
export const calleeOf = (state: State): Callee | undefined => {
  if (isDistributedMap(state)) return 'map';
  if (state.Type !== 'Task') return undefined;
  const resource = String(state.Resource);
  return resource.includes('ecs:runTask') ? 'task' : resource.includes('startExecution') ? 'execution' : 'function';
};

/** One call of a state, retries counted. */
export interface Call {
  readonly machine: Machine;
  readonly state: string;
  /** Name of the execution. */
  readonly execution: string;
  readonly callee: Callee;
  /** The how-manieth of this state in this execution, from 1. */
  readonly count: number;
  /** Ends the execution from outside, with its tasks and children: no Catch sees it. */
  abort(): void;
  /** Tells the call's task to stop, as Step Functions does when the state has timed out. */
  stopTask(): void;
}
/** Stands between a state and what it calls. `work` does that; what is thrown is what the state sees. */
export type Hook = (call: Call, work: () => Promise<unknown>) => Promise<unknown>;

/** Why a task is told to stop. */
export const STOPS = { timedOut: 'the state has timed out', executionEnded: 'the execution has ended' } as const;

export interface TaskRun {
  readonly job: Job;
  readonly attempt: number;
  readonly taskArn: string;
  /** Of its scratch disk. */
  readonly ephemeralGiB: number;
  /** Aborts when the task is told to stop; the reason is one of {@link STOPS}. */
  readonly signal: AbortSignal;
}
/** Does a task's job. Answers with its exit status. */
export type RunTask = (run: TaskRun) => Promise<number>;

export interface Ended {
  readonly machine: Machine;
  readonly executionArn: string;
  readonly startedAt: string;
  /** Of the backup, restore, … that it made. */
  readonly id: string;
  readonly input: object;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  readonly error?: string;
  readonly cause?: string;
  readonly output?: unknown;
  /** Task states that were entered, each once for every call. */
  readonly called: readonly string[];
}

export interface Calling {
  readonly machine: Machine;
  readonly state: string;
  readonly callee: Callee;
}
const callsOf = (parts: WorkflowParts): Calling[] =>
  MACHINES.flatMap((machine) =>
    walk(DEFINITIONS[machine](parts)).flatMap(({ name, state }) => {
      const callee = calleeOf(state);
      return callee ? [{ machine, state: name, callee }] : [];
    }),
  );

/** Every state of every machine that calls something, read from the definitions. */
export const CALLS: readonly Calling[] = callsOf(PARTS);
/** Those that are there also when every target is dumped. */
export const DUMP_CALLS: readonly Calling[] = callsOf({ ...PARTS, natives: { servers: false, tables: false } });
