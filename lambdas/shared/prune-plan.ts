/** What one prune will delete, as it lies in the work bucket between its states. */
import { z } from 'zod';
import type { Catalog } from '../../core/catalog.ts';
import type { RestoreRecord } from '../../core/backup.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { ExecutionFacts } from '../../core/payloads.ts';

export const deletionSchema = z.object({
  target: z.string(),
  backupId: z.string(),
  /** `expire`: record, then objects. `sweep`: objects only. `orphan`: objects that no record knows. */
  how: z.enum(['expire', 'sweep', 'orphan']),
  /** Of an orphan that has one. */
  manifestKey: z.string().optional(),
});
export type Deletion = z.output<typeof deletionSchema>;

export const prunePlanSchema = z.object({ deletions: z.array(deletionSchema) });

export const pruneProgressSchema = z.object({
  /** Index of the next deletion. */
  next: z.int().nonnegative(),
  deleted: z.int().nonnegative(),
  recovered: z.int().nonnegative(),
  /** What could not be deleted and why, in words. */
  failures: z.array(z.string()),
});
export type PruneProgress = z.output<typeof pruneProgressSchema>;
export const NO_PROGRESS: PruneProgress = { next: 0, deleted: 0, recovered: 0, failures: [] };

export const pruneIdOf = (event: ExecutionFacts): string => idOfExecution(event.executionArn, event.startedAt);

/** One prune drops several databases, each under an id of its own. */
export const dropIdOf = (event: ExecutionFacts & { readonly restoreId: string }): string =>
  idOfExecution(`${event.executionArn}#${event.restoreId}`, event.startedAt);

const PAGE = 500;

/** All restores, newest first. */
export async function* allRestores(catalog: Catalog): AsyncGenerator<RestoreRecord> {
  let before: string | undefined;
  for (;;) {
    const page = await catalog.listRestores({ limit: PAGE, ...(before === undefined ? {} : { before }) });
    yield* page;
    if (page.length < PAGE) return;
    before = page.at(-1)!.restoreId;
  }
}

/** Backups that a running restore reads. */
export async function backupsInUse(catalog: Catalog): Promise<Set<string>> {
  const inUse = new Set<string>();
  for await (const restore of allRestores(catalog)) if (restore.status === 'RUNNING') inUse.add(restore.backupId);
  return inUse;
}
