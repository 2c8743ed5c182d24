/** Which backup a restore takes: the one rule of the workflow and of the command line. */
import type { BackupRecord } from './backup.ts';
import type { Catalog } from './catalog.ts';
import { NightjarError } from './errors.ts';
import { isId } from './ids.ts';
import { parseSafetyExecution } from './names.ts';

type Reads = Pick<Catalog, 'getBackup' | 'newestGood'>;

/** The restore that this backup was taken for, right before it replaced what the backup holds. */
export const safetyFor = ({ executionArn }: BackupRecord): string | undefined => parseSafetyExecution(executionArn);
export const isSafetyBackup = (record: BackupRecord): boolean => safetyFor(record) !== undefined;

/**
 * @param at `latest`, a backup's id, or a moment (ISO 8601): the newest good one at or before it
 * @throws NightjarError BACKUP_UNKNOWN, BACKUP_NOT_GOOD, NO_BACKUP.
 */
export async function chooseBackup(catalog: Reads, target: string, at: string): Promise<BackupRecord> {
  if (at !== 'latest' && isId(at)) return goodBackup(catalog, target, at);
  const found = await (at === 'latest'
    ? latest(catalog, target)
    : catalog.newestGood(target, new Date(at).toISOString()));
  if (found) return found;
  throw new NightjarError('NO_BACKUP', {
    operation: 'choose backup',
    detail: at === 'latest' ? `Target ${target}.` : `Target ${target}, at or before ${at}.`,
  });
}

async function goodBackup(catalog: Reads, target: string, id: string): Promise<BackupRecord> {
  const found = await catalog.getBackup(target, id);
  if (!found)
    throw new NightjarError('BACKUP_UNKNOWN', { operation: 'choose backup', detail: `${target} has no backup ${id}.` });
  if (found.status === 'COMPLETED') return found;
  throw new NightjarError('BACKUP_NOT_GOOD', {
    operation: 'choose backup',
    detail: `${id} of ${target} is ${found.status}.`,
  });
}

/**
 * A safety backup holds what a restore was to replace: whoever starts a failed one again would get the damage back. It
 * is taken only where there is no other.
 */
async function latest(catalog: Reads, target: string): Promise<BackupRecord | undefined> {
  const newest = await catalog.newestGood(target);
  let record = newest;
  while (record && isSafetyBackup(record)) {
    const before = Date.parse(record.snapshotAt ?? record.startedAt) - 1;
    record = await catalog.newestGood(target, new Date(before).toISOString());
  }
  return record ?? newest;
}
