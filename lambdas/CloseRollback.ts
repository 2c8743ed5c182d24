/** COMPLETED → ROLLED_BACK: the old data serves again. */
import { NightjarError } from '../core/errors.ts';
import type { ExecutionFacts, RollbackInput } from '../core/payloads.ts';
import { closeNativeRollback } from './native/close-rollback.ts';
import type { OpenedAnyRollback } from './native/open-rollback.ts';
import { outcomeOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export interface CloseRollbackEvent extends ExecutionFacts {
  readonly input: RollbackInput;
  readonly opened: OpenedAnyRollback;
  /** Way `table`: how the restore of its original ended. */
  readonly restored?: { readonly Output?: { readonly restoreId?: string } };
}

/** The execution's output. */
export interface ClosedRollback {
  readonly restoreId: string;
  readonly serving: string;
  /** Absent when it is not known. */
  readonly setAside?: string;
}

export const makeCloseRollback =
  (parts: Pick<Parts, 'catalog' | 'now'>) =>
  async (event: CloseRollbackEvent): Promise<ClosedRollback> => {
    const { restoreId } = event.input;
    if (event.opened.way !== 'dump') return closeNativeRollback(parts, event.opened, event.restored?.Output?.restoreId);
    const { id, target, attempt } = event.opened;
    const { serving, setAside } = await outcomeOf(parts.catalog, 'rollback', id, attempt);
    const changed = await parts.catalog.updateRestore(restoreId, ['COMPLETED', 'FAILED'], {
      status: 'ROLLED_BACK',
      restoredDatabase: setAside,
      replacedDatabase: undefined,
      replacedUntil: undefined,
      exchange: undefined,
    });
    if (!changed && (await parts.catalog.getRestore(restoreId))?.status !== 'ROLLED_BACK')
      throw new NightjarError('EXECUTION_FAILED', {
        operation: 'close rollback',
        detail: `${serving} serves the old data again, but the record of ${restoreId} could not be changed.`,
      });
    await parts.catalog.unlock(target, 'restore', id);
    return { restoreId, serving, setAside };
  };

export const handler = wire.lambda(() => makeCloseRollback({ catalog: wire.catalog(), now: wire.now }));
