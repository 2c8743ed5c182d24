/** What befalls a task on its first attempt, whatever it works on. */
import type { JobKind } from '../../core/job.ts';
import { failTask, work, type World } from '../lambdas/support/world.ts';
import type { RunTask } from './calls.ts';

export type Mishap = (world: World, task: RunTask) => RunTask;
/** 128 + SIGKILL: not tried again. 128 + SIGTERM: tried again. */
const KILLED = 137;
const TERMINATED = 143;

const silent =
  (exit: number, after: boolean): Mishap =>
  (world, task) =>
  async (run) => {
    if (run.attempt > 1) return task(run);
    if (after) await task(run);
    await work(world, run.job.id, 'working', run.attempt);
    return exit;
  };

export const MISHAPS = {
  'nothing befalls the task': (_, task) => task,
  'the task is killed without a word before its work': silent(KILLED, false),
  'the task is killed without a word, its work done': silent(KILLED, true),
  'the task is terminated without a word, its work done': silent(TERMINATED, true),
  'the task says that the connection was lost': (world, task) => async (run) => {
    if (run.attempt > 1) return task(run);
    await failTask(world, run.job.id, 'CONNECTION_LOST', 'the server went away', run.attempt);
    return 1;
  },
} as const satisfies Record<string, Mishap>;

/** Lets it befall the first task of these kinds; whatever runs later is spared. */
export function befalling(kinds: readonly JobKind[], mishap: Mishap, world: World, task: RunTask): RunTask {
  let first: string | undefined;
  return (run) => {
    if (!kinds.includes(run.job.kind)) return task(run);
    first ??= run.job.id;
    return run.job.id === first ? mishap(world, task)(run) : task(run);
  };
}
