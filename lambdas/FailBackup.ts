/** RUNNING → FAILED with a code, whatever failed and however early. What is COMPLETED stays so. */
import { backupInputSchema, parseInput, type BackupInput, type FailEvent, type FailedStep } from '../core/payloads.ts';
import { closeFailedBackup } from './shared/failed-backup.ts';
import { causeOf, failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'config' | 'tasks' | 'events' | 'metrics' | 'now'>;

export const makeFailBackup =
  (parts: Needs) =>
  async (event: FailEvent<BackupInput>): Promise<FailedStep> => {
    const failure = await failureOf(parts.catalog, event.failure, event.opened);
    // Nothing to record of an input that names no target; the execution's own error says what is wrong with it.
    if (failure.code === 'INPUT_INVALID' && !backupInputSchema.safeParse(event.input).success)
      return { code: failure.code, cause: causeOf(failure) };
    const input = parseInput(backupInputSchema, event.input);
    const record = await closeFailedBackup(parts, { input, execution: event, failure, tellAgain: true });
    // Its applications fail until a person restarts it: the morning's mail would be too late.
    if (failure.code === 'SERVER_READ_ONLY') await parts.metrics.put({ serversReadOnly: 1 }, parts.now());
    if (record?.status === 'COMPLETED')
      return {
        code: failure.code,
        cause: causeOf(failure, `The backup ${record.backupId} itself is COMPLETED and good.`),
      };
    return { code: failure.code, cause: causeOf(failure) };
  };

export const handler = wire.lambda(() =>
  makeFailBackup({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    tasks: wire.tasks(),
    events: wire.events(),
    metrics: wire.metrics(),
    now: wire.now,
  }),
);
