/** What one prune will delete, as it lies in the work bucket between its states. */
import { z } from 'zod';
import type { Catalog } from '../../core/catalog.ts';
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import { idOfExecution } from '../../core/ids.ts';
import type { ExecutionFacts } from '../../core/payloads.ts';
import { neededByRestores } from '../../core/retention-points.ts';
import type { Parts } from './parts.ts';

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
  /** What a service does not let anybody delete now, and what a person can do. No fault of the prune. */
  stuck: z.array(z.string()).default([]),
});
export type PruneProgress = z.output<typeof pruneProgressSchema>;
export const NO_PROGRESS: PruneProgress = { next: 0, deleted: 0, recovered: 0, failures: [], stuck: [] };

export const pruneIdOf = (event: ExecutionFacts): string => idOfExecution(event.executionArn, event.startedAt);

/** One prune drops several databases, each under an id of its own. */
export const dropIdOf = (event: ExecutionFacts & { readonly restoreId: string }): string =>
  idOfExecution(`${event.executionArn}#${event.restoreId}`, event.startedAt);

const PAGE = 500;

/** All backups, newest first. */
export async function* allBackups(catalog: Catalog): AsyncGenerator<BackupRecord> {
  let before: string | undefined;
  for (;;) {
    const page = await catalog.listBackups({ limit: PAGE, ...(before === undefined ? {} : { before }) });
    yield* page;
    if (page.length < PAGE) return;
    before = page.at(-1)!.backupId;
  }
}

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

/** Backups that a restore needs. */
export async function backupsInUse({ catalog, now }: Pick<Parts, 'catalog' | 'now'>): Promise<Set<string>> {
  const restores: RestoreRecord[] = [];
  for await (const restore of allRestores(catalog)) restores.push(restore);
  return neededByRestores(restores, now().getTime());
}
