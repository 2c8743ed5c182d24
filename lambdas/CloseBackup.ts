/** RUNNING → COMPLETED. Only after VerifyBackup or VerifyPoint; then the lock falls and the world is told. */
import type { BackupRecord } from '../core/backup.ts';
import type { Completed } from '../core/catalog.ts';
import { NightjarError } from '../core/errors.ts';
import type { OutcomeOf, PointOutcome } from '../core/job.ts';
import { EVENTS } from '../core/names.ts';
import type { CloseEvent } from '../core/payloads.ts';
import { manifestOf, pointOutcome } from './native/point-manifest.ts';
import { ofFailure, outcomeOf, saidOutcome } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'events' | 'now'>;

export interface CloseBackupEvent extends CloseEvent {
  /** As VerifyBackup found it; a task whose answer from S3 was lost does not know it. */
  readonly manifestVersionId?: string;
}

/** The record's small facts: the execution's output. */
export type ClosedBackup = Omit<BackupRecord, 'warnings' | 'failure' | 'draft'>;

export const makeCloseBackup =
  (parts: Needs) =>
  async (event: CloseBackupEvent): Promise<ClosedBackup> => {
    const { id, target } = event;
    const facts = await factsFor(parts, event);
    await parts.catalog.completeBackup(target, id, facts, parts.now().toISOString());
    const record = await parts.catalog.getBackup(target, id);
    // Not COMPLETED: somebody closed it meanwhile, and a closed record stays as it is.
    if (record?.status !== 'COMPLETED') {
      if (record?.failure) throw ofFailure(record.failure);
      throw new NightjarError('EXECUTION_FAILED', {
        operation: 'close backup',
        detail: `The record of ${target} ${id} is ${record?.status ?? 'missing'}.`,
      });
    }
    await parts.catalog.unlock(target, 'backup', id);
    const closed = smallFactsOf(record);
    await parts.events.publish(EVENTS.backupCompleted, [{ name: parts.name, ...closed }]);
    return closed;
  };

async function factsFor({ catalog }: Needs, event: CloseBackupEvent): Promise<Completed> {
  const { id, target, attempt, manifestVersionId } = event;
  const record = await catalog.getBackup(target, id);
  return record?.method === 'native'
    ? pointFacts((await saidOutcome(catalog, id, attempt)) ?? outcomeFound(record, manifestVersionId), record.points)
    : dumpFacts(await outcomeOf(catalog, 'dump', id, attempt), manifestVersionId);
}

/** Its manifest's version was lost with S3's answer, and found by VerifyPoint. */
function outcomeFound(record: BackupRecord, found: string | undefined): PointOutcome {
  const outcome = pointOutcome(manifestOf(record, record.startedAt), found ?? '');
  if (found === undefined) throw unknownVersion(outcome.manifestKey);
  return outcome;
}

const unknownVersion = (key: string): NightjarError =>
  // A record without it would let a restore read whatever lies there by then.
  new NightjarError('MANIFEST_INVALID', { operation: 'close backup', detail: `The version of ${key} is not known.` });

/** The service stores it; the point's own size is what there is to say. */
function pointFacts(outcome: PointOutcome, points: BackupRecord['points']): Completed {
  const { manifestKey, manifestVersionId, snapshotAt, databaseBytes, items, window, warnings } = outcome;
  return {
    manifestKey,
    manifestVersionId,
    snapshotAt,
    storedBytes: databaseBytes,
    databaseBytes,
    ...(items === undefined ? {} : { rows: items }),
    window,
    ...(points === undefined ? {} : { points }),
    warnings,
  };
}

function dumpFacts(outcome: OutcomeOf<'dump'>, found: string | undefined): Completed {
  const { manifestKey, snapshotAt, storedBytes, databaseBytes, rows, tables, consistency, warnings } = outcome;
  const manifestVersionId = outcome.kind === 'dump' ? outcome.manifestVersionId : found;
  if (manifestVersionId === undefined) throw unknownVersion(manifestKey);
  return {
    manifestKey,
    manifestVersionId,
    snapshotAt,
    storedBytes,
    databaseBytes,
    rows,
    tables,
    consistency,
    warnings,
  };
}

/** Warnings can be long; they are in the record. */
function smallFactsOf(record: BackupRecord): ClosedBackup {
  const facts = { ...record };
  delete facts.warnings;
  delete facts.failure;
  delete facts.draft;
  return facts;
}

export const handler = wire.lambda(() =>
  makeCloseBackup({ name: wire.name(), catalog: wire.catalog(), events: wire.events(), now: wire.now }),
);
