/**
 * Deletes recovery points of backups that retention let go or that failed, in every region, and those that restores made for
 * themselves. A record is marked only when the service knows its points no more; what is left is for the next look, or the next
 * night. One that can not be deleted does not keep the others, and is told at the end of the prune.
 */
import type { BackupRecord, RestoreRecord } from '../core/backup.ts';
import { resourceOf } from '../core/config.ts';
import { isNative } from '../core/engines.ts';
import { toNightjarError } from '../core/errors.ts';
import { pointName, pruneProgressKey } from '../core/names.ts';
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

/** `gone`: not there any more. `going`: asked for, or not deletable yet. `stuck`: the service lets nobody delete it as it is. */
type Fate = 'gone' | 'going' | 'stuck';

export const makeDeletePoints =
  (parts: Needs) =>
  async (event: ExecutionFacts): Promise<Look> => {
    const now = parts.now();
    const restores: RestoreRecord[] = [];
    for await (const restore of allRestores(parts.catalog)) restores.push(restore);
    const needed = neededByRestores(restores, now.getTime());
    const failures: string[] = [];
    const stuck: string[] = [];
    const tell = (error: unknown, why = ''): 'going' => {
      failures.push(`${toNightjarError(error, 'delete recovery point').message}${why}`);
      return 'going';
    };

    const expired: BackupRecord[] = [];
    for await (const record of allBackups(parts.catalog))
      if (isSpare(record, now.getTime()) && !needed.has(record.backupId)) expired.push(record);
    let waiting = expired.length > POINTS_PORTION;
    for (const record of expired.slice(0, POINTS_PORTION))
      if (
        (await ofBackup(parts, record, stuck).catch(async (error) => tell(error, await byHand(parts, record)))) ===
        'going'
      )
        waiting = true;
    for (const restore of restores)
      if ((await ofRestore(parts, restore, stuck).catch((error) => tell(error))) === 'going') waiting = true;

    const waited = (now.getTime() - Date.parse(event.startedAt)) / 1_000;
    // A failure is not tried again at once: somebody has to look at it.
    if (waiting && failures.length === 0 && waited < PATIENCE_SECONDS)
      return { done: false, waitSeconds: pauseAfter(waited) };
    await say(parts, event, { failures, stuck });
    return { done: true, waitSeconds: 0 };
  };

/** The points of a failed backup stay for a while: they may be the newest that there is of a database. */
function isSpare(record: BackupRecord, now: number): boolean {
  if (!holdsPoints(record) && !mayHoldUnnoted(record)) return false;
  if (record.status === 'DELETED') return true;
  const since = Date.parse(record.endedAt ?? record.startedAt);
  return record.status === 'FAILED' && now - since > LEFTOVER_DAYS * DAY;
}

/** A table's backup gets its ARN only when it is made: who died before noting it has left one that its name tells. */
const mayHoldUnnoted = ({ engine, failure, pointsGoneAt }: BackupRecord): boolean =>
  engine === 'dynamodb' && failure !== undefined && pointsGoneAt === undefined;

async function ofBackup(parts: Needs, record: BackupRecord, stuck: string[]): Promise<Fate> {
  if (!isNative(record.engine)) return 'gone';
  const service = serviceOf(parts, record.engine);
  const arns = new Set([...(record.points ?? []), ...(await unnoted(parts, record))]);
  const fates: Fate[] = [];
  for (const arn of arns) fates.push(await remove(service, arn, stuck));
  const left = fates.find((one) => one !== 'gone');
  if (left !== undefined) return fates.includes('going') ? 'going' : left;
  await parts.catalog.markPointsGone(record.target, record.backupId, parts.now().toISOString());
  return 'gone';
}

async function unnoted(parts: Needs, record: BackupRecord): Promise<string[]> {
  if (!mayHoldUnnoted(record)) return [];
  const target = await targetOrNone(parts, record.target);
  if (target?.engine !== 'dynamodb') return [];
  return parts.services.dynamodb.findPoints(resourceOf(target), pointName(record.target, record.backupId));
}

/** The rights on a table's backups end with its target. */
async function byHand(parts: Needs, { engine, target, points = [] }: BackupRecord): Promise<string> {
  if (engine !== 'dynamodb' || (await targetOrNone(parts, target))) return '';
  const commands = points.map((arn) => `aws dynamodb delete-backup --backup-arn ${arn}`);
  return ` ${target} left the config, and Nightjar may delete backups of the tables in it only: ${commands.join(' && ')}`;
}

/** Only by what the restore itself noted; then it is noted that they are gone. */
async function ofRestore(parts: Needs, restore: RestoreRecord, stuck: string[]): Promise<Fate> {
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
  const fates = new Set<Fate>();
  for (const which of spare) {
    const fate = await remove(service, backups[which]!, stuck);
    if (fate === 'gone') delete backups[which];
    fates.add(fate);
  }
  await parts.catalog.updateRestore(restore.restoreId, [restore.status], { native: { ...native, backups } });
  return fates.has('going') ? 'going' : fates.has('stuck') ? 'stuck' : 'gone';
}

async function remove(service: NativeService, arn: string, stuck: string[]): Promise<Fate> {
  const before = await service.pointState(arn);
  if (!before) return 'gone';
  // Being made or being deleted: either ends by itself.
  if (before.status === 'creating') return 'going';
  try {
    await service.deletePoint(arn);
  } catch (error) {
    const { detail = '' } = toNightjarError(error);
    if (before.status !== 'failed' || !FAILED_STAYS.test(detail)) throw error;
    stuck.push(
      `${arn} is '${before.stateWord}', holds no data, and AWS lets nobody delete it like this (${detail}). Delete it in the console, or ask AWS Support to; until then every prune tries again.`,
    );
    return 'stuck';
  }
  return (await service.pointState(arn)) ? 'going' : 'gone';
}

/** Source: AWS, RDS API reference, DeleteDBSnapshot and DeleteDBClusterSnapshot: it must be available to be deleted. */
const FAILED_STAYS = /InvalidDB(Cluster)?SnapshotState/;

async function say(
  { work }: Needs,
  event: ExecutionFacts,
  { failures, stuck }: { readonly failures: readonly string[]; readonly stuck: readonly string[] },
): Promise<void> {
  if (failures.length === 0 && stuck.length === 0) return;
  const key = pruneProgressKey(pruneIdOf(event));
  const progress = pruneProgressSchema.parse((await work.getJson(key)) ?? NO_PROGRESS);
  await work.putJson(key, { ...progress, failures: [...progress.failures, ...failures], stuck });
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
