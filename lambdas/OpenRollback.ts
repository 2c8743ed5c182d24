/** Opens a rollback: only of the newest swap of a database, and only while the old one is kept. */
import type { RestoreRecord } from '../core/backup.ts';
import type { Catalog } from '../core/catalog.ts';
import { targetNamed } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';
import { idOfExecution } from '../core/ids.ts';
import { parseInput, rollbackInputSchema, type OpenEvent, type RollbackInput } from '../core/payloads.ts';
import { isNativeRecord, wasMoved } from '../core/serving.ts';
import { openNativeRollback, type OpenedAnyRollback } from './native/open-rollback.ts';
import { asDumpTarget } from './shared/dump-target.ts';
import type { Parts } from './shared/parts.ts';
import { lockReplaced, restoreWithReplaced } from './shared/replaced.ts';
import { taskRequestOf } from './shared/task-request.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'config' | 'executions' | 'tasks' | 'madeNetwork' | 'now'>;

export const makeOpenRollback =
  (parts: Needs) =>
  async (event: OpenEvent<RollbackInput>): Promise<OpenedAnyRollback> => {
    const { restoreId } = parseInput(rollbackInputSchema, event.input);
    const there = await parts.catalog.getRestore(restoreId);
    if (there?.native) {
      await refuseWhenSwappedAgain(parts.catalog, there);
      return openNativeRollback(parts, event, restoreId);
    }
    const config = await parts.config();
    const restore = await restoreWithReplaced(parts.catalog, restoreId);
    await refuseWhenSwappedAgain(parts.catalog, restore);
    const target = asDumpTarget(targetNamed(config, restore.destination), 'open rollback');
    const id = idOfExecution(event.executionArn, event.startedAt);
    const task = taskRequestOf(
      config,
      target,
      {
        kind: 'rollback',
        id,
        target,
        idleMinutes: config.limits.idleMinutes,
        restoreId,
        database: restore.database,
        replacedDatabase: restore.replacedDatabase,
      },
      parts.madeNetwork,
    );
    await lockReplaced(parts, restore, { id, executionArn: event.executionArn }, restoreWithReplaced);
    return { way: 'dump', id, target: target.name, attempt: 1, task };
  };

/**
 * One that failed late serves all the same, and one that broke off between two names has moved what this one would. A failed
 * restore of this one's own original is a way back that broke off, which is what is tried again.
 */
function cameThrough(restore: RestoreRecord, { safetyBackupId }: RestoreRecord): boolean {
  if (restore.status !== 'FAILED') return restore.status === 'COMPLETED';
  if (!isNativeRecord(restore)) return restore.replacedDatabase !== undefined;
  if (safetyBackupId !== undefined && restore.backupId === safetyBackupId) return false;
  const { serving } = restore.native;
  return serving === 'restored' || (serving === 'nothing' && wasMoved(restore));
}

/** Going back two swaps at once would bring back what nobody has in mind. */
async function refuseWhenSwappedAgain(catalog: Catalog, restore: RestoreRecord): Promise<void> {
  let before: string | undefined;
  do {
    const page = await catalog.listRestores(before === undefined ? {} : { before });
    const later = page.find(
      (one) =>
        one.restoreId > restore.restoreId &&
        one.destination === restore.destination &&
        (one.database === restore.database || one.mode === 'pointer') &&
        (one.mode === 'swap' || one.mode === 'pointer') &&
        cameThrough(one, restore),
    );
    if (later)
      throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
        operation: 'open rollback',
        detail: `${restore.database} was swapped again by ${later.restoreId}; roll that one back first.`,
      });
    before = page.at(-1)?.restoreId;
  } while (before !== undefined && before > restore.restoreId);
}

export const handler = wire.lambda(() =>
  makeOpenRollback({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    madeNetwork: wire.madeNetwork(),
    now: wire.now,
  }),
);
