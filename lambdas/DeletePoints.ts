/**
 * Deletes recovery points of backups that retention let go or that failed, in every region, and those that restores made for
 * themselves. A record is marked only when the service knows its points no more; what is left is for the next look, or the next
 * night. One that can not be deleted does not keep the others, and is told at the end of the prune.
 */
import type { BackupRecord, RestoreRecord } from '../core/backup.ts';
import { isNative } from '../core/engines.ts';
import { toNightjarError } from '../core/errors.ts';
import { pruneProgressKey } from '../core/names.ts';
import type { NativeService } from '../core/native.ts';
import type { ExecutionFacts, Look } from '../core/payloads.ts';
import { LEFTOVER_DAYS } from '../core/retention.ts';
import { holdsPoints, neededByRestores, sparePoints } from '../core/retention-points.ts';
import { pauseAfter } from './native/look.ts';
import { serviceOf } from './native/services.ts';
import { targetOrNone } from './native/targets.ts';
import type { Parts } from './shared/parts.ts';
import { NO_PROGRESS, allBackups, allRestores, pruneIdOf, pruneProgressSchema } from './shared/prune-plan.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'config' | 'services' | 'work' | 'now'>;

/** Backups per look: minutes of a function's time, also when the service answers slowly. */
export const POINTS_PORTION = 100;
/** Deleting takes a service minutes; after this long the rest is for the next night. */
const PATIENCE_SECONDS = 3_600;
const DAY = 86_400_000;

/** `gone`: not there any more. `going`: asked for, or not deletable yet. */
type Fate = 'gone' | 'going';

export const makeDeletePoints =
  (parts: Needs) =>
  async (event: ExecutionFacts): Promise<Look> => {
    const now = parts.now();
    const restores: RestoreRecord[] = [];
    for await (const restore of allRestores(parts.catalog)) restores.push(restore);
    const needed = neededByRestores(restores, now.getTime());
    const failures: string[] = [];
    const tell = (error: unknown, why = ''): 'going' => {
      failures.push(`${toNightjarError(error, 'delete recovery point').message}${why}`);
      return 'going';
    };

    const expired: BackupRecord[] = [];
    for await (const record of allBackups(parts.catalog))
      if (isSpare(record, now.getTime()) && !needed.has(record.backupId)) expired.push(record);
    let waiting = expired.length > POINTS_PORTION;
    for (const record of expired.slice(0, POINTS_PORTION))
      if ((await ofBackup(parts, record).catch(async (error) => tell(error, await byHand(parts, record)))) === 'going')
        waiting = true;
    for (const restore of restores)
      if ((await ofRestore(parts, restore).catch((error) => tell(error))) === 'going') waiting = true;

    const waited = (now.getTime() - Date.parse(event.startedAt)) / 1_000;
    // A failure is not tried again at once: somebody has to look at it.
    if (waiting && failures.length === 0 && waited < PATIENCE_SECONDS)
      return { done: false, waitSeconds: pauseAfter(waited) };
    await say(parts, event, failures);
    return { done: true, waitSeconds: 0 };
  };

/** The points of a failed backup stay for a while: they may be the newest that there is of a database. */
function isSpare(record: BackupRecord, now: number): boolean {
  if (!holdsPoints(record)) return false;
  if (record.status === 'DELETED') return true;
  const since = Date.parse(record.endedAt ?? record.startedAt);
  return record.status === 'FAILED' && now - since > LEFTOVER_DAYS * DAY;
}

async function ofBackup(parts: Needs, record: BackupRecord): Promise<Fate> {
  if (!isNative(record.engine)) return 'gone';
  const service = serviceOf(parts, record.engine);
  const fates: Fate[] = [];
  for (const arn of record.points ?? []) fates.push(await remove(service, arn));
  if (fates.includes('going')) return 'going';
  await parts.catalog.markPointsGone(record.target, record.backupId, parts.now().toISOString());
  return 'gone';
}

/** The rights on a table's backups end with its target. */
async function byHand(parts: Needs, { engine, target, points = [] }: BackupRecord): Promise<string> {
  if (engine !== 'dynamodb' || (await targetOrNone(parts, target))) return '';
  const commands = points.map((arn) => `aws dynamodb delete-backup --backup-arn ${arn}`);
  return ` ${target} left the config, and Nightjar may delete backups of the tables in it only: ${commands.join(' && ')}`;
}

/** Only by what the restore itself noted; then it is noted that they are gone. */
async function ofRestore(parts: Needs, restore: RestoreRecord): Promise<Fate> {
  const { retention } = await parts.config();
  const now = parts.now().getTime();
  const spare = sparePoints(restore, retention, now);
  const { native, mode, replacedDroppedAt } = restore;
  // A table behind a pointer has served: its last point holds writes that nothing else has, and is kept as long as a backup.
  const isLast = native?.settings.engine === 'dynamodb' && mode === 'pointer';
  if (isLast && (replacedDroppedAt === undefined || Date.parse(replacedDroppedAt) + retention.days * DAY >= now))
    return 'gone';
  if (!native || spare.length === 0) return 'gone';
  const service = serviceOf(parts, native.settings.engine);
  const backups = { ...native.backups };
  for (const which of spare) if ((await remove(service, backups[which]!)) === 'gone') delete backups[which];
  await parts.catalog.updateRestore(restore.restoreId, [restore.status], { native: { ...native, backups } });
  return spare.some((which) => which in backups) ? 'going' : 'gone';
}

async function remove(service: NativeService, arn: string): Promise<Fate> {
  const before = await service.pointState(arn);
  if (!before) return 'gone';
  // Being made or being deleted: either ends by itself.
  if (before.status === 'creating') return 'going';
  await service.deletePoint(arn);
  return (await service.pointState(arn)) ? 'going' : 'gone';
}

async function say({ work }: Needs, event: ExecutionFacts, failures: readonly string[]): Promise<void> {
  if (failures.length === 0) return;
  const key = pruneProgressKey(pruneIdOf(event));
  const progress = pruneProgressSchema.parse((await work.getJson(key)) ?? NO_PROGRESS);
  await work.putJson(key, { ...progress, failures: [...progress.failures, ...failures] });
}

export const handler = wire.lambda(() =>
  makeDeletePoints({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    work: wire.work(),
    now: wire.now,
  }),
);
