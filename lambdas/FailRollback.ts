/** A rollback that failed: lets go of the target and says which data serves. The swap's record stays as it was. */
import { idOfExecution } from '../core/ids.ts';
import { rollbackInputSchema, type FailEvent, type FailedStep, type RollbackInput } from '../core/payloads.ts';
import { causeOf, failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { closeFailedRollback } from './shared/failed-rollback.ts';
import * as wire from './shared/wiring.ts';

export const makeFailRollback =
  (parts: Pick<Parts, 'catalog' | 'tasks' | 'services' | 'now'>) =>
  async (event: FailEvent<RollbackInput>): Promise<FailedStep> => {
    const failure = await failureOf(parts.catalog, event.failure, event.opened);
    const input = rollbackInputSchema.safeParse(event.input);
    if (!input.success) return { code: failure.code, cause: causeOf(failure) };
    const id = idOfExecution(event.executionArn, event.startedAt);
    const serving = await closeFailedRollback(parts, id, input.data.restoreId);
    return { code: failure.code, cause: causeOf(failure, serving) };
  };

export const handler = wire.lambda(() =>
  makeFailRollback({ catalog: wire.catalog(), tasks: wire.tasks(), services: wire.services(), now: wire.now }),
);
