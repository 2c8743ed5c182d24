/** What a restore's record says of the data: which serves, where the other is, what is left over, and whether there is a way back. */
import type { RestoreRecord } from './backup.ts';
import { rolledBackResource } from './names.ts';
import { LEFTOVER_DAYS } from './retention.ts';
import type { NativeRestore } from './native.ts';

export type NativeRecord = RestoreRecord & { readonly native: NativeRestore };
export const isNativeRecord = (record: RestoreRecord | undefined): record is NativeRecord =>
  record?.native !== undefined;

/** Name of the restored one after a rollback. */
export const undoneName = ({ settings }: NativeRestore, restoreId: string): string =>
  rolledBackResource(settings.engine, settings.name, restoreId);

/** Which data serves, where the other is, and what to do next. */
export function servingSentence(record: NativeRecord): string {
  return [whoServes(record), fenceWords(record)].filter(Boolean).join(' ');
}

function whoServes(record: NativeRecord): string {
  const { native, restoreId, mode } = record;
  const { name } = native.settings;
  const left = leftovers(record);
  if (native.pointer)
    return native.pointer.switched
      ? `${native.pointer.where} says ${native.pointer.after}, so the application finds the restored data; \`nightjar rollback ${restoreId}\` makes it say ${native.pointer.before} again.`
      : `${native.pointer.where} says ${native.pointer.before}, so the application finds the original. ${left}`.trim();
  if (native.serving === 'original') return `The original serves under ${name}. ${left}`.trim();
  if (native.serving === 'restored')
    return native.oldName === undefined
      ? `The restored data serves under ${name}.`
      : `The restored data serves under ${name}; the original is kept as ${native.oldName}. \`nightjar rollback ${restoreId}\` gives it its name back.`;
  if (mode === 'new' || !wasMoved(record))
    return `Nothing serves under ${name}, as before this restore. ${left}`.trim();
  if (native.settings.engine === 'dynamodb') return noTableServes(record);
  return `NOTHING SERVES UNDER ${name}. Nothing is lost: the original is ${native.oldName ?? 'gone'}, what was restored is ${native.alias} or ${undoneName(native, restoreId)}. \`nightjar rollback ${restoreId}\` gives the original its name back; or start the restore again.`;
}

const noTableServes = ({ native }: NativeRecord): string =>
  `NOTHING SERVES UNDER ${native.settings.name}. Nothing is lost: its backup is ${native.backups?.original ?? '(none)'}, that of the restored data ${native.backups?.restored ?? '(none)'}. Start the restore again: it goes on from there.`;

/**
 * Whether writes are kept away from the table that serves: it died behind its fence, and only a restore that comes to its end
 * lets them in again. '' where there is no fence, or it is known to be lifted.
 */
function fenceWords({ native, status }: NativeRecord): string {
  const { steps, serving, fencedAt, fencedPolicy, openedAt, recreated, settings } = native;
  if (status !== 'RUNNING' && status !== 'FAILED') return '';
  if (serving === 'nothing' || openedAt !== undefined || steps.OpenTable?.doneAt || steps.LiftFence?.doneAt) return '';
  const fence = recreated ? steps.FenceRecreated : steps.FenceTable;
  // An application that is stopped instead leaves no policy behind.
  const ours = fencedPolicy !== undefined || (!recreated && fencedAt === undefined);
  if (!fence || !ours) return '';
  const until = status === 'RUNNING' ? 'until it comes to its end' : 'until the restore is started again and has ended';
  return (recreated ? fence.doneAt : fencedAt)
    ? `Writes to ${settings.name} are DENIED ${until}.`
    : `Writes to ${settings.name} may be DENIED ${until}.`;
}

/** Whether anything was done to the name: then the original is somewhere else when nothing serves. */
export const wasMoved = ({ native: { original, steps, serving } }: NativeRecord): boolean =>
  original !== undefined &&
  (serving !== 'original' || ['RenameOriginal', 'DeleteTable'].some((step) => steps[step] !== undefined));

/** What became of the restored one where it does not serve. */
export function leftovers({ native, status, restoreId }: NativeRecord): string {
  if (native.steps.RemoveAlias?.doneAt) return 'What was restored was removed again.';
  if (!native.steps.RestoreServer && !native.steps.RestoreTable) return 'Nothing was made.';
  const rest = status === 'FAILED' ? '; the pruner removes it after a week, or do so by hand' : '';
  // A rollback that broke off may have set it aside or not.
  const undone = undoneName(native, restoreId);
  const begun = native.steps.RollBackNames ? `${undone} or ${native.alias}` : native.alias;
  const where = status === 'ROLLED_BACK' && native.steps.RollBackNames ? undone : begun;
  return `What was restored${native.restored ? '' : ', if it was begun,'} is ${where}${rest}.`;
}

/** The newest swap among these restores of one target (newest first), when it broke off after the original had been touched. */
export function unfinishedSwap(restores: readonly RestoreRecord[]): NativeRecord | undefined {
  // One that was to go on from there, and came to nothing, has changed nothing.
  const newest = restores.find(
    ({ native, mode, status }) =>
      native &&
      mode === 'swap' &&
      status !== 'RUNNING' &&
      (native.original !== undefined || native.serving !== 'nothing'),
  );
  return isNativeRecord(newest) && newest.native.serving !== 'restored' && wasMoved(newest) ? newest : undefined;
}

/** How a restore is taken back, or why it can not be, as a clause without a full stop. */
export type WayBack =
  | { readonly way: 'server' | 'pointer' | 'table'; readonly why?: undefined }
  | { readonly why: string; readonly way?: undefined };

export function wayBackOf(record: NativeRecord): WayBack {
  const { native, mode, status, replacedDroppedAt } = record;
  if (status !== 'COMPLETED' && status !== 'FAILED') return { why: `it is ${status}` };
  if (mode === 'pointer') return native.pointer ? { way: 'pointer' } : { why: 'it never came to switch the pointer' };
  if (mode !== 'swap') return { why: `its mode was ${mode}` };
  if (native.settings.engine === 'dynamodb') return wayBackOfTable(record);
  if (!native.original) return { why: 'there was no original when it began' };
  if (!wasMoved(record)) return { why: 'it never came to its swap; the original serves' };
  if (replacedDroppedAt !== undefined) return { why: `the original was removed at ${replacedDroppedAt}` };
  return { way: 'server' };
}

/** To go back deletes the table that serves: never for what is the original still, or again. */
function wayBackOfTable(record: NativeRecord): WayBack {
  if (record.safetyBackupId === undefined) return { why: 'it kept no backup of an original' };
  if (!wasMoved(record)) return { why: 'it never came to its swap; the original serves' };
  const { serving, recreated, recreatedFrom, backups } = record.native;
  // After a rollback that broke off late the original serves too, but the swap itself had brought the restored data.
  const itself = !recreated || recreatedFrom === backups?.original;
  return serving === 'original' && itself ? { why: 'the original serves again' } : { way: 'table' };
}

/**
 * The question that a restore waits with, while it does; undefined when it never asked, was answered or waited in vain.
 * `now` in ms since the epoch.
 */
export function openQuestion({ native, status }: RestoreRecord, now: number): NativeRestore['approval'] {
  const approval = native?.approval;
  if (!approval || status !== 'RUNNING' || approval.decision || Date.parse(approval.until) <= now) return undefined;
  // A no is noted at the end only; until then it shows in the step that begins after it.
  const goesOn = Object.values(native.steps).some(({ startedAt }) => startedAt > approval.askedAt);
  return goesOn ? undefined : approval;
}

const DAY = 86_400_000;
/** Until when the pruner leaves that alone, in ms since the epoch. */
export const leftUntil = ({ replacedUntil, endedAt, startedAt }: RestoreRecord): number =>
  replacedUntil === undefined ? Date.parse(endedAt ?? startedAt) + LEFTOVER_DAYS * DAY : Date.parse(replacedUntil);

/**
 * The resource that a restore left and nobody uses, as far as its record says: the replaced original of a swap, or the alias
 * of a restore that failed, was cancelled or was taken back. There may be none of that name any more.
 */
export function leftResource(record: NativeRecord): string | undefined {
  const { native, mode, status, restoreId, replacedDroppedAt } = record;
  if (replacedDroppedAt !== undefined || status === 'RUNNING') return undefined;
  const { serving, oldName, settings, original, pointer } = native;
  if (serving === 'nothing' && original && !pointer) return undefined;
  if (oldName !== undefined && settings.engine !== 'dynamodb' && serving === 'restored') return oldName;
  const stays = status === 'COMPLETED' && mode !== 'swap' && mode !== 'items';
  if (stays || pointer?.switched || (serving === 'nothing' && status !== 'FAILED')) return undefined;
  // The alias of a server that came through has the name.
  if (native.steps.RemoveAlias?.doneAt || (status === 'COMPLETED' && settings.engine !== 'dynamodb')) return undefined;
  return status === 'ROLLED_BACK' && mode === 'swap' && settings.engine !== 'dynamodb'
    ? undoneName(native, restoreId)
    : native.alias;
}
