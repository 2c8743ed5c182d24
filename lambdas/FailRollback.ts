/** A rollback that failed: lets go of the target and says which data serves. The swap's record stays as it was. */
import type { Failure } from '../core/errors.ts';
import { idOfExecution } from '../core/ids.ts';
import { rollbackInputSchema, type FailEvent, type FailedStep, type RollbackInput } from '../core/payloads.ts';
import { goingsBack } from './native/table-back.ts';
import { causeOf, failureOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { closeFailedRollback } from './shared/failed-rollback.ts';
import * as wire from './shared/wiring.ts';

export const makeFailRollback =
  (parts: Pick<Parts, 'catalog' | 'config' | 'tasks' | 'services' | 'pointers' | 'now'>) =>
  async (event: FailEvent<RollbackInput>): Promise<FailedStep> => {
    const seen = await failureOf(parts.catalog, event.failure, event.opened);
    const input = rollbackInputSchema.safeParse(event.input);
    if (!input.success) return { code: seen.code, cause: causeOf(seen) };
    const failure = (await failureOfBack(parts, event, input.data)) ?? seen;
    const id = idOfExecution(event.executionArn, event.startedAt);
    const serving = await closeFailedRollback(parts, id, input.data.restoreId);
    return { code: failure.code, cause: causeOf(failure, serving) };
  };

/** Of the restore that was to bring a table's original: what that one calls restored and original is the other way round here. */
async function failureOfBack(
  parts: Pick<Parts, 'catalog'>,
  { startedAt, opened }: FailEvent<RollbackInput>,
  { restoreId }: RollbackInput,
): Promise<Failure | undefined> {
  const swap = opened && (await parts.catalog.getRestore(restoreId));
  const [back] = swap ? await goingsBack(parts, swap) : [];
  return back && Date.parse(back.startedAt) >= Date.parse(startedAt) ? back.failure : undefined;
}

export const handler = wire.lambda(() =>
  makeFailRollback({
    catalog: wire.catalog(),
    config: wire.config(),
    tasks: wire.tasks(),
    services: wire.services(),
    pointers: wire.pointers(),
    now: wire.now,
  }),
);
