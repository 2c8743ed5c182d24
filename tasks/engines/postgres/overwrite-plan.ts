/** What an overwrite will do, found out before its transaction begins; what could go wrong there is refused here. */
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { onlyIfEmpty } from './empty.ts';
import type { Place } from './fingerprint.ts';
import { fitsLockTable, type OpenArchive } from './load.ts';
import { runAll, type PsqlSession } from './psql.ts';
import { planRows } from './replace-rows.ts';
import { refuseWithoutRights } from './rights.ts';
import { ownerArgs } from './selection.ts';
import type { Server, Session } from './server.ts';
import { locksOfWiping, wiping } from './wipe.ts';

export interface OverwritePlan {
  /** pg_restore's. */
  readonly args: readonly string[];
  /** Inside the transaction, before the script. */
  readonly prepare: (psql: PsqlSession) => Promise<void>;
  /** What is compared before COMMIT. */
  readonly compared: (place: Place) => boolean;
}

/** @throws NightjarError for whatever can be known to fail; nothing was touched then. */
export async function planFor(
  server: Server,
  session: Session,
  job: RestoreJob,
  source: RestoreSource,
  archive: OpenArchive,
): Promise<OverwritePlan> {
  const { scope } = job;
  const owners = ownerArgs(job);
  if (scope?.tables || scope?.dataOnly) return planRows(server, session, job, source, archive, owners);
  await refuseWithoutRights(server, session, job, source.manifest, archive.start.toc);
  if (!(await fitsLockTable(session, archive.start, await locksOfWiping(session))))
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail:
        'The archive has more objects than the server can lock in one transaction, without which nothing is overwritten. ' +
        'Use mode `swap`, or raise max_locks_per_transaction. Nothing was touched.',
    });
  if (!scope?.schemaOnly) return { args: owners, prepare: runAll(await wiping(server, session)), compared: () => true };
  // Large objects are data that no schema brings back; in tables without rows nothing refers to them.
  const wipe = runAll(await wiping(server, session, { largeObjects: false }));
  return {
    args: ['--schema-only', ...owners],
    prepare: (psql) => onlyIfEmpty(psql, () => wipe(psql)),
    compared: () => false,
  };
}
