/** What an overwrite will do, found out before its transaction begins; what could go wrong there is refused here. */
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { RestoreSource } from '../../engine.ts';
import { withoutEventTriggers } from './event-triggers.ts';
import { onlyIfEmpty } from './empty.ts';
import { fitsLockTable, type OpenArchive } from './load.ts';
import { runAll, type PsqlSession } from './psql.ts';
import { planRows, type RowsPlan } from './replace-rows.ts';
import { refuseWithoutRights } from './rights.ts';
import { runPlain, runScript } from './script.ts';
import { ownerArgs } from './selection.ts';
import type { Server, Session } from './server.ts';
import { locksOf } from './toc.ts';
import { locksOfWiping, wiping } from './wipe.ts';

export interface OverwritePlan extends Omit<RowsPlan, 'args'> {
  /** Of the session, as `-c name=value`. */
  readonly settings: string;
  /** Hands all of it to the session; resolves when it was taken, and the archive proven to its last byte. */
  fill(psql: PsqlSession, own: AbortController, signal: AbortSignal): Promise<void>;
}

/** `archive`: undefined of plain SQL. @throws NightjarError for whatever can be known to fail; nothing was touched then. */
export async function planFor(
  server: Server,
  session: Session,
  job: RestoreJob,
  source: RestoreSource,
  archive: OpenArchive | undefined,
): Promise<OverwritePlan> {
  const { scope, roleMap } = job;
  const owners = ownerArgs(job);
  const filling =
    (args: readonly string[]): OverwritePlan['fill'] =>
    (psql, own, signal) =>
      archive
        ? runScript(server, archive, { args, owners: { roleMap }, inTransaction: true }, psql, own, signal)
        : runPlain(server, source, { owners: job, inTransaction: true, tablespaces: false }, psql, own, signal);
  if (archive && (scope?.tables || scope?.dataOnly)) {
    const plan = await planRows(server, session, job, source, archive, owners);
    // What stays there goes on as ever, triggers included.
    return { ...plan, settings: '', fill: filling(plan.args) };
  }
  const { manifest } = source;
  await refuseWithoutRights(server, session, job, manifest, archive?.start.toc ?? []);
  const locks = archive ? locksOf(archive.start.toc) : Number(manifest.source.details.locks ?? 0);
  if (!(await fitsLockTable(session, locks + (await locksOfWiping(session)))))
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail:
        'The archive has more objects than the server can lock in one transaction, without which nothing is overwritten. ' +
        'Use mode `swap`, or raise max_locks_per_transaction. Nothing was touched.',
    });
  const settings = await withoutEventTriggers(session);
  if (!scope?.schemaOnly)
    return { settings, fill: filling(owners), prepare: runAll(await wiping(server, session)), compared: () => true };
  // Large objects are data that no schema brings back; in tables without rows nothing refers to them.
  const wipe = runAll(await wiping(server, session, { largeObjects: false }));
  return {
    settings,
    fill: filling(['--schema-only', ...owners]),
    prepare: (psql) => onlyIfEmpty(psql, () => wipe(psql)),
    compared: () => false,
  };
}
