/** What could go wrong hours later is refused here, before anything is made. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import { names } from './dump-plan.ts';
import { requireRestoreRights } from './restore-rights.ts';
import type { Server, Session } from './server.ts';

/** @throws RESTORE_REFUSED, PRIVILEGE_MISSING. */
export async function preflight(server: Server, session: Session, job: RestoreJob, manifest: Manifest): Promise<void> {
  await requireRestoreRights(server, session, job, manifest);
  await refusePacket(session, manifest);
  await refuseOutsiders(session, job);
  await warnOfDefiners(server, session, job, manifest);
}

/** A statement that is longer than a packet ends the connection, and with it the restore. */
async function refusePacket(session: Session, manifest: Manifest): Promise<void> {
  const longest = Number(manifest.source.details.longestStatement ?? 0);
  const { packet } = await session.row<{ packet: number | string }>('SELECT @@global.max_allowed_packet AS packet');
  if (longest < Number(packet)) return;
  throw new NightjarError('RESTORE_REFUSED', {
    operation: 'preflight',
    detail: `The backup has a statement of ${longest} bytes, and max_allowed_packet of the server is ${packet}. Raise it (1 GiB at most). Nothing was touched.`,
  });
}

/** A table of another database that refers to one that moves would follow it, away from the name. */
async function refuseOutsiders(session: Session, { database, mode, scope }: RestoreJob): Promise<void> {
  if (mode === 'new' || scope) return;
  const outside = await session.rows<{ who: string }>(
    `SELECT DISTINCT concat(table_schema, '.', table_name) AS who FROM information_schema.key_column_usage
      WHERE referenced_table_schema = ? AND table_schema <> ?`,
    [database, database],
  );
  if (outside.length === 0) return;
  throw new NightjarError('RESTORE_REFUSED', {
    operation: 'preflight',
    detail: `Foreign keys of other databases refer to tables of ${database}, and would follow the replaced ones: ${names(outside.map((one) => one.who))}. Drop them first, or restore with mode \`new\`. Nothing was touched.`,
  });
}

/** Views and routines of somebody who is not there can be made, but not used. */
async function warnOfDefiners(server: Server, session: Session, job: RestoreJob, manifest: Manifest): Promise<void> {
  if (job.noOwner || job.scope?.dataOnly || job.scope?.tables) return;
  const wanted = [...new Set(manifest.roles.map((role) => job.roleMap?.[role] ?? role))];
  if (wanted.length === 0) return;
  let there: Set<string>;
  try {
    const rows = await session.rows<{ who: string }>(`SELECT concat(User, '@', Host) AS who FROM mysql.user`);
    there = new Set(rows.map((one) => one.who));
  } catch (thrown) {
    if (thrown instanceof NightjarError && thrown.code === 'PRIVILEGE_MISSING') return;
    throw thrown;
  }
  const missing = wanted.filter((role) => role.includes('@') && !there.has(role));
  if (missing.length > 0)
    server.context.report.warn(
      `Views, triggers, routines or events are run by users whom this server does not know, and fail when they are used: ${names(missing)}. Create them, or restore with --no-owner or a role map.`,
    );
}
