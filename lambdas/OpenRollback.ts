/** Opens a rollback: only of the newest swap of a database, and only while the old one is kept. */
import type { RestoreRecord } from '../core/backup.ts';
import { targetNamed } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';
import { idOfExecution } from '../core/ids.ts';
import { parseInput, rollbackInputSchema, type OpenEvent, type RollbackInput } from '../core/payloads.ts';
import { isNativeRecord, wasMoved } from '../core/serving.ts';
import { openNativeRollback, type OpenedAnyRollback } from './native/open-rollback.ts';
import { restoresSince, takesBack } from './native/table-back.ts';
import { asDumpTarget } from './shared/dump-target.ts';
import type { Parts } from './shared/parts.ts';
import { lockReplaced, restoreWithReplaced } from './shared/replaced.ts';
import { taskRequestOf } from './shared/task-request.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'config' | 'executions' | 'tasks' | 'services' | 'madeNetwork' | 'now'>;

export const makeOpenRollback =
  (parts: Needs) =>
  async (event: OpenEvent<RollbackInput>): Promise<OpenedAnyRollback> => {
    const { restoreId } = parseInput(rollbackInputSchema, event.input);
    const there = await parts.catalog.getRestore(restoreId);
    if (there?.native) {
      await refuseWhenSwappedAgain(parts, there);
      return openNativeRollback(parts, event, restoreId);
    }
    const config = await parts.config();
    const restore = await restoreWithReplaced(parts.catalog, restoreId);
    await refuseWhenSwappedAgain(parts, restore);
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

/** One that failed late serves all the same, and one that broke off between two names has moved what this one would. */
function cameThrough(restore: RestoreRecord): boolean {
  if (restore.status !== 'FAILED') return restore.status === 'COMPLETED';
  if (!isNativeRecord(restore)) return restore.replacedDatabase !== undefined;
  const { serving } = restore.native;
  return serving === 'restored' || (serving === 'nothing' && wasMoved(restore));
}

/** Going back two swaps at once would bring back what nobody has in mind. */
async function refuseWhenSwappedAgain(parts: Pick<Needs, 'catalog'>, restore: RestoreRecord): Promise<void> {
  const later = await restoresSince(parts, restore);
  // With a table to go back is a swap too: of this one it is what is tried again, of one that is rolled back it cancels that.
  const undone = [restore, ...later.filter(({ status }) => status === 'ROLLED_BACK')];
  const swap = later.find(
    (one) =>
      (one.database === restore.database || one.mode === 'pointer') &&
      (one.mode === 'swap' || one.mode === 'pointer') &&
      cameThrough(one) &&
      !undone.some((other) => takesBack(one, other)),
  );
  if (swap)
    throw new NightjarError('ROLLBACK_IMPOSSIBLE', {
      operation: 'open rollback',
      detail: `${restore.database} was swapped again by ${swap.restoreId}; roll that one back first.`,
    });
}

export const handler = wire.lambda(() =>
  makeOpenRollback({
    catalog: wire.catalog(),
    config: wire.config(),
    executions: wire.executions(),
    tasks: wire.tasks(),
    services: wire.services(),
    madeNetwork: wire.madeNetwork(),
    now: wire.now,
  }),
);
