/**
 * Empties a database from inside a transaction, so that a whole backup can take its place. pg_restore's own `--clean`
 * can't: it stops at the primary key of a partition ("cannot drop inherited constraint"), and leaves what the backup
 * does not know.
 */
import { NightjarError } from '../../../core/errors.ts';
import type { Server, Session } from './server.ts';

/** Drops everything that a dump of one database carries; the server's own things and roles stay. */
const DROP_EVERYTHING = `DO $nightjar$
DECLARE statement text;
BEGIN
  FOR statement IN
    SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_catalog.pg_event_trigger t WHERE t.oid NOT IN (
      SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_event_trigger'::regclass AND deptype = 'e')
    UNION ALL SELECT format('DROP PUBLICATION %I', pubname) FROM pg_catalog.pg_publication
    UNION ALL SELECT format('DROP EXTENSION %I CASCADE', extname) FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'
  LOOP EXECUTE statement; END LOOP;
  FOR statement IN
    SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_catalog.pg_namespace
     WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
  LOOP EXECUTE statement; END LOOP;
  FOR statement IN
    SELECT format('DROP SERVER %I CASCADE', srvname) FROM pg_catalog.pg_foreign_server
    UNION ALL SELECT format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname) FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL SELECT format('DROP CAST (%s AS %s)', castsource::regtype, casttarget::regtype)
      FROM pg_catalog.pg_cast WHERE oid >= 16384
    UNION ALL SELECT format('DROP LANGUAGE %I CASCADE', lanname) FROM pg_catalog.pg_language WHERE lanname <> 'plpgsql' AND oid >= 16384
  LOOP EXECUTE statement; END LOOP;
  PERFORM pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata;
END $nightjar$`;

/** The schema that every new database has, and that a dump therefore does not make. */
const publicSchema = (major: number): string[] => [
  'CREATE SCHEMA public',
  ...(major >= 15
    ? ['ALTER SCHEMA public OWNER TO pg_database_owner', 'GRANT USAGE ON SCHEMA public TO PUBLIC']
    : ['GRANT ALL ON SCHEMA public TO PUBLIC']),
  `COMMENT ON SCHEMA public IS 'standard public schema'`,
];

/** @throws NightjarError RESTORE_FAILED for a database with subscriptions, which no transaction can drop. */
export async function wiping(server: Server, session: Session): Promise<string[]> {
  const subscriptions = await session.rows<{ name: string }>(
    `SELECT subname AS name FROM pg_catalog.pg_stat_subscription WHERE subname IS NOT NULL`,
  );
  if (subscriptions.length > 0)
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'preflight',
      detail:
        `The database subscribes to ${[...new Set(subscriptions.map((one) => one.name))].join(', ')}, which can not be dropped ` +
        'inside a transaction. Use mode `swap`, or drop the subscription first. Nothing was touched.',
    });
  return [DROP_EVERYTHING, ...publicSchema(server.major)];
}
