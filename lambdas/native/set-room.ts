/** Whether one more table of a set may be restored beside its original now: DynamoDB runs 50 restores in an account at once. */
import type { RestoreRecord } from '../../core/backup.ts';
import { lowestIdAt, timeOfId } from '../../core/ids.ts';
import { ALIASES_AT_ONCE } from '../../core/restore-set.ts';
import type { Parts } from '../shared/parts.ts';

/** A restore that was opened longer ago waits for something else by now. */
const LOOKED_BACK_MS = 7 * 86_400_000;

/**
 * By the order of their ids, so that all members come to the same answer without asking each other. Restores that nobody told
 * Nightjar of are not counted: the service then refuses with LimitExceededException, and the next look asks again.
 */
export async function hasRoom(
  { catalog }: Pick<Parts, 'catalog'>,
  { restoreId }: Pick<RestoreRecord, 'restoreId'>,
): Promise<boolean> {
  const oldest = lowestIdAt(timeOfId(restoreId) - LOOKED_BACK_MS);
  let [before, ahead] = [restoreId, 0];
  for (;;) {
    const page = await catalog.listRestores({ before });
    ahead += page.filter((one) => one.restoreId > oldest && isBeingMade(one)).length;
    const last = page.at(-1);
    if (ahead >= ALIASES_AT_ONCE) return false;
    if (!last || last.restoreId <= oldest) return true;
    before = last.restoreId;
  }
}

/** One whose table is gone waits for its turn without any alias. */
const isBeingMade = ({ status, native }: RestoreRecord): boolean =>
  status === 'RUNNING' &&
  native?.settings.engine === 'dynamodb' &&
  native.steps.RestoreTable?.doneAt === undefined &&
  native.steps.AwaitTurn === undefined;
