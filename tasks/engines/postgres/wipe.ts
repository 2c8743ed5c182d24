/**
 * Empties a database from inside a transaction, so that a whole backup can take its place. pg_restore's own `--clean`
 * can't: it stops at the primary key of a partition ("cannot drop inherited constraint"), and leaves what the backup
 * does not know.
 */
import { NightjarError } from '../../../core/errors.ts';
import type { Server, Session } from './server.ts';
import { subscriptionsOf } from './tables.ts';

/** Drops everything that a dump of one database carries; the server's own things and roles stay. */
const DROP_EVERYTHING = `DO $nightjar$
DECLARE statement text;
BEGIN
  FOR statement IN
    SELECT format('DROP EVENT TRIGGER IF EXISTS %I', evtname) FROM pg_catalog.pg_event_trigger t WHERE t.oid NOT IN (
      SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_event_trigger'::regclass AND deptype = 'e')
    UNION ALL SELECT format('DROP PUBLICATION IF EXISTS %I', pubname) FROM pg_catalog.pg_publication
    UNION ALL SELECT format('DROP EXTENSION IF EXISTS %I CASCADE', extname) FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'
  LOOP EXECUTE statement; END LOOP;
  FOR statement IN
    SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_catalog.pg_namespace
     WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
  LOOP EXECUTE statement; END LOOP;
  FOR statement IN
    SELECT format('DROP SERVER IF EXISTS %I CASCADE', srvname) FROM pg_catalog.pg_foreign_server
    UNION ALL SELECT format('DROP FOREIGN DATA WRAPPER IF EXISTS %I CASCADE', fdwname) FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL SELECT format('DROP CAST IF EXISTS (%s AS %s)', castsource::regtype, casttarget::regtype)
      FROM pg_catalog.pg_cast WHERE oid >= 16384
    UNION ALL SELECT format('DROP LANGUAGE IF EXISTS %I CASCADE', lanname) FROM pg_catalog.pg_language WHERE lanname <> 'plpgsql' AND oid >= 16384
    UNION ALL SELECT format('DROP ACCESS METHOD IF EXISTS %I CASCADE', amname) FROM pg_catalog.pg_am WHERE oid >= 16384
    UNION ALL SELECT DISTINCT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE ALL ON %s FROM %s', pg_catalog.pg_get_userbyid(defaclrole),
        CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
          WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_catalog.pg_get_userbyid(grantee)) END)
      FROM pg_catalog.pg_default_acl, LATERAL pg_catalog.aclexplode(defaclacl)
     WHERE defaclnamespace = 0 AND grantee <> defaclrole
       AND NOT (grantee = 0 AND defaclobjtype IN ('f', 'T'))
  LOOP EXECUTE statement; END LOOP;
END $nightjar$`;
const DROP_LARGE_OBJECTS = 'SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata';

/** The schema that every new database has, and that a dump therefore does not make. */
const publicSchema = (major: number): string[] => [
  'CREATE SCHEMA public',
  ...(major >= 15
    ? ['ALTER SCHEMA public OWNER TO pg_database_owner', 'GRANT USAGE ON SCHEMA public TO PUBLIC']
    : ['GRANT ALL ON SCHEMA public TO PUBLIC']),
  `COMMENT ON SCHEMA public IS 'standard public schema'`,
];

/** How many locks the emptying takes, about: one for each relation and large object. */
export async function locksOfWiping(session: Session): Promise<number> {
  const { count } = await session.row<{ count: number }>(`
    SELECT ((SELECT count(*) FROM pg_catalog.pg_class WHERE oid >= 16384)
          + (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata))::int AS count`);
  return count;
}

/**
 * The statements, once it is known that they can work.
 *
 * @throws NightjarError RESTORE_FAILED for a database with subscriptions, which no transaction can drop;
 * PRIVILEGE_MISSING for what the user may not drop.
 */
export async function wiping(
  server: Server,
  session: Session,
  { largeObjects = true }: { largeObjects?: boolean } = {},
): Promise<string[]> {
  const { names } = await session.row<{ names: string | null }>(
    `SELECT (${subscriptionsOf('current_database()')}) AS names`,
  );
  if (names !== null)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail:
        `The database subscribes to publications by ${names}, which can not be dropped ` +
        'inside a transaction. Use mode `swap`, or drop the subscription first. Nothing was touched.',
    });
  const others = await session.rows<{ what: string }>(`
    SELECT format('schema %I', nspname) AS what FROM pg_catalog.pg_namespace
     WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' AND NOT pg_catalog.pg_has_role(nspowner, 'USAGE')
    UNION ALL SELECT format('extension %I', extname) FROM pg_catalog.pg_extension
     WHERE extname <> 'plpgsql' AND NOT pg_catalog.pg_has_role(extowner, 'USAGE')
    UNION ALL SELECT format('event trigger %I', evtname) FROM pg_catalog.pg_event_trigger
     WHERE NOT pg_catalog.pg_has_role(evtowner, 'USAGE')
    UNION ALL SELECT format('publication %I', pubname) FROM pg_catalog.pg_publication
     WHERE NOT pg_catalog.pg_has_role(pubowner, 'USAGE')
    UNION ALL SELECT format('server %I', srvname) FROM pg_catalog.pg_foreign_server
     WHERE NOT pg_catalog.pg_has_role(srvowner, 'USAGE')
    UNION ALL SELECT format('foreign data wrapper %I', fdwname) FROM pg_catalog.pg_foreign_data_wrapper
     WHERE NOT pg_catalog.pg_has_role(fdwowner, 'USAGE')
    UNION ALL SELECT format('language %I', lanname) FROM pg_catalog.pg_language
     WHERE lanname <> 'plpgsql' AND oid >= 16384 AND NOT pg_catalog.pg_has_role(lanowner, 'USAGE')
    UNION ALL SELECT DISTINCT format('default privileges of %I', pg_catalog.pg_get_userbyid(defaclrole))
      FROM pg_catalog.pg_default_acl WHERE defaclnamespace = 0 AND NOT pg_catalog.pg_has_role(defaclrole, 'USAGE')
    UNION ALL SELECT format('%s large objects', count(*)) FROM pg_catalog.pg_largeobject_metadata
     WHERE ${largeObjects} AND NOT pg_catalog.pg_has_role(lomowner, 'USAGE') HAVING count(*) > 0`);
  if (others.length > 0)
    throw new NightjarError('PRIVILEGE_MISSING', {
      operation: 'preflight',
      detail:
        `An overwrite empties the database first, and the user does not own ${others.map((one) => one.what).join(', ')}. ` +
        'Use mode `swap`, or restore with a user who owns them. Nothing was touched.',
    });
  return [DROP_EVERYTHING, ...(largeObjects ? [DROP_LARGE_OBJECTS] : []), ...publicSchema(server.major)];
}
