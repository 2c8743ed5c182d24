/** After a task failed: is it worth another try, when, and what is the code if not? */
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { parseJob } from '../core/job.ts';
import { MAX_ATTEMPTS, type JudgeEvent, type Judgement } from '../core/payloads.ts';
import { taskSizeOf } from '../core/task-size.ts';
import { failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

/** Seconds before the second, third and fourth attempt. */
const WAITS = [60, 300, 900] as const;
/** Fewer attempts than of others: whoever migrates for that long does not stop for the next ones. */
const ATTEMPTS: Partial<Record<ErrorCode, number>> = { SCHEMA_CHANGED: 2 };
/** Capacity comes back later than a connection. */
const CAPACITY_WAITS = [300, 900, 1_800] as const;

export const makeJudgeTask =
  (parts: Pick<Parts, 'catalog'>) =>
  async (event: JudgeEvent): Promise<Judgement> => {
    const { code } = await failureOf(parts.catalog, event.failure, event);
    const { ephemeralGiB } = event.task;
    const wanted = code === 'DISK_FULL' ? await diskFor(parts, event) : ephemeralGiB;
    const worth = ERRORS[code].retryable || wanted > ephemeralGiB;
    const retry = worth && event.attempt < (ATTEMPTS[code] ?? MAX_ATTEMPTS);
    return {
      retry,
      attempt: retry ? event.attempt + 1 : event.attempt,
      waitSeconds: retry ? waitBefore(code, event.attempt) : 0,
      ephemeralGiB: retry ? wanted : ephemeralGiB,
      code,
    };
  };

/** For a dump that found the database larger than the last one did, GiB; as it was where the config says how large a task is. */
async function diskFor({ catalog }: Pick<Parts, 'catalog'>, { id, attempt, task }: JudgeEvent): Promise<number> {
  const job = parseJob(task.job);
  const progress = await catalog.getProgress(id, attempt);
  if (job.kind !== 'dump' || progress?.databaseBytes === undefined) return task.ephemeralGiB;
  return Math.max(task.ephemeralGiB, taskSizeOf(job.target, progress.databaseBytes).ephemeralGiB);
}

function waitBefore(code: ErrorCode, attempt: number): number {
  const waits = code === 'NO_CAPACITY' ? CAPACITY_WAITS : WAITS;
  return waits[Math.min(attempt, waits.length) - 1]!;
}

export const handler = wire.lambda(() => makeJudgeTask({ catalog: wire.catalog() }));
