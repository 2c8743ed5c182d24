/** A set as a person is told of it: who serves which moment, and the exact lines that finish it or take it back. */
import type { RestoreRecord } from './backup.ts';
import type { Failure } from './errors.ts';
import { setCommand, type MemberOfSet, type SetWish } from './restore-set.ts';
import { isNativeRecord, servingSentence, wasMoved, wayBackOf, type NativeRecord } from './serving.ts';

export interface SeenMember {
  readonly target: string;
  /** Undefined until its restore was opened, and for ever when it was refused. */
  readonly record?: RestoreRecord;
  /** Why there is no record, or why nobody will close it. */
  readonly failure?: Failure;
  /** A broken set had brought it to the moment: this one left it as it is. */
  readonly before?: boolean;
}

/** What is the same for all members. */
export interface SetFacts {
  readonly id: string;
  readonly at: string;
  readonly mode: SetWish['mode'];
  readonly targets: readonly string[];
}

export const memberFailed = ({ record, failure, before }: SeenMember): boolean =>
  before !== true && (failure !== undefined || record?.status === 'FAILED' || record?.status === 'ROLLED_BACK');

/** It waits beside its original, verified; or it is through. */
export const memberReady = ({ record, before }: SeenMember, mode: SetWish['mode']): boolean =>
  before === true ||
  record?.status === 'COMPLETED' ||
  (mode !== 'new' && record?.native?.steps.AwaitTurn !== undefined);

/** What the application finds under its name, or its pointer, is the restored moment. */
export const memberSwapped = ({ record }: SeenMember): boolean =>
  record?.mode !== 'new' && record?.status !== 'ROLLED_BACK' && record?.native?.serving === 'restored';

/** One sentence for each member, in the order of the set. */
export function memberLine({ target, record, failure, before }: SeenMember, { at }: Pick<SetFacts, 'at'>): string {
  if (!record)
    return `${target}: nothing was touched.${failure ? ` ${failure.message} ${failure.detail ?? ''}` : ''}`.trim();
  const way = before === true ? ` It was there before, by the restore ${record.restoreId}.` : '';
  const state = record.status === 'RUNNING' ? ` Its restore ${record.restoreId} still runs.` : '';
  if (!isNativeRecord(record)) return `${target}: its restore ${record.restoreId} is ${record.status}.`;
  return memberSwapped({ target, record })
    ? `${target} serves ${at}. ${servingSentence(record)}${way}${state}`
    : `${target}: ${servingSentence(record)}${state}`;
}

/** Lines to type: what finishes the set, and what takes back what it has swapped, the last one first. */
export function setCommands(
  { targets, at, mode }: SetFacts,
  members: readonly SeenMember[],
): { readonly finish: string; readonly takeBack: readonly string[] } {
  const back = members.flatMap(({ record }) =>
    isNativeRecord(record) && memberSwapped({ target: record.target, record }) && wayBackOf(record).why === undefined
      ? [`nightjar rollback ${record.restoreId}`]
      : [],
  );
  return { finish: setCommand(targets, at, mode), takeBack: back.reverse() };
}

/** Some serve the restored moment and others do not. */
export const isMixed = (members: readonly SeenMember[]): boolean =>
  members.some(memberSwapped) && !members.every(memberSwapped);

/**
 * The swap by which a set of the same tables had brought one of them to this very moment. Its caller compares the table that
 * serves with what that swap made. `restores` of the table's target, newest first.
 */
export function broughtThere(
  restores: readonly RestoreRecord[],
  { at, targets }: Pick<SetFacts, 'at' | 'targets'>,
): NativeRecord | undefined {
  const last = restores.filter(isNativeRecord).find((one) => one.mode === 'swap' && wasMoved(one));
  const same = last?.set?.at === at && last.set.targets.length === targets.length;
  return same && isThere(last) && targets.every((one) => last.set?.targets.includes(one)) ? last : undefined;
}

/** Also one that failed, when its table was made again from the restored data with its settings, and takes writes. */
function isThere({ status, native: { serving, steps } }: NativeRecord): boolean {
  if (serving !== 'restored' || status === 'COMPLETED') return serving === 'restored';
  return status === 'FAILED' && steps.BringSettingsBack?.doneAt !== undefined && steps.LiftFence?.doneAt !== undefined;
}

/** The question that a set waits with; undefined when it asks nothing. Each member's record has it. `now` in ms since the epoch. */
export function openSetQuestion({ set, status }: RestoreRecord, now: number): MemberOfSet['approval'] {
  const approval = set?.approval;
  if (!approval || status !== 'RUNNING' || approval.decision || Date.parse(approval.until) <= now) return undefined;
  return set.go === undefined && set.stop === undefined ? approval : undefined;
}
