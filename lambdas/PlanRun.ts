/** Opens a run and lists what is due. The run is named by the moment it was scheduled for, so it exists once. */
import { NightjarError } from '../core/errors.ts';
import { runDueKey, runNotesKey, runId as runIdOf, runItemsKey } from '../core/names.ts';
import { idOfExecution } from '../core/ids.ts';
import { nightlyInputSchema, parseInput, type PlannedRun, type PlanRunEvent } from '../core/payloads.ts';
import { dueTargets, runItems } from '../core/plan.ts';
import { newlyGone, surveyTargets } from './native/survey.ts';
import { atOnce } from './shared/at-once.ts';
import type { Parts } from './shared/parts.ts';
import { recordOfRun } from './shared/run-records.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'config' | 'executions' | 'services' | 'work' | 'now'>;

export const makePlanRun =
  (parts: Needs) =>
  async (event: PlanRunEvent): Promise<PlannedRun> => {
    const { trigger, scheduledTime } = parseInput(nightlyInputSchema, event.input);
    const { targets, gone, warnings } = await surveyTargets(parts);
    const due = dueTargets(targets, trigger).map((target) => target.name);
    const runId = runIdOf(trigger, scheduledTime);
    const planned = { runId, due: due.length, bucket: parts.work.bucket, itemsKey: runItemsKey(runId) };

    const standing = await stand(parts, event, runId, due.length);
    if (standing === 'somebody else') return { ...planned, proceed: false };

    // A target is watched from the day it is in the config or carries the tag, also before it is due for the first time.
    await parts.catalog.targetStates(
      targets.map((target) => target.name),
      parts.now().toISOString(),
    );
    const open = standing === 'taken over' ? await stillOpen(parts, runId, due) : due;
    const takeOver = standing === 'taken over' ? idOfExecution(event.executionArn, event.startedAt) : undefined;
    await parts.work.putJson(runNotesKey(runId), [...warnings, ...newlyGone(gone, parts.now())]);
    await parts.work.putJson(runDueKey(runId), due);
    await parts.work.putJson(planned.itemsKey, runItems(runId, trigger, open, takeOver));
    return { ...planned, due: due.length, proceed: true };
  };

/** Whose run it is: a second delivery of the event finds it in other hands, and takes it only from dead ones. */
async function stand(
  parts: Needs,
  event: PlanRunEvent,
  runId: string,
  due: number,
): Promise<'ours' | 'taken over' | 'somebody else'> {
  const { trigger, scheduledTime } = event.input;
  const opened = await parts.catalog.openRun({
    runId,
    trigger,
    scheduledTime: new Date(scheduledTime).toISOString(),
    status: 'RUNNING',
    executionArn: event.executionArn,
    startedAt: new Date(event.startedAt).toISOString(),
    due,
  });
  if (opened) return 'ours';
  const run = await parts.catalog.getRun(runId);
  if (!run)
    throw new NightjarError('UNEXPECTED', { operation: 'open run', detail: `The run ${runId} is there and is not.` });
  if (run.status !== 'RUNNING') return 'somebody else';
  if (run.executionArn === event.executionArn) return tookOver(run, event) ? 'taken over' : 'ours';
  if (!(await parts.executions.isOver(run.executionArn))) return 'somebody else';
  return (await parts.catalog.takeOverRun(runId, run.executionArn, event.executionArn))
    ? 'taken over'
    : 'somebody else';
}

/** A retry of this state after it took over: the record still carries the first one's start. */
const tookOver = (run: { startedAt: string }, event: PlanRunEvent): boolean =>
  Date.parse(run.startedAt) !== Date.parse(event.startedAt);

/** Due targets without a good backup of this run. */
async function stillOpen(parts: Needs, runId: string, due: readonly string[]): Promise<string[]> {
  const done = await atOnce(due, async (target) => {
    const record = await recordOfRun(parts.catalog, target, runId);
    return record?.status === 'COMPLETED';
  });
  return due.filter((_, index) => !done[index]);
}

export const handler = wire.lambda(() =>
  makePlanRun({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    services: wire.services(),
    work: wire.work(),
    now: wire.now,
  }),
);
