/** One database, as a backup would find it tonight. Reads only. */
import type { Finding } from '../../../core/job.ts';
import type { Server, Session } from './server.ts';
import { noLimits } from './snapshot.ts';
import { listTables } from './tables.ts';
import { bad, ok, warn } from '../../findings.ts';

const LONG_TRANSACTION_SECONDS = 3_600;

export async function lookInside(server: Server, database: string): Promise<{ bytes: number; findings: Finding[] }> {
  const session = await server.session(database);
  try {
    await noLimits(server, session);
    const { bytes } = await session.row<{ bytes: string }>(
      'SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::text AS bytes',
    );
    return {
      bytes: Number(bytes),
      findings: [...(await privileges(session)), ...(await largeObjects(session)), ...(await crowd(session))],
    };
  } finally {
    await session.close();
  }
}

async function privileges(session: Session): Promise<Finding[]> {
  const tables = await listTables(session);
  const hidden = tables.filter((one) => one.readable === false).map((one) => `${one.schema}.${one.table}`);
  const { user, sequences, rls } = await session.row<{ user: string; sequences: string[]; rls: string[] }>(`
    SELECT current_user AS user,
           ARRAY(SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' AND NOT has_table_privilege(c.oid, 'SELECT')
                    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) AS sequences,
           ARRAY(SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
                  WHERE c.relkind IN ('r', 'p') AND pg_catalog.row_security_active(c.oid)) AS rls`);
  const some = (names: readonly string[]): string => names.slice(0, 10).join(', ') + (names.length > 10 ? ', …' : '');
  const hint = `GRANT pg_read_all_data TO "${user}"`;
  const findings: Finding[] = [];
  if (hidden.length > 0) findings.push(bad(`${hidden.length} tables can not be read: ${some(hidden)}.`, hint));
  if (sequences.length > 0)
    findings.push(bad(`${sequences.length} sequences can not be read: ${some(sequences)}.`, hint));
  if (rls.length > 0)
    findings.push(bad(`Row-level security hides rows of ${some(rls)}.`, `ALTER ROLE "${user}" BYPASSRLS`));
  return findings.length > 0 ? findings : [ok(`${user} may read all ${tables.length} tables.`)];
}

async function largeObjects(session: Session): Promise<Finding[]> {
  const { total, hidden } = await session.row<{ total: number; hidden: number }>(`
    SELECT count(*)::int AS total,
           count(*) FILTER (WHERE NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
             AND NOT pg_catalog.pg_has_role(lomowner, 'USAGE')
             AND NOT EXISTS (SELECT 1 FROM pg_catalog.aclexplode(lomacl) a
                              WHERE a.privilege_type = 'SELECT'
                                AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE'))))::int AS hidden
      FROM pg_catalog.pg_largeobject_metadata`);
  if (total === 0) return [];
  if (hidden === 0) return [ok(`All ${total} large objects can be read.`)];
  return [
    bad(
      `${hidden} of ${total} large objects can not be read; pg_read_all_data does not cover them.`,
      'GRANT SELECT ON LARGE OBJECT … to the user, or make the user a member of their owners.',
    ),
  ];
}

/** What stands in a dump's way, or in a restore's, besides rights. */
async function crowd(session: Session): Promise<Finding[]> {
  const seen = await session.row<{
    replica: boolean;
    prepared: number;
    oldest: number;
    unlogged: number;
    tables: number;
    locks: number;
  }>(`
    SELECT pg_catalog.pg_is_in_recovery() AS replica,
           (SELECT count(*)::int FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()) AS prepared,
           coalesce((SELECT max(extract(epoch FROM now() - xact_start))::int FROM pg_catalog.pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()), 0) AS oldest,
           (SELECT count(*)::int FROM pg_catalog.pg_class WHERE relkind = 'r' AND relpersistence = 'u') AS unlogged,
           (SELECT count(*)::int FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p')) AS tables,
           current_setting('max_locks_per_transaction')::int
             * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) AS locks`);
  const findings: Finding[] = [];
  if (seen.unlogged > 0)
    findings.push(
      warn(
        `${seen.unlogged} unlogged tables.`,
        seen.replica
          ? 'A replica has no rows of them: dump the primary.'
          : 'After a crash of the server they are empty.',
      ),
    );
  if (seen.prepared > 0)
    findings.push(
      warn(`${seen.prepared} prepared transactions are open.`, 'They hold locks, and a swap is impossible with them.'),
    );
  if (seen.oldest > LONG_TRANSACTION_SECONDS)
    findings.push(
      warn(
        `A transaction is open for ${Math.round(seen.oldest / 60)} minutes.`,
        'It may hold locks that the dump waits for.',
      ),
    );
  if (seen.tables > seen.locks * 0.8)
    findings.push(
      bad(
        `${seen.tables} tables, and room for ${seen.locks} locks.`,
        'A dump locks every table: raise max_locks_per_transaction.',
      ),
    );
  return findings;
}
