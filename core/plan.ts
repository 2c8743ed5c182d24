/** What a run owes: which targets are due, and the map's items for them. */
import type { Target } from './config.ts';
import { runExecutionName, takenOverExecutionName } from './names.ts';
import type { NightlyInput, RunItem } from './payloads.ts';

/** Targets that this trigger backs up: daily runs take the daily ones, weekly runs the weekly ones. */
export const dueTargets = (targets: readonly Target[], trigger: NightlyInput['trigger']): Target[] =>
  targets.filter((target) => target.frequency === trigger);

/**
 * One child's input per target. `takeOver` is the id of an execution that goes on where a dead one stopped; names that
 * were used up then get its mark.
 */
export function runItems(
  run: string,
  trigger: NightlyInput['trigger'],
  targets: readonly string[],
  takeOver?: string,
): RunItem[] {
  return targets.map((target) => ({
    executionName:
      takeOver === undefined ? runExecutionName(run, target) : takenOverExecutionName(run, target, takeOver),
    input: { target, trigger, runId: run },
  }));
}
