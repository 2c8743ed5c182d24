/** RUNNING → COMPLETED of a restore that the service did itself, with where everything is now. */
import type { RestoreRecord } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import { EVENTS } from '../core/names.ts';
import type { CaughtFailure, NativeEvent } from '../core/payloads.ts';
import { restoreMail } from '../core/restore-mail.ts';
import { servingSentence, type NativeRecord } from '../core/serving.ts';
import { failureOfCatch } from '../core/task-failure.ts';
import { nativeRecord } from './native/look.ts';
import { mailAll } from './native/mail.ts';
import { keptUntil } from './shared/kept-until.ts';
import { ofFailure } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'config' | 'events' | 'mailer' | 'now'>;

/** Failures after the restored one served, which did not take it back. */
export interface CloseNativeEvent extends NativeEvent {
  readonly repointFailure?: CaughtFailure;
  readonly failure?: CaughtFailure;
}

/** The execution's output. */
export interface ClosedNative extends Pick<
  RestoreRecord,
  | 'restoreId'
  | 'target'
  | 'destination'
  | 'backupId'
  | 'mode'
  | 'status'
  | 'restoredDatabase'
  | 'replacedDatabase'
  | 'replacedUntil'
  | 'warnings'
> {
  readonly serving: NativeRecord['native']['serving'];
  readonly differences: number;
}

export const makeCloseNative =
  (parts: Needs) =>
  async (event: CloseNativeEvent): Promise<ClosedNative> => {
    const { id, target } = event.opened;
    const before = await nativeRecord(parts, id);
    if (before.status === 'RUNNING') {
      refuseWhenNotServing(before);
      await parts.catalog.updateRestore(id, ['RUNNING'], await ending(parts, before, event));
    }
    const record = await nativeRecord(parts, id);
    if (record.status !== 'COMPLETED') {
      if (record.failure) throw ofFailure(record.failure);
      throw new NightjarError('EXECUTION_FAILED', {
        operation: 'close restore',
        detail: `The record of restore ${id} is ${record.status}.`,
      });
    }
    await parts.catalog.unlock(target, 'restore', id);
    const closed = closedOf(record);
    await parts.events.publish(EVENTS.restoreCompleted, [{ name: parts.name, ...closed }]);
    await tell(parts, record);
    return closed;
  };

/** A swap is COMPLETED only while the restored one serves; anything else would be a lie at night. */
function refuseWhenNotServing({ mode, native, restoreId }: NativeRecord): void {
  if ((mode !== 'swap' && mode !== 'pointer') || native.serving === 'restored') return;
  throw new NightjarError('RENAME_FAILED', {
    operation: 'close restore',
    detail: `${restoreId} came to its end, and what serves under ${native.settings.name} is: ${native.serving}.`,
  });
}

async function ending(
  parts: Needs,
  record: NativeRecord,
  event: CloseNativeEvent,
): Promise<Partial<Omit<RestoreRecord, 'restoreId' | 'target' | 'startedAt'>>> {
  const { native, mode, database } = record;
  const { retention } = await parts.config();
  const now = parts.now();
  const kept = mode === 'swap' ? native.oldName : undefined;
  // Of a table's original there is a backup, which is kept as long.
  const undoable = kept !== undefined || (mode === 'swap' && record.safetyBackupId !== undefined);
  const warnings = [...(record.warnings ?? []), ...lateFailures(event), ...warningsOf(record)];
  return {
    status: 'COMPLETED',
    endedAt: now.toISOString(),
    restoredDatabase: database,
    ...(warnings.length === 0 ? {} : { warnings: [...new Set(warnings)] }),
    ...(kept === undefined ? {} : { replacedDatabase: kept }),
    ...(undoable ? { replacedUntil: keptUntil(now, retention) } : {}),
  };
}

const lateFailures = ({ repointFailure, failure }: CloseNativeEvent): string[] =>
  [repointFailure, failure].flatMap((caught) => {
    if (!caught) return [];
    const { message, detail = '' } = failureOfCatch(caught);
    return [`The restored one serves, but what came after did not end well: ${message} ${detail}`.trim()];
  });

/** Backups go on of what the config names, which by then nobody uses. */
const warningsOf = ({ mode, destination, native }: NativeRecord): string[] =>
  mode === 'pointer'
    ? [
        `The target ${destination} still names ${native.settings.name}: put ${native.alias} into the config and deploy, so that backups are of what serves now.`,
      ]
    : [];

function closedOf(record: NativeRecord): ClosedNative {
  const { restoreId, target, destination, backupId, mode, status, native } = record;
  const { restoredDatabase, replacedDatabase, replacedUntil, warnings } = record;
  return {
    restoreId,
    target,
    destination,
    ...(backupId === undefined ? {} : { backupId }),
    mode,
    status,
    ...(restoredDatabase === undefined ? {} : { restoredDatabase }),
    ...(replacedDatabase === undefined ? {} : { replacedDatabase }),
    ...(replacedUntil === undefined ? {} : { replacedUntil }),
    ...(warnings === undefined ? {} : { warnings }),
    serving: native.serving,
    differences: native.differences?.length ?? 0,
  };
}

/** Only where a person has to look. The restore is COMPLETED whether SES takes the mail or not. */
async function tell(parts: Needs, record: NativeRecord): Promise<void> {
  if (!record.native.differences?.length && !record.warnings?.length) return;
  try {
    await mailAll(parts, restoreMail(parts.name, record, servingSentence(record)));
  } catch (error) {
    const warnings = [...(record.warnings ?? []), `Nobody got the mail about this: ${String(error)}`];
    await parts.catalog.updateRestore(record.restoreId, ['COMPLETED'], { warnings });
  }
}

export const handler = wire.lambda(() =>
  makeCloseNative({
    name: wire.name(),
    catalog: wire.catalog(),
    config: wire.config(),
    events: wire.events(),
    mailer: wire.mailer(),
    now: wire.now,
  }),
);
