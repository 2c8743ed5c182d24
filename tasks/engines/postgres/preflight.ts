/** What can be known to fail is told before anything starts. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import { warnOfTls } from '../../authority.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { Reporter } from '../../engine.ts';
import type { Server, Session } from './server.ts';
import { subscriptionsOf } from './tables.ts';

const list = (names: readonly string[]): string =>
  names.slice(0, 50).join(', ') + (names.length > 50 ? `, and ${names.length - 50} more` : '');

export async function preflight(server: Server, session: Session, job: RestoreJob, manifest: Manifest): Promise<void> {
  const { report } = server.context;
  server.tool('pg_restore');
  if (server.major < manifest.source.serverMajor)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail:
        `The backup is of PostgreSQL ${manifest.source.serverMajor}, the destination runs ${server.version}: ` +
        'PostgreSQL restores into its own or a newer major version only. Nothing was touched.',
    });
  const facts = await session.row<{
    user: string;
    superuser: boolean;
    createdb: boolean;
    replica: boolean;
  }>(`
    SELECT rolname AS user, rolsuper AS superuser, rolcreatedb OR rolsuper AS createdb,
           pg_catalog.pg_is_in_recovery() AS replica
      FROM pg_catalog.pg_roles WHERE rolname = current_user`);
  if (facts.replica)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail: 'The destination is a replica and takes no writes; name the primary as host.',
    });
  if (job.mode !== 'overwrite' && !facts.createdb)
    throw new NightjarError('PRIVILEGE_MISSING', {
      operation: 'preflight',
      detail: `${facts.user} may not create databases: ALTER ROLE "${facts.user}" CREATEDB.`,
    });
  await refuseMissingRoles(session, job, manifest);
  await refuseMissingExtensions(session, job, manifest);
  if (job.mode === 'swap') await refuseForeignDatabase(report, session, job.database, facts);
  warnOfTls(report, { tlsVerified: server.tlsVerified });
}

async function refuseMissingRoles(session: Session, job: RestoreJob, manifest: Manifest): Promise<void> {
  if (job.noOwner || job.scope?.dataOnly) return;
  const wanted = manifest.roles.map((role) => job.roleMap?.[role] ?? role);
  const missing = await session.rows<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
      WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = name) ORDER BY 1`,
    [[...new Set(wanted)]],
  );
  if (missing.length > 0)
    throw new NightjarError('ROLE_MISSING', {
      operation: 'preflight',
      detail: `Missing: ${list(missing.map((row) => row.name))}. Nothing was touched.`,
    });
}

async function refuseMissingExtensions(session: Session, job: RestoreJob, manifest: Manifest): Promise<void> {
  if (job.scope?.dataOnly) return;
  const missing = await session.rows<{ name: string }>(
    `SELECT wanted.name FROM unnest($1::text[]) AS wanted(name)
      WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions a WHERE a.name = wanted.name)`,
    [manifest.extensions.map((one) => one.name)],
  );
  if (missing.length > 0)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail: `The destination server does not offer the extensions ${list(missing.map((row) => row.name))}. Nothing was touched.`,
    });
}

/** Found out now, not after hours of loading. */
async function refuseForeignDatabase(
  report: Reporter,
  session: Session,
  database: string,
  facts: { user: string; superuser: boolean },
): Promise<void> {
  const [old] = await session.rows<{ owner: string; mine: boolean; prepared: number; subscriptions: string | null }>(
    `SELECT pg_catalog.pg_get_userbyid(datdba) AS owner, pg_catalog.pg_has_role(datdba, 'USAGE') AS mine,
            (SELECT count(*)::int FROM pg_catalog.pg_prepared_xacts WHERE database = $1) AS prepared, (${subscriptionsOf('$1')}) AS subscriptions
       FROM pg_catalog.pg_database WHERE datname = $1`,
    [database],
  );
  if (!old) return;
  if (!facts.superuser && !old.mine)
    throw new NightjarError('PRIVILEGE_MISSING', {
      operation: 'preflight',
      detail: `Only its owner ${old.owner} may rename ${database}: GRANT "${old.owner}" TO "${facts.user}", or use \`overwrite\`.`,
    });
  if (old.subscriptions !== null)
    report.warn(
      `The subscriptions of ${database} (${old.subscriptions}) stay with the old database and go on filling that one; ` +
        'it can not be dropped before them.',
    );
  if (old.prepared > 0)
    throw new NightjarError('SWAP_FAILED', {
      operation: 'preflight',
      detail: `${database} has ${old.prepared} prepared transactions, with which it can not be renamed: commit or roll them back first.`,
    });
}
