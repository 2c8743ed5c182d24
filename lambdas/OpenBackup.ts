/** Opens a backup: its target's lock, its RUNNING record, and the task to run. */
import { targetNamed } from '../core/config.ts';
import { idOfExecution } from '../core/ids.ts';
import { backupInputSchema, parseInput, type OpenBackupEvent, type OpenedBackup } from '../core/payloads.ts';
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
    const config = await parts.config();
    const target = targetNamed(config, input.target);
    const id = idOfExecution(event.executionArn, event.startedAt);
    const record = runningBackup(target, input, event);
    const task = taskRequestOf(
      config,
      target,
      {
        kind: 'dump',
        id,
        target,
        idleMinutes: config.limits.idleMinutes,
        trigger: input.trigger,
        ...(input.runId === undefined ? {} : { runId: input.runId }),
        startedAt: record.startedAt,
      },
      parts.madeNetwork,
    );

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
    return { id, target: target.name, attempt: 1, task };
  };

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
