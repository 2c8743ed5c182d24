/** Which relations carry data of their own in a pg_dump archive, and of whom one database is made. */
import type { DumpFacts } from '../../engine.ts';
import type { Manifest } from '../../../core/backup.ts';
import { whereOf } from '../../../core/config.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { Asker } from './fingerprint.ts';
import type { Server, Session } from './server.ts';

export interface DataTable {
  readonly schema: string;
  readonly table: string;
  /** Of an extension's configuration table: the rows that are the user's, as `WHERE …`. */
  readonly condition: string;
  /** Made by CREATE EXTENSION, not by the dump. */
  readonly ofExtension: boolean;
  readonly unlogged: boolean;
  /** The user may read it. Null of one that an older snapshot still shows, and that is gone. */
  readonly readable: boolean | null;
}

/**
 * Ordinary tables, partitions that hold rows, and what extensions declare as the user's configuration. Without:
 * partitioned parents and foreign tables (no rows of their own), materialized views (a restore refreshes them, so they
 * may rightly differ), temporary tables, and on a replica unlogged ones.
 */
export async function listTables(session: Asker): Promise<DataTable[]> {
  return session.rows<DataTable>(`
    SELECT n.nspname AS schema, c.relname AS table, c.relpersistence = 'u' AS unlogged,
           coalesce(x.condition, '') AS condition, x.oid IS NOT NULL AS "ofExtension",
           has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS readable
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN (SELECT u.oid, u.condition
                   FROM pg_catalog.pg_extension e, unnest(e.extconfig, e.extcondition) AS u(oid, condition)) x
        ON x.oid = c.oid
     WHERE c.relkind = 'r' AND c.relpersistence <> 't'
       AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
       AND (x.oid IS NOT NULL OR NOT EXISTS (
             SELECT 1 FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
       AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
     ORDER BY 1, 2`);
}

/** Names that all databases share are bytes without an encoding: each database reads them in its own. Here as they were written. */
const nameBytes = (sql: string): string =>
  `encode(convert_to((${sql})::text, pg_catalog.getdatabaseencoding()), 'hex')`;
const nameOf = (bytes: string): string => Buffer.from(bytes, 'hex').toString('utf8');

/** Who and what the database is. */
export async function readSource(server: Server, session: Session): Promise<DumpFacts['source']> {
  const { target } = server.context;
  const found = await session.row<{
    encoding: string;
    collate: string;
    ctype: string;
    owner: string;
    bytes: string;
    tablespaces: string | null;
  }>(`
    SELECT pg_catalog.pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,
           ${nameBytes('pg_catalog.pg_get_userbyid(datdba)')} AS owner, pg_catalog.pg_database_size(oid)::text AS bytes,
           (SELECT json_agg(spcname ORDER BY spcname)::text FROM pg_catalog.pg_tablespace
             WHERE spcname NOT IN ('pg_default', 'pg_global')
               AND oid IN (SELECT reltablespace FROM pg_catalog.pg_class UNION SELECT dattablespace)) AS tablespaces
      FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`);
  const { bytes, owner, tablespaces, ...details } = found;
  const systemIdentifier = await readSystemIdentifier(session);
  return {
    place: whereOf(target),
    database: target.database,
    serverVersion: server.version,
    serverMajor: server.major,
    ...(systemIdentifier === undefined ? {} : { systemIdentifier }),
    owner: nameOf(owner),
    details: tablespaces === null ? details : { ...details, tablespaces },
    tlsVerified: server.tlsVerified,
    databaseBytes: Number(bytes),
  };
}

/** Of the source, as {@link readSource} wrote it down. */
export const encodingOf = ({ details }: Pick<Manifest['source'], 'details'>): string => String(details.encoding);

/** Besides the server's own, as names. */
export const tablespacesOf = ({ details }: Pick<Manifest['source'], 'details'>): string[] =>
  JSON.parse(String(details.tablespaces ?? '[]')) as string[];

async function readSystemIdentifier(session: Session): Promise<string | undefined> {
  const { allowed } = await session.row<{ allowed: boolean }>(
    `SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS allowed`,
  );
  if (!allowed) return undefined;
  return (await session.row<{ id: string }>(`SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()`))
    .id;
}

/**
 * Roles that a restore with owners and privileges needs. The bootstrap superuser is not in pg_shdepend (it is pinned),
 * so what it owns is looked up; members of extensions are made by CREATE EXTENSION and need nobody.
 */
export async function readRoles(session: Session): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(`
    WITH here AS (SELECT oid, datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
    needed AS (
      SELECT s.refobjid AS role FROM pg_catalog.pg_shdepend s, here
       WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.deptype IN ('o', 'a', 'r')
         AND (s.dbid = here.oid OR (s.classid = 'pg_catalog.pg_database'::regclass AND s.objid = here.oid))
         AND s.classid <> 'pg_catalog.pg_extension'::regclass
         AND NOT (s.deptype = 'o' AND EXISTS (
               SELECT 1 FROM pg_catalog.pg_depend d
                WHERE d.classid = s.classid AND d.objid = s.objid AND d.deptype = 'e'))
      UNION SELECT datdba FROM here
      UNION SELECT setrole FROM pg_catalog.pg_db_role_setting r, here WHERE r.setdatabase = here.oid AND setrole <> 0
      UNION SELECT owner FROM (
              SELECT oid, 'pg_catalog.pg_class'::regclass::oid AS class, relowner AS owner FROM pg_catalog.pg_class
               WHERE relkind <> 't'
              UNION ALL SELECT oid, 'pg_catalog.pg_namespace'::regclass, nspowner FROM pg_catalog.pg_namespace
               WHERE nspname !~ '^pg_'
              UNION ALL SELECT oid, 'pg_catalog.pg_proc'::regclass, proowner FROM pg_catalog.pg_proc
              UNION ALL SELECT oid, 'pg_catalog.pg_type'::regclass, typowner FROM pg_catalog.pg_type WHERE typrelid = 0
              UNION ALL SELECT oid, 'pg_catalog.pg_largeobject_metadata'::regclass, lomowner
                FROM pg_catalog.pg_largeobject_metadata) o
             WHERE o.owner = 10 AND o.oid >= 16384
               AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                                WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'))
    SELECT DISTINCT ${nameBytes('rolname')} AS name FROM needed JOIN pg_catalog.pg_roles ON pg_roles.oid = needed.role
     WHERE rolname !~ '^pg_'`);
  return rows.map((row) => nameOf(row.name)).sort();
}

export async function readExtensions(session: Session): Promise<DumpFacts['extensions']> {
  return session.rows<{ name: string; version: string }>(
    `SELECT extname AS name, extversion AS version FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql' ORDER BY 1`,
  );
}

/**
 * pg_dump would find out after minutes of reading the catalog, table by table. @throws PRIVILEGE_MISSING; SCHEMA_CHANGED, which is
 * tried again, of tables that were dropped since the snapshot.
 */
export function refuseUnreadable(tables: readonly DataTable[], user: string): void {
  const gone = tables.filter((one) => one.readable === null);
  if (gone.length > 0)
    throw new NightjarError('SCHEMA_CHANGED', {
      operation: 'read privileges',
      detail: `Dropped while the dump began: ${someOf(gone)}. Nothing is lost; a new backup takes a new snapshot.`,
    });
  const hidden = tables.filter((one) => !one.readable);
  if (hidden.length === 0) return;
  throw new NightjarError('PRIVILEGE_MISSING', {
    operation: 'read privileges',
    detail: `${user} may not read ${hidden.length} of ${tables.length} tables: ${someOf(hidden)}.`,
  });
}

const someOf = (tables: readonly DataTable[]): string =>
  tables
    .slice(0, 20)
    .map((one) => `${one.schema}.${one.table}`)
    .join(', ') + (tables.length > 20 ? `, and ${tables.length - 20} more` : '');

/** Of the database whose name this expression gives: its subscriptions, in one text, or null. */
export const subscriptionsOf = (database: string): string =>
  `SELECT string_agg(subname, ', ' ORDER BY subname) FROM pg_catalog.pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = ${database})`;

/** Which rows of an extension's table are the user's, by the extension as it is installed there. */
export async function conditionsIn(session: Session): Promise<(place: { schema: string; table: string }) => string> {
  const conditions = new Map((await listTables(session)).map((one) => [`${one.schema}.${one.table}`, one.condition]));
  return (place) => conditions.get(`${place.schema}.${place.table}`) ?? '';
}
