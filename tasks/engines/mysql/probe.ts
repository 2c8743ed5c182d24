/** What can be known about tonight's backup without making it. Reads only. */
import { NightjarError } from '../../../core/errors.ts';
import type { Finding, ProbeOutcome } from '../../../core/job.ts';
import { listDatabases } from './databases.ts';
import { names } from './dump-plan.ts';
import { toolVersion } from './dump-tool.ts';
import { numberOf } from './errors.ts';
import { findLacks } from './rights.ts';
import { reachServer, within, type MysqlContext, type Server, type Session } from './server.ts';
import { databaseBytes, listTables, requireDatabase, versionedTables, type DataTable } from './tables.ts';
import { bad, ok, warn, clockFinding } from '../../findings.ts';
import { PATIENCE } from '../../vault-calls.ts';

/** What Debian's client of MariaDB 10.11 is said to dump. */
const NEWEST_MYSQL: readonly [number, number] = [8, 4];
const LONG_TRANSACTION_SECONDS = 3_600;
/** So long the calls of the vault are tried again. */
const VAULT_PATIENCE_SECONDS = PATIENCE.totalMs / 1_000;

/** @throws what keeps it from reaching the server; everything else is a finding. */
export async function probe(context: MysqlContext): Promise<Omit<ProbeOutcome, 'kind'>> {
  const { target, report } = context;
  const whole = target.scope?.allDatabases === true;
  report.phase('connecting');
  const server = await reachServer(context, whole ? undefined : target.database);
  report.phase('looking around');
  return within(server, async (session) => {
    if (!whole) await requireDatabase(session, target.database);
    const leftOut: Finding[] = [];
    const databases = whole
      ? await listDatabases(server, session, (text) =>
          leftOut.push(warn(text, 'docs/engines/mysql.md says why, under “A whole server”.')),
        )
      : [target.database];
    const findings = [tls(server), flavour(server), await client(server), ...leftOut];
    const all: Found[] = [];
    let bytes = 0;
    for (const database of databases) {
      for (const one of await listTables(session, database)) all.push({ ...one, database });
      findings.push(...(await versions(session, database)), ...oddName(database));
      bytes += await databaseBytes(session, database);
    }
    findings.push(
      ...(await privileges(server, session, databases, all)),
      ...storage(server, all, bytes),
      ...(whole ? await users(session, databases.length) : []),
      ...(await settings(server, session)),
      ...(await position(server, session, all)),
    );
    return { serverVersion: server.version, databaseBytes: bytes, findings };
  });
}

interface Found extends DataTable {
  readonly database: string;
}
/** As people name it: with its database only where there are several. */
const nameOf = ({ context: { target } }: Server, { database, table }: Found): string =>
  target.scope?.allDatabases ? `${database}.${table}` : table;

async function users(session: Session, databases: number): Promise<Finding[]> {
  const what = `${databases} databases in one backup`;
  try {
    await session.rows('SELECT User FROM mysql.user LIMIT 1');
    return [ok(`${what}, with users and grants.`)];
  } catch (thrown) {
    if (!(thrown instanceof NightjarError) || thrown.code !== 'PRIVILEGE_MISSING') throw thrown;
    return [
      warn(`${what}, without users and grants.`, 'GRANT SELECT ON mysql.* to the login, if they should be in it.'),
    ];
  }
}

function tls(server: Server): Finding {
  if (server.tlsVerified) return ok('TLS, with the certificate verified.');
  return warn(
    server.encrypted ? 'TLS without verification.' : 'No encryption: the server offers no TLS.',
    'Set tls.verify of the target to full, and tls.ca to what signed the server’s certificate.',
  );
}

function flavour(server: Server): Finding {
  const { engine } = server.context.target;
  const found = server.isMariadb ? 'mariadb' : 'mysql';
  if (engine === found) return ok(`${server.isMariadb ? 'MariaDB' : 'MySQL'} ${server.version}.`);
  return warn(`The server is ${server.version}, the target says ${engine}.`, `Set engine of the target to ${found}.`);
}

async function client(server: Server): Promise<Finding> {
  let tool: string;
  try {
    tool = await toolVersion(server, server.context.signal);
  } catch {
    server.context.signal.throwIfAborted();
    return bad(
      'mariadb-dump is missing in the image, or does not work.',
      'Build the image anew from tasks/Dockerfile.',
    );
  }
  if (!isNewerThan(tool, server)) return ok(tool);
  const made = server.isMariadb
    ? `is of an older MariaDB: ${tool}`
    : `was tried up to MySQL ${NEWEST_MYSQL.join('.')}: ${tool}`;
  return warn(
    `The server is ${server.version}, and mariadb-dump ${made}.`,
    'Update Nightjar’s image, and restore one backup beside the original as a trial.',
  );
}

/** @param tool what `mariadb-dump --version` says. */
export function isNewerThan(tool: string, { isMariadb, version }: Pick<Server, 'isMariadb' | 'version'>): boolean {
  const numbers = (text: string): number[] => (/(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
  const [major = 0, minor = 0] = numbers(version);
  const [known = 0, knownMinor = 0] = isMariadb
    ? numbers(/(?:Distrib|from) (\d+\.\d+)/.exec(tool)?.[1] ?? '')
    : NEWEST_MYSQL;
  return known > 0 && (major > known || (major === known && minor > knownMinor));
}

/** What the login would not see, and so no backup would hold. */
async function privileges(
  server: Server,
  session: Session,
  databases: readonly string[],
  tables: readonly Found[],
): Promise<Finding[]> {
  const locks = (database: string): boolean =>
    server.context.target.unsafeTables === 'lock' &&
    tables.some((one) => one.database === database && !one.transactional);
  const { user, needed, unsure } = await findLacks(
    server,
    session,
    databases.map((database) => ({ database, locks: locks(database) })),
  );
  const findings = [
    ...needed.map(({ what, hint }) => bad(what, hint)),
    ...unsure.map(({ what, hint }) => warn(what, hint)),
  ];
  return findings.length > 0 ? findings : [ok(`${user} may read all ${tables.length} tables.`)];
}

function storage(server: Server, tables: readonly Found[], bytes: number): Finding[] {
  const unsafe = tables.filter((one) => !one.transactional);
  if (unsafe.length === 0) return [ok('A transaction covers every table.')];
  const which = names(unsafe.map((one) => `${nameOf(server, one)} (${one.engine})`));
  return [
    server.context.target.unsafeTables === 'lock'
      ? warn(
          `No transaction covers ${which}.`,
          `Nobody can write to the database, and with RELOAD to the whole server, while it is dumped${pacedMinutes(server, bytes)}; convert them to InnoDB.`,
        )
      : bad(`No transaction covers ${which}.`, "Convert them to InnoDB, or set unsafeTables of the target to 'lock'."),
  ];
}

/** How long a slow pace keeps writers waiting, if nothing of the rows can be compressed. */
function pacedMinutes({ context: { target } }: Server, bytes: number): string {
  if (target.bytesPerSecond === undefined) return '';
  const minutes = Math.ceil(bytes / target.bytesPerSecond / 60);
  return `, which at this bytesPerSecond takes up to ${minutes} minute${minutes === 1 ? '' : 's'}: take it away or raise it`;
}

/** Without the short lock nobody knows where the log was at the dump's moment. */
async function position(
  { context: { target } }: Server,
  session: Session,
  tables: readonly Found[],
): Promise<Finding[]> {
  if (target.fingerprint !== 'none' || tables.some((one) => !one.transactional)) return [];
  const { log } = await session.row<{ log: number | string }>('SELECT @@log_bin AS log');
  if (Number(log) === 0) return [];
  return [
    warn(
      'The position of the binary log will not be in the manifest: fingerprint is none, so no moment is held for it.',
      "To replay the log onto a restored backup, set fingerprint of the target to 'counts'.",
    ),
  ];
}

/** mariadb-dump escapes such a name where it should not, and does not find it then. */
const oddName = (database: string): Finding[] =>
  /["'\\\\]/.test(database)
    ? [
        bad(
          'The name of the database has a quote or a backslash in it, which mariadb-dump can not cope with.',
          'Move its tables into a database with a plain name.',
        ),
      ]
    : [];

async function versions(session: Session, database: string): Promise<Finding[]> {
  const versioned = await versionedTables(session, database);
  if (versioned.length === 0) return [];
  return [
    warn(`System-versioned tables: ${names(versioned)}.`, 'Their rows of now are backed up, their history is not.'),
  ];
}

async function settings(server: Server, session: Session): Promise<Finding[]> {
  const before = Date.now();
  const { clock } = await session.row<{ clock: number | string }>('SELECT unix_timestamp(now(3)) AS clock');
  const findings: Finding[] = [clockFinding(Number(clock) * 1_000, (before + Date.now()) / 2)];
  const oldest = await session
    .row<{ seconds: number | null }>(
      `SELECT max(timestampdiff(SECOND, trx_started, now())) AS seconds FROM information_schema.innodb_trx`,
    )
    .catch((thrown: unknown) => {
      // Without PROCESS nobody's transactions are seen.
      if (numberOf(thrown) === undefined) throw thrown;
      return { seconds: null };
    });
  if (Number(oldest.seconds ?? 0) > LONG_TRANSACTION_SECONDS)
    findings.push(
      warn(
        `A transaction is open for ${Math.round(Number(oldest.seconds) / 60)} minutes.`,
        'If it writes, the dump’s short lock waits for it, and the rows are counted in the dump only.',
      ),
    );
  const { idle } = await session.row<{ idle: number | string }>('SELECT @@global.wait_timeout AS idle');
  // At MariaDB's own servers its tool takes the server's value for its session, whatever stood there.
  if (server.isMariadb && Number(idle) < VAULT_PATIENCE_SECONDS)
    findings.push(
      warn(
        `wait_timeout is ${Number(idle)} s, and mariadb-dump goes by it: a dump that has to wait for the vault for longer is lost.`,
        `SET GLOBAL wait_timeout = ${VAULT_PATIENCE_SECONDS}; or more, and in the server’s configuration too.`,
      ),
    );
  const { packet } = await session.row<{ packet: number | string }>('SELECT @@max_allowed_packet AS packet');
  if (Number(packet) < 64 * 1024 * 1024)
    findings.push(
      warn(
        `max_allowed_packet is ${Number(packet)} bytes.`,
        `Rows are restored in hex, two characters a byte: for large blobs raise it${server.isMariadb ? ' (the default is 16 MiB)' : ''}.`,
      ),
    );
  return findings;
}
