/** What the pruner may take. It errs towards keeping: a doubt, an unknown moment or a restore in progress keeps. */
import type { BackupRecord, RestoreRecord } from './backup.ts';
import { isDumpTarget, type Config } from './config.ts';
import { aliasDatabase, besideNames, workingNames } from './names.ts';
import { holdsPoints, isCounted } from './retention-points.ts';

const DAY = 86_400_000;

/** Objects of a failed backup stay this long for whoever wants to look at them; under Object Lock, as long as that. */
export const LEFTOVER_DAYS = 7;
/** Objects without a record are left alone for this long: a task may still be writing them. */
export const ORPHAN_DAYS = 35;

/** `expire`: record and objects. `sweep`: only the objects, of a record that is FAILED or DELETED. */
export type Verdict = 'keep' | 'expire' | 'sweep';

export interface RetentionFacts {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly retention: Config['retention'];
  readonly objectLock: Config['vault']['objectLock'];
  /** Backups that a restore needs. */
  readonly inUse: ReadonlySet<string>;
  /** Of scheduled native backups: whether the number of points that its target keeps reaches to it. */
  readonly counted?: (record: BackupRecord) => boolean;
}

/** Judges one backup. `newestGood`: of its target, as far as it is known; it is kept whatever its age. */
export function judgeBackup(record: BackupRecord, newestGood: string | undefined, facts: RetentionFacts): Verdict {
  // Asked of each of them, also of those that stay for another reason: they count.
  const counted = isCounted(record) ? (facts.counted?.(record) ?? true) : undefined;
  if (record.status === 'RUNNING' || record.endedAt === undefined) return 'keep';
  if (facts.inUse.has(record.backupId)) return 'keep';
  const days = (facts.now - Date.parse(record.endedAt)) / DAY;
  // Points first: their manifest is what tells of them. Points may expire before the lock on the manifest does.
  if (record.status === 'DELETED')
    return record.objectsGoneAt !== undefined || holdsPoints(record) || days <= (facts.objectLock?.days ?? 0)
      ? 'keep'
      : 'sweep';
  if (record.status === 'COMPLETED') {
    if (newestGood === undefined || record.backupId === newestGood) return 'keep';
    if (counted !== undefined) return counted ? 'keep' : 'expire';
    return days > facts.retention.days ? 'expire' : 'keep';
  }
  if (days > facts.retention.days) return 'expire';
  const leftovers = Math.max(LEFTOVER_DAYS, facts.objectLock?.days ?? 0);
  return record.objectsGoneAt === undefined && days > leftovers && !holdsPoints(record) ? 'sweep' : 'keep';
}

/**
 * The database that a restore left on its destination's server and that nobody serves: what a swap replaced, also one
 * that was done and only could not be recorded; else the working database of a restore that failed, by the name that it
 * had, for a killed task leaves no word; of a restore of all databases `*` stands for the name of any of them. There may be none
 * of that name any more. An overwrite works under such a name where databases are files, as `targets` say. Undefined: there is
 * nothing to drop; what a native restore left is no database on a server, and `removable` (`retention-points.ts`) tells of it.
 */
export function leftDatabase(restore: RestoreRecord, targets: Config['targets']): string | undefined {
  const { restoreId, mode, status, database, allDatabases, replacedDatabase, replacedDroppedAt, native } = restore;
  if (native !== undefined) return undefined;
  if (replacedDroppedAt !== undefined || (status !== 'COMPLETED' && status !== 'FAILED')) return undefined;
  if (mode === 'swap' && replacedDatabase !== undefined) return replacedDatabase;
  return status === 'FAILED' && (mode !== 'overwrite' || isOfFiles(restore, targets))
    ? aliasDatabase(allDatabases ? '*' : database, restoreId)
    : undefined;
}

const isOfFiles = ({ destination }: RestoreRecord, targets: Config['targets']): boolean =>
  targets.some((target) => target.name === destination && 'storage' in target);

/** Until when it is kept, in ms since the epoch; undefined: nobody knows, so it is kept. */
export function keptUntil(restore: RestoreRecord, { replacedDays }: Config['retention']): number | undefined {
  if (restore.replacedUntil !== undefined) return Date.parse(restore.replacedUntil);
  // Only a restore that failed has none.
  if (restore.status !== 'FAILED' || restore.endedAt === undefined) return undefined;
  return Date.parse(restore.endedAt) + replacedDays * DAY;
}

export interface Droppable {
  readonly restore: RestoreRecord;
  readonly database: string;
}

/** What is kept no longer. `now` in ms since the epoch. */
export function droppable(
  restores: readonly RestoreRecord[],
  { targets, retention }: Pick<Config, 'targets' | 'retention'>,
  now: number,
): Droppable[] {
  // The server of a destination that left the config can't be reached any more.
  const reachable = new Set(targets.filter(isDumpTarget).map((target) => target.name));
  const serving = servingNames(restores, targets);
  return restores.flatMap((restore) => {
    const database = leftDatabase(restore, targets);
    const until = keptUntil(restore, retention);
    if (database === undefined || until === undefined || until >= now) return [];
    // Where databases are files all names of a restore go with one of them.
    const names = [database, ...besideNames(restore.database, restore.restoreId)];
    const used = restore.allDatabases
      ? workingNames([...serving], restore.restoreId).length > 0
      : names.some((name) => serving.has(name));
    return reachable.has(restore.destination) && !used ? [{ restore, database }] : [];
  });
}

/** Names under which somebody uses a database, on whatever server: none of them is rubbish. */
export function servingNames(restores: readonly RestoreRecord[], targets: Config['targets']): Set<string> {
  const restored = restores.filter((one) => one.status === 'COMPLETED').map((one) => one.database);
  return new Set([...targets.filter(isDumpTarget).map((target) => target.database), ...restored]);
}
