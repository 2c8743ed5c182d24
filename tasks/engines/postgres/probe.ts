/** What can be known about tonight's backup without making it. Reads only. */
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import type { Finding, ProbeOutcome } from '../../../core/job.ts';
import { maintenanceDatabases } from './database.ts';
import { databasesOf, somewhere } from './databases.ts';
import { bad, clockFinding, ok, warn } from '../../findings.ts';
import { lookInside } from './probe-database.ts';
import { reachServer, type PostgresContext, type Server, type Session } from './server.ts';

/** @throws what keeps it from reaching the server; everything else is a finding. */
export async function probe(context: PostgresContext): Promise<Omit<ProbeOutcome, 'kind'>> {
  const { target, report } = context;
  report.phase('connecting');
  const all = target.scope?.allDatabases === true;
  const server = await reachServer(context, [target.database, ...(all ? maintenanceDatabases([target.database]) : [])]);
  report.phase('looking around');
  const held = all ? await heldBy(server) : { names: [target.database], findings: [] };
  const findings = [tls(server), client(server), ...held.findings];
  let databaseBytes = 0;
  for (const database of held.names) {
    const seen = await lookInside(server, database);
    databaseBytes += seen.bytes;
    findings.push(
      ...(all ? seen.findings.map((one) => ({ ...one, what: `${database}: ${one.what}` })) : seen.findings),
    );
  }
  const general = await somewhere(server, async (session, database) => [
    ...(await snapshots(server, session, database)),
    ...(await settings(session)),
  ]);
  return { serverVersion: server.version, databaseBytes, findings: [...findings, ...general] };
}

/** What a backup of all databases would hold. */
async function heldBy(server: Server): Promise<{ names: readonly string[]; findings: Finding[] }> {
  try {
    const { names, leftOut } = await databasesOf(server);
    return { names, findings: leftOut.map((text) => ok(text)) };
  } catch (thrown) {
    if (!(thrown instanceof NightjarError) || thrown.code !== 'PRIVILEGE_MISSING') throw thrown;
    return { names: [], findings: [bad(thrown.detail ?? thrown.message, thrown.entry.hint)] };
  }
}

function tls(server: Server): Finding {
  if (server.tlsVerified) return ok('TLS, with the certificate verified.');
  return warn(
    server.encrypted ? 'TLS without verification.' : 'No encryption: the server offers no TLS.',
    'Set tls.verify of the target to full, and tls.ca to what signed the server’s certificate.',
  );
}

function client(server: Server): Finding {
  try {
    server.tool('pg_dump');
    return ok(`PostgreSQL ${server.version}, and the image has its client.`);
  } catch (thrown) {
    if (!(thrown instanceof NightjarError)) throw thrown;
    return bad(`PostgreSQL ${server.version}, for which the image has no client.`, thrown.entry.hint);
  }
}

async function snapshots(server: Server, session: Session, database: string): Promise<Finding[]> {
  try {
    await session.rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { id } = await session.row<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
    const second = await server.session(database);
    try {
      await second.rows(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '${id}'`);
    } finally {
      await second.close();
    }
    await session.rows('ROLLBACK');
    return [ok('Sessions can share a snapshot.')];
  } catch (thrown) {
    await session.rows('ROLLBACK');
    return [
      bad(
        `Sessions can not share a snapshot: ${wordsOf(thrown)}`,
        'Name the server itself as host, not a pooler such as PgBouncer or RDS Proxy.',
      ),
    ];
  }
}

async function settings(session: Session): Promise<Finding[]> {
  const before = Date.now();
  const seen = await session.row<{ replica: boolean; feedback: boolean; delay: string; clock: number }>(`
    SELECT pg_catalog.pg_is_in_recovery() AS replica,
           current_setting('hot_standby_feedback')::bool AS feedback,
           current_setting('max_standby_streaming_delay') AS delay,
           extract(epoch FROM clock_timestamp())::float8 AS clock`);
  const findings: Finding[] = [];
  if (seen.replica && !seen.feedback && seen.delay !== '-1')
    findings.push(
      warn(
        `A replica that cancels queries after ${seen.delay} (max_standby_streaming_delay) without hot_standby_feedback.`,
        'Long dumps are cancelled there: switch hot_standby_feedback on, or set max_standby_streaming_delay to -1.',
      ),
    );
  findings.push(clockFinding(seen.clock * 1_000, (before + Date.now()) / 2));
  return findings;
}
