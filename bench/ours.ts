/** Nightjar's side: the very task that Fargate would run, its job and environment as the workflow gives them. */
import { ulid } from 'ulid';
import { TASK_ENV } from '../core/environment.ts';
import { writeJob, type DumpOutcome, type Job, type RestoreOutcome } from '../core/job.ts';
import { backupPrefix } from '../core/names.ts';
import type { DumpTarget } from '../core/config.ts';
import { measure, type Cost, type Environment } from './measure.ts';
import type { Ground } from './ground.ts';

export interface OwnBackup {
  readonly id: string;
  readonly prefix: string;
  readonly outcome: DumpOutcome;
}

async function runTask(world: Ground, job: Job, more: Environment): Promise<Cost> {
  const env = { ...world.taskEnv, [TASK_ENV.job]: writeJob(job), [TASK_ENV.attempt]: '1', ...more };
  return measure(world.task, env);
}

async function outcomeOf(world: Ground, id: string): Promise<DumpOutcome | RestoreOutcome> {
  const progress = await world.catalog.getProgress(id);
  const outcome = progress?.outcome;
  if (outcome?.kind !== 'dump' && outcome?.kind !== 'restore')
    throw new Error(`The task ended well, but the catalog says of ${id}: ${JSON.stringify(progress)}`);
  return outcome;
}

/** A backup, manifest and fingerprint included. `more` changes the task's environment. */
export async function ownBackup(
  world: Ground,
  target: DumpTarget,
  more: Environment = {},
): Promise<{ cost: Cost; backup: OwnBackup }> {
  const id = ulid();
  const startedAt = new Date().toISOString();
  const cost = await runTask(world, { kind: 'dump', id, target, idleMinutes: 30, trigger: 'daily', startedAt }, more);
  const outcome = await outcomeOf(world, id);
  if (outcome.kind !== 'dump') throw new Error(`${id} is no dump`);
  return { cost, backup: { id, prefix: backupPrefix(target.name, id), outcome } };
}

/** A restore beside the original, its rows compared with the fingerprint. @throws Error when they differ. */
export async function ownRestore(
  world: Ground,
  target: DumpTarget,
  backup: OwnBackup,
  database: string,
  more: Environment = {},
): Promise<{ cost: Cost; outcome: RestoreOutcome }> {
  const id = ulid();
  const { manifestKey, manifestVersionId: versionId } = backup.outcome;
  const source = { target: target.name, backupId: backup.id, manifestKey, versionId };
  const cost = await runTask(
    world,
    { kind: 'restore', id, target, idleMinutes: 30, source, mode: 'new', database },
    more,
  );
  const outcome = await outcomeOf(world, id);
  if (outcome.kind !== 'restore' || !outcome.comparison.equal || outcome.comparison.rowsFound !== backup.outcome.rows)
    throw new Error(`The restore brought back something else: ${JSON.stringify(outcome)}`);
  return { cost, outcome };
}
