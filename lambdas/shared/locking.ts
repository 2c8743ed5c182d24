/** Takes a target's lock; a holder whose execution is over is closed and passed by. */
import type { RestoreRecord } from '../../core/backup.ts';
import type { LockKind } from '../../core/catalog.ts';
import { NightjarError, failure, type Failure } from '../../core/errors.ts';
import type { Parts } from './parts.ts';
import { stopTaskOf } from './stop-task.ts';

export interface LockWish {
  readonly target: string;
  readonly kind: LockKind;
  readonly id: string;
  readonly executionArn: string;
  readonly safetyFor?: string | undefined;
}

/** Two dead holders, one of each kind, and a newcomer between two looks: more would be something else. */
const TRIES = 5;

/** @throws NightjarError TARGET_BUSY when somebody alive holds it. */
export async function takeLock(
  parts: Pick<Parts, 'catalog' | 'executions' | 'tasks' | 'now'>,
  wish: LockWish,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const answer = await parts.catalog.lock({
      target: wish.target,
      kind: wish.kind,
      id: wish.id,
      executionArn: wish.executionArn,
      since: parts.now().toISOString(),
      ...(wish.safetyFor === undefined ? {} : { safetyFor: wish.safetyFor }),
    });
    if (answer.taken) return;
    const holder = answer.by;
    if (tries >= TRIES || !(await parts.executions.isOver(holder.executionArn)))
      throw new NightjarError('TARGET_BUSY', {
        operation: 'lock target',
        detail: `${wish.target} is held by the ${holder.kind} ${holder.id} since ${holder.since}.`,
      });
    await closeDead(parts, holder);
  }
}

/** What is written into a record that somebody else closes; nobody was told of it yet. */
const DEAD = failure('EXECUTION_FAILED', { operation: 'close a dead execution' });

/** Whether a record was closed by {@link closeDead}: whoever comes with the execution's end still has to tell. */
export const wasClosedSilently = (closed: Failure | undefined): boolean => closed?.operation === DEAD.operation;

/** Closes what an execution left open when it ended without a word: its task, its record, its lock, in this order. */
export async function closeDead(
  parts: Pick<Parts, 'catalog' | 'tasks' | 'now'>,
  dead: { readonly target: string; readonly kind: LockKind; readonly id: string },
): Promise<boolean> {
  await stopTaskOf(parts, dead.id, `Nightjar: the execution behind ${dead.kind} ${dead.id} is over.`);
  const endedAt = parts.now().toISOString();
  // The id of a rollback or a drop has no record; its lock is all there is to close.
  const closed =
    dead.kind === 'backup'
      ? await parts.catalog.failBackup(dead.target, dead.id, DEAD, endedAt)
      : await parts.catalog.updateRestore(dead.id, ['RUNNING'], {
          status: 'FAILED',
          failure: DEAD,
          endedAt,
          ...(await doneBy(parts, dead.id)),
        });
  await parts.catalog.unlock(dead.target, dead.kind, dead.id);
  return closed;
}

/** What a restore's task had done before its execution died: a swap's old database must not be forgotten. */
async function doneBy(
  { catalog }: Pick<Parts, 'catalog'>,
  id: string,
): Promise<Partial<Pick<RestoreRecord, 'comparison' | 'restoredDatabase' | 'replacedDatabase'>>> {
  const outcome = (await catalog.getProgress(id))?.outcome;
  if (outcome?.kind !== 'restore') return {};
  const { comparison, restoredDatabase, replacedDatabase } = outcome;
  return { comparison, restoredDatabase, ...(replacedDatabase === undefined ? {} : { replacedDatabase }) };
}
