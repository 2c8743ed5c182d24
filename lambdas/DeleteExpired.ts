/**
 * Deletes what PlanPrune listed, a portion at a time. Of an expired backup the record goes first, then the manifest,
 * then the data: whatever breaks in between, no record ever promises objects that are gone, and what is left over is
 * swept by the next prune. Everything is judged anew right before it goes.
 */
import { NightjarError, toNightjarError } from '../core/errors.ts';
import { timeOfId } from '../core/ids.ts';
import { prunePlanKey, pruneProgressKey } from '../core/names.ts';
import type { DeleteResult, ExecutionFacts } from '../core/payloads.ts';
import { ORPHAN_DAYS } from '../core/retention.ts';
import { holdsPoints } from '../core/retention-points.ts';
import { recoverFrom } from '../stores/rebuild.ts';
import { atOnce } from './shared/at-once.ts';
import type { Parts } from './shared/parts.ts';
import {
  NO_PROGRESS,
  backupsInUse,
  pruneIdOf,
  prunePlanSchema,
  pruneProgressSchema,
  type Deletion,
  type PruneProgress,
} from './shared/prune-plan.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'vault' | 'work' | 'now'>;

/** Deletions per call: minutes of a function's time even when S3 is slow. */
export const PORTION = 250;
const WIDTH = 8;
/** A list of failures that people read. */
const NAMED_FAILURES = 100;

type Done = 'deleted' | 'recovered' | 'kept';

export const makeDeleteExpired =
  (parts: Needs) =>
  async (event: ExecutionFacts): Promise<DeleteResult> => {
    const id = pruneIdOf(event);
    const { deletions } = prunePlanSchema.parse(await parts.work.getJson(prunePlanKey(id)));
    const before = pruneProgressSchema.parse((await parts.work.getJson(pruneProgressKey(id))) ?? NO_PROGRESS);
    const portion = deletions.slice(before.next, before.next + PORTION);
    const inUse = await backupsInUse(parts);
    const results = await atOnce(portion, (one) => attempt(parts, one, inUse), WIDTH);
    const after: PruneProgress = {
      ...before,
      next: before.next + portion.length,
      deleted: before.deleted + results.filter((one) => one === 'deleted').length,
      recovered: before.recovered + results.filter((one) => one === 'recovered').length,
      failures: [...before.failures, ...results.flatMap((one) => (one instanceof NightjarError ? [one.message] : []))],
    };
    await parts.work.putJson(pruneProgressKey(id), {
      ...after,
      failures: after.failures.map((text, index) => (index < NAMED_FAILURES ? text : '')),
    });
    return { deleted: after.deleted, failed: after.failures.length, done: after.next >= deletions.length };
  };

/** One that can't be deleted does not keep the others. */
async function attempt(parts: Needs, one: Deletion, inUse: ReadonlySet<string>): Promise<Done | NightjarError> {
  try {
    if (inUse.has(one.backupId)) return 'kept';
    return one.how === 'orphan' ? await orphan(parts, one) : await known(parts, one);
  } catch (error) {
    return toNightjarError(error, 'delete backup');
  }
}

async function known({ catalog, vault, now }: Needs, one: Deletion): Promise<Done> {
  const closed = one.how === 'expire' && (await catalog.deleteBackup(one.target, one.backupId, now().toISOString()));
  const record = await catalog.getBackup(one.target, one.backupId);
  // Refused: it became the newest good one, or somebody else is at it. COMPLETED and RUNNING keep their objects.
  const mayGo = record?.status === 'DELETED' || (one.how === 'sweep' && record?.status === 'FAILED');
  if (!mayGo) return 'kept';
  // DeletePoints takes those next; the manifest follows in the next night.
  if (holdsPoints(record)) return closed ? 'deleted' : 'kept';
  await deleteObjects(vault, one);
  await catalog.markObjectsGone(one.target, one.backupId, now().toISOString());
  return 'deleted';
}

async function orphan(parts: Needs, one: Deletion): Promise<Done> {
  if (await parts.catalog.getBackup(one.target, one.backupId)) return 'kept';
  if (one.manifestKey !== undefined) {
    await recoverFrom(parts.vault, parts.catalog, one.manifestKey);
    return 'recovered';
  }
  const days = (parts.now().getTime() - timeOfId(one.backupId)) / 86_400_000;
  if (days < ORPHAN_DAYS) return 'kept';
  await deleteObjects(parts.vault, one);
  return 'deleted';
}

async function deleteObjects(vault: Needs['vault'], { target, backupId }: Deletion): Promise<void> {
  const { refused } = await vault.deleteBackup(target, backupId);
  if (refused.length === 0) return;
  const first = refused[0]!;
  throw new NightjarError('VAULT_DENIED', {
    operation: 'delete objects',
    detail: `${target} ${backupId}: S3 kept ${refused.length} versions, such as ${first.key} (${first.why}). The next prune tries again.`,
  });
}

export const handler = wire.lambda(() =>
  makeDeleteExpired({ catalog: wire.catalog(), vault: wire.vault(), work: wire.work(), now: wire.now }),
);
