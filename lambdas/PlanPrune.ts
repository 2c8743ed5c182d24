/** Lists what retention no longer keeps, what failed backups left behind, and what the catalog does not know. */
import { z } from 'zod';
import type { RestoreRecord } from '../core/backup.ts';
import { isNativeTarget } from '../core/config.ts';
import { ORPHAN_CURSOR_KEY, prunePlanKey } from '../core/names.ts';
import { parseInput, pruneInputSchema, type OpenEvent, type PruneInput, type PrunePlan } from '../core/payloads.ts';
import { DEFAULT_POINTS, neededByRestores, pointKeeper, removable } from '../core/retention-points.ts';
import { LEFTOVER_DAYS, droppable, judgeBackup, type RetentionFacts } from '../core/retention.ts';
import { allTargets } from './native/targets.ts';
import { atOnce } from './shared/at-once.ts';
import type { Parts } from './shared/parts.ts';
import { allBackups, allRestores, pruneIdOf, type Deletion } from './shared/prune-plan.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'vault' | 'config' | 'work' | 'now'>;

/** Listings of a thousand keys that one night looks through for orphans; the next night goes on behind them. */
const ORPHAN_PAGES = 300;

export const makePlanPrune =
  (parts: Needs) =>
  async (event: OpenEvent<PruneInput>): Promise<PrunePlan> => {
    parseInput(pruneInputSchema, event.input);
    const config = await parts.config();
    const now = parts.now().getTime();
    const restores: RestoreRecord[] = [];
    for await (const restore of allRestores(parts.catalog)) restores.push(restore);
    const targets = new Map((await allTargets(parts)).map((target) => [target.name, target]));
    const facts: RetentionFacts = {
      now,
      retention: config.retention,
      objectLock: config.vault.objectLock,
      inUse: neededByRestores(restores, now),
      counted: pointKeeper((name) => {
        const target = targets.get(name);
        return target && isNativeTarget(target) ? target.points : DEFAULT_POINTS;
      }),
    };

    const deletions = [...(await expired(parts, facts)), ...(await orphans(parts))];
    await parts.work.putJson(prunePlanKey(pruneIdOf(event)), { deletions });
    return {
      backups: deletions.length,
      drops: [
        ...droppable(restores, config, now).map(({ restore: { restoreId } }) => ({ restoreId, native: false })),
        // A destination that is no target any more can't be looked at.
        ...removable(restores, now, LEFTOVER_DAYS)
          .filter((restore) => targets.has(restore.destination))
          .map(({ restoreId }) => ({ restoreId, native: true })),
      ],
    };
  };

async function expired({ catalog }: Needs, facts: RetentionFacts): Promise<Deletion[]> {
  const deletions: Deletion[] = [];
  const newestGood = new Map<string, { backupId: string; snapshotAt: string }>();
  for await (const record of allBackups(catalog)) {
    const best = newestGood.get(record.target);
    const snapshotAt = record.snapshotAt ?? record.startedAt;
    // Newest first: the first good one of a target is its newest, unless a later one has an older snapshot.
    if (record.status === 'COMPLETED' && (!best || snapshotAt > best.snapshotAt))
      newestGood.set(record.target, { backupId: record.backupId, snapshotAt });
    const verdict = judgeBackup(record, newestGood.get(record.target)?.backupId, facts);
    if (verdict !== 'keep') deletions.push({ target: record.target, backupId: record.backupId, how: verdict });
  }
  return deletions;
}

/** Prefixes of the vault without a record. One with a manifest is a backup that the catalog lost, not rubbish. */
async function orphans({ catalog, vault, work }: Needs): Promise<Deletion[]> {
  const cursor = z.object({ after: z.string() }).safeParse(await work.getJson(ORPHAN_CURSOR_KEY));
  const { found, next } = await vault.listPrefixes({
    pages: ORPHAN_PAGES,
    ...(cursor.success && cursor.data.after !== '' ? { after: cursor.data.after } : {}),
  });
  const known = await atOnce(found, (one) => catalog.getBackup(one.target, one.backupId));
  await work.putJson(ORPHAN_CURSOR_KEY, { after: next ?? '' });
  return found
    .filter((_, index) => known[index] === undefined)
    .map(({ target, backupId, manifestKey }) => ({
      target,
      backupId,
      how: 'orphan' as const,
      ...(manifestKey === undefined ? {} : { manifestKey }),
    }));
}

export const handler = wire.lambda(() =>
  makePlanPrune({
    catalog: wire.catalog(),
    vault: wire.vault(),
    config: wire.config(),
    work: wire.work(),
    now: wire.now,
  }),
);
