/** What a user who is no superuser can't restore is told before an overwrite touches anything. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { Server, Session } from './server.ts';
import type { TocEntry } from './toc.ts';

/** Kinds that only a superuser may make, or whoever plays one on RDS. Source: the CREATE commands' manuals, 14 to 18. */
const FOR_SUPERUSERS = new Set([
  'ACCESS METHOD',
  'EVENT TRIGGER',
  'FOREIGN DATA WRAPPER',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PUBLICATION TABLES IN SCHEMA',
  'SHELL TYPE',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
]);
const NAMED = 10;

/** @throws NightjarError PRIVILEGE_MISSING, naming everything that is in the way. */
export async function refuseWithoutRights(
  server: Server,
  session: Session,
  job: RestoreJob,
  manifest: Manifest,
  toc: readonly TocEntry[],
): Promise<void> {
  const user = await session.row<{ superuser: boolean; nearly: boolean; create: boolean }>(`
    SELECT r.rolsuper AS superuser,
           EXISTS (SELECT FROM pg_catalog.pg_roles a WHERE a.rolname = 'rds_superuser' AND pg_catalog.pg_has_role(a.oid, 'USAGE')) AS nearly,
           pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS create
      FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`);
  if (user.superuser) return;
  const forbidden = user.nearly
    ? []
    : [
        ...(await untrustedExtensions(session, manifest)).map((name) => `make the extension ${name}`),
        ...toc.filter((entry) => FOR_SUPERUSERS.has(entry.kind)).map((entry) => `make ${entry.kind} ${entry.rest}`),
      ];
  const missing = [
    ...(user.create ? [] : ['make schemas in the database']),
    ...forbidden,
    ...(job.noOwner
      ? []
      : (await foreignOwners(server, session, job, manifest, toc)).map((role) => `hand objects to ${role}`)),
  ];
  if (missing.length === 0) return;
  const some =
    missing.slice(0, NAMED).join('; ') + (missing.length > NAMED ? `; and ${missing.length - NAMED} more` : '');
  throw new NightjarError('PRIVILEGE_MISSING', {
    operation: 'preflight',
    detail: `The user is no superuser and may not: ${some}. Nothing was touched.`,
  });
}

async function untrustedExtensions(session: Session, manifest: Manifest): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(
    `SELECT a.name FROM pg_catalog.pg_available_extensions a
       JOIN pg_catalog.pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
      WHERE a.name = ANY ($1) AND v.superuser AND NOT v.trusted ORDER BY 1`,
    [manifest.extensions.map((one) => one.name)],
  );
  return rows.map((row) => row.name);
}

/** Owners in the archive that the user can't become. */
async function foreignOwners(
  server: Server,
  session: Session,
  { roleMap }: RestoreJob,
  manifest: Manifest,
  toc: readonly TocEntry[],
): Promise<string[]> {
  // The owner ends the line, and names hold spaces: the longest name that fits is the one.
  const roles = [...manifest.roles].sort((a, b) => b.length - a.length);
  const owners = new Set(toc.flatMap(({ rest }) => roles.find((role) => rest.endsWith(` ${role}`)) ?? []));
  const rows = await session.rows<{ name: string }>(
    `SELECT rolname AS name FROM pg_catalog.pg_roles
      WHERE rolname = ANY ($1) AND NOT pg_catalog.pg_has_role(oid, '${server.major >= 16 ? 'SET' : 'MEMBER'}') ORDER BY 1`,
    [[...owners].map((role) => roleMap?.[role] ?? role)],
  );
  return rows.map((row) => row.name);
}
