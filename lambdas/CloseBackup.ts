/** RUNNING → COMPLETED. Only after VerifyBackup or VerifyPoint; then the lock falls and the world is told. */
import type { BackupRecord } from '../core/backup.ts';
import type { Completed } from '../core/catalog.ts';
import { NightjarError } from '../core/errors.ts';
import type { DumpOutcome, PointOutcome } from '../core/job.ts';
import { EVENTS } from '../core/names.ts';
import type { CloseEvent } from '../core/payloads.ts';
import { ofFailure, outcomeOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'name' | 'catalog' | 'events' | 'now'>;

/** The record's small facts: the execution's output. */
export type ClosedBackup = Omit<BackupRecord, 'warnings' | 'failure' | 'draft'>;

export const makeCloseBackup =
  (parts: Needs) =>
  async ({ id, target, attempt }: CloseEvent): Promise<ClosedBackup> => {
    const facts = await factsFor(parts, { id, target, attempt });
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

async function factsFor({ catalog }: Needs, { id, target, attempt }: CloseEvent): Promise<Completed> {
  const record = await catalog.getBackup(target, id);
  return record?.method === 'native'
    ? pointFacts(await outcomeOf(catalog, 'point', id, attempt), record.points)
    : dumpFacts(await outcomeOf(catalog, 'dump', id, attempt));
}

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

function dumpFacts(outcome: DumpOutcome): Completed {
  const { manifestKey, manifestVersionId, snapshotAt, storedBytes, databaseBytes, rows, tables } = outcome;
  const { consistency, warnings } = outcome;
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
