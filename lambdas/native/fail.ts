/** How a native restore that failed is closed: with what really serves, and in words that say what to do. */
import { parseDenied } from '../../core/approval.ts';
import type { RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { failure, toNightjarError, type Failure } from '../../core/errors.ts';
import type { CaughtFailure } from '../../core/payloads.ts';
import { restoreMail } from '../../core/restore-mail.ts';
import { isNativeRecord, servingSentence, wasMoved, type NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import type { ClosedFailedRestore } from '../shared/failed-restore.ts';
import { mailAll } from './mail.ts';
import { keptUntil } from '../shared/kept-until.ts';
import { trueToLife, type LifeParts } from './serving.ts';

/** Nobody answered in time: Step Functions only says that a state has timed out. */
export async function deniedWhenUnanswered(
  catalog: Catalog,
  restoreId: string | undefined,
  caught: CaughtFailure,
  seen: Failure,
): Promise<Failure> {
  if (caught.Error !== 'States.Timeout' || restoreId === undefined) return seen;
  const approval = (await catalog.getRestore(restoreId))?.native?.approval;
  if (!approval) return seen;
  return failure('APPROVAL_DENIED', {
    operation: 'wait for approval',
    detail: `Asked for at ${approval.askedAt}, unanswered until ${approval.until}.`,
  });
}

/** A person said no, and who, as far as the answer tells. Undefined for every other failure, and when nobody answered. */
export const denialIn = (caught: CaughtFailure): { readonly decidedBy?: string } | undefined =>
  caught.Error === 'APPROVAL_DENIED' ? parseDenied(caught.Cause) : undefined;

export interface NativeEnd {
  /** What the record says from now on. */
  readonly change: Pick<RestoreRecord, 'native'> &
    Partial<Pick<RestoreRecord, 'restoredDatabase' | 'replacedDatabase' | 'replacedUntil'>>;
  /** Which data serves, where the other is, what next. */
  readonly sentence: string;
}

export async function nativeEnd(
  parts: LifeParts,
  before: NativeRecord,
  denied?: { readonly decidedBy?: string },
): Promise<NativeEnd> {
  const { record, doubt } = await trueToLife(parts, before);
  const { native, mode, status, safetyBackupId } = record;
  const { approval } = native;
  const moved = mode === 'swap' && native.serving !== 'original' && wasMoved(record);
  const undoable = moved && (native.oldName !== undefined || safetyBackupId !== undefined);
  const sentence =
    status === 'COMPLETED'
      ? `The restore itself is COMPLETED. ${servingSentence(record)}`
      : servingSentence(failedOf(record));
  return {
    change: {
      native: denied && approval ? { ...native, approval: { ...approval, decision: 'cancelled', ...denied } } : native,
      ...(native.serving === 'restored' ? { restoredDatabase: record.database } : {}),
      ...(moved && native.oldName !== undefined ? { replacedDatabase: native.oldName } : {}),
      ...(undoable ? { replacedUntil: keptUntil(parts.now(), (await parts.config()).retention) } : {}),
    },
    sentence: doubt === undefined ? sentence : `${sentence} ${doubt}`,
  };
}

/** It is about to be: the sentence says what becomes of the leftovers of a failed one. */
const failedOf = (record: NativeRecord): NativeRecord => ({ ...record, status: 'FAILED' });

/** Settings that differ, and writes that are denied, are mailed also when the restore failed. Answers with what kept the mail back. */
export async function mailFailed(
  parts: Pick<Parts, 'name' | 'config' | 'mailer'>,
  { record, serving, denies }: Pick<ClosedFailedRestore, 'record' | 'serving' | 'denies'>,
): Promise<string[]> {
  if (!isNativeRecord(record) || (!record.native.differences?.length && denies === undefined)) return [];
  try {
    return await mailAll(parts, restoreMail(parts.name, record, serving));
  } catch (error) {
    return [toNightjarError(error).message];
  }
}
