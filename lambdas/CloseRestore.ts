/** RUNNING → COMPLETED, with what the comparison found and where the data is now. */
import type { RestoreRecord } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import { EVENTS } from '../core/names.ts';
import type { ExecutionFacts, OpenedRestore, RestoreInput } from '../core/payloads.ts';
import { keptUntil } from './shared/kept-until.ts';
import { ofFailure, outcomeOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { safetyBackupIn, type SafetyResult } from './shared/safety.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'config' | 'events' | 'now'>;

export interface CloseRestoreEvent extends ExecutionFacts {
  readonly input: RestoreInput;
  readonly opened: OpenedRestore;
  readonly safety?: SafetyResult;
}

/** The execution's output. */
export type ClosedRestore = Pick<
  RestoreRecord,
  | 'restoreId'
  | 'target'
  | 'destination'
  | 'backupId'
  | 'mode'
  | 'status'
  | 'restoredDatabase'
  | 'replacedDatabase'
  | 'replacedUntil'
> & { readonly rows: number; readonly tables: number };

export const makeCloseRestore =
  (parts: Needs) =>
  async (event: CloseRestoreEvent): Promise<ClosedRestore> => {
    const { id, target, attempt } = event.opened;
    const outcome = await outcomeOf(parts.catalog, 'restore', id, attempt);
    if (!outcome.comparison.equal)
      throw new NightjarError('FINGERPRINT_DIFFERS', {
        operation: 'close restore',
        detail: outcome.comparison.differences
          .slice(0, 10)
          .map((one) => `${one.schema}.${one.table}: expected ${one.expected}, found ${one.found}`)
          .join('; '),
      });
    const { retention } = await parts.config();
    const now = parts.now();
    const safetyBackupId = safetyBackupIn(event.safety);
    await parts.catalog.updateRestore(id, ['RUNNING'], {
      status: 'COMPLETED',
      endedAt: now.toISOString(),
      comparison: outcome.comparison,
      warnings: outcome.warnings,
      restoredDatabase: outcome.restoredDatabase,
      ...(safetyBackupId === undefined ? {} : { safetyBackupId }),
      ...(outcome.replacedDatabase === undefined
        ? {}
        : {
            replacedDatabase: outcome.replacedDatabase,
            replacedUntil: keptUntil(now, retention),
          }),
    });
    const record = await parts.catalog.getRestore(id);
    if (record?.status !== 'COMPLETED') {
      if (record?.failure) throw ofFailure(record.failure);
      throw new NightjarError('EXECUTION_FAILED', {
        operation: 'close restore',
        detail: `The record of restore ${id} is ${record?.status ?? 'missing'}.`,
      });
    }
    await parts.catalog.unlock(target, 'restore', id);
    const { restoreId, destination, backupId, mode, status, restoredDatabase, replacedDatabase, replacedUntil } =
      record;
    const closed: ClosedRestore = {
      restoreId,
      target: record.target,
      destination,
      backupId,
      mode,
      status,
      ...(restoredDatabase === undefined ? {} : { restoredDatabase }),
      ...(replacedDatabase === undefined ? {} : { replacedDatabase }),
      ...(replacedUntil === undefined ? {} : { replacedUntil }),
      rows: outcome.comparison.rowsFound,
      tables: outcome.comparison.tablesCompared,
    };
    await parts.events.publish(EVENTS.restoreCompleted, [{ name: parts.name, ...closed }]);
    return closed;
  };

export const handler = wire.lambda(() =>
  makeCloseRestore({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    events: wire.events(),
    now: wire.now,
  }),
);
