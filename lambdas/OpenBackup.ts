/** Opens a backup: its target's lock, its RUNNING record, and the task to run; where the service keeps the point, none. */
import type { BackupRecord } from '../core/backup.ts';
import { isDumpTarget, type DumpTarget } from '../core/config.ts';
import { idOfExecution } from '../core/ids.ts';
import {
  backupInputSchema,
  parseInput,
  type BackupInput,
  type OpenBackupEvent,
  type OpenedBackup,
  type TaskRequest,
} from '../core/payloads.ts';
import { taskSizeOf, usesScratch } from '../core/task-size.ts';
import { findTarget } from './native/targets.ts';
import { runningBackup } from './shared/backup-record.ts';
import { takeLock } from './shared/locking.ts';
import { ofFailure } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { taskRequestOf } from './shared/task-request.ts';
import { NightjarError } from '../core/errors.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'config' | 'executions' | 'tasks' | 'madeNetwork' | 'now'>;

export const makeOpenBackup =
  (parts: Needs) =>
  async (event: OpenBackupEvent): Promise<OpenedBackup> => {
    const input = parseInput(backupInputSchema, event.input);
    const target = await findTarget(parts, input.target);
    const id = idOfExecution(event.executionArn, event.startedAt);
    const record = runningBackup(target, input, event);
    // Before anything is locked or written: a job that does not fit is refused.
    const task = isDumpTarget(target) ? await dumpTask(parts, target, input, record) : undefined;

    await takeLock(parts, {
      target: target.name,
      kind: 'backup',
      id,
      executionArn: event.executionArn,
      safetyFor: input.safetyFor,
    });
    if (!(await parts.catalog.openBackup(record))) {
      const there = await parts.catalog.getBackup(target.name, id);
      if (there?.status !== 'RUNNING') {
        await parts.catalog.unlock(target.name, 'backup', id);
        if (there?.failure) throw ofFailure(there.failure);
        throw new NightjarError('EXECUTION_FAILED', {
          operation: 'open backup',
          detail: `The backup ${id} is ${there?.status ?? 'gone'} already.`,
        });
      }
    }
    const opened = { id, target: target.name, attempt: 1 } as const;
    return task ? { ...opened, method: 'dump', task } : { ...opened, method: 'native' };
  };

async function dumpTask(
  parts: Needs,
  target: DumpTarget,
  { trigger, runId }: BackupInput,
  { backupId, startedAt }: BackupRecord,
): Promise<TaskRequest> {
  const config = await parts.config();
  const { idleMinutes } = config.limits;
  const job = { kind: 'dump', id: backupId, target, idleMinutes, trigger, startedAt } as const;
  const size = taskSizeOf(target, target.size ? undefined : await databaseBytesOf(parts, target));
  return taskRequestOf(config, target, runId === undefined ? job : { ...job, runId }, parts.madeNetwork, size);
}

/** As many attempts that failed are asked how large the database was. */
const LOOK_BACK = 10;

/**
 * As the last good backup found it, or one that failed since, if that found more: a disk that was too small for it would be
 * too small every night.
 */
async function databaseBytesOf({ catalog }: Needs, { name, engine }: DumpTarget): Promise<number | undefined> {
  const good = await catalog.newestGood(name);
  if (!usesScratch(engine)) return good?.databaseBytes;
  for (const { backupId } of await catalog.listBackups({ target: name, limit: LOOK_BACK })) {
    if (good && backupId <= good.backupId) break;
    const seen = (await catalog.getProgress(backupId))?.databaseBytes;
    if (seen !== undefined) return Math.max(seen, good?.databaseBytes ?? 0);
  }
  return good?.databaseBytes;
}

export const handler = wire.lambda(() =>
  makeOpenBackup({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    madeNetwork: wire.madeNetwork(),
    now: wire.now,
  }),
);
