/** What can be known about tonight's backup without making it. Reads only. */
import { NightjarError } from '../../../core/errors.ts';
import type { Finding, ProbeOutcome } from '../../../core/job.ts';
import { databaseBytes, listCollections, requireDatabase, type Collection } from './collections.ts';
import { brokeOff, journalIn } from './journal.ts';
import { seenDatabases, usersDatabases } from './found.ts';
import { halfFilled, unfinishedIn } from './note.ts';
import { planDump } from './plan.ts';
import { within, type MongodbContext, type Server } from './server.ts';
import { toolVersion } from './tool-run.ts';
import { bad, ok, warn, clockFinding } from '../../findings.ts';

/** What the tools in the image are made for. Source: MongoDB Database Tools, compatibility of 100.9. */
const NEWEST_MAJOR = 7;
const NAMED = 10;

/** @throws what keeps it from reaching the server; everything else is a finding. */
export async function probe(context: MongodbContext): Promise<Omit<ProbeOutcome, 'kind'>> {
  const { target, report } = context;
  report.phase('connecting');
  return within(context, async (server) => {
    report.phase('looking around');
    const many = target.scope?.allDatabases === true;
    if (!many) await requireDatabase(server, target.database);
    const { databases, hidden } = many ? await everyDatabase(server) : { databases: [target.database], hidden: [] };
    const found = await collectionsIn(server, databases);
    const findings = [
      tls(server),
      ...(await tools(server)),
      consistency(server),
      ...(server.clock ? [clockFinding(server.clock.getTime(), Date.now())] : []),
      ...found.findings,
      ...kinds(found.all),
      ...(await brokenOff(server, databases)),
      ...hidden,
      ...(many ? await users(server) : []),
    ];
    if (found.findings.some((one) => one.level === 'bad')) return { serverVersion: server.version, findings };
    let bytes = 0;
    for (const name of databases) bytes += await databaseBytes(server, name);
    return { serverVersion: server.version, databaseBytes: bytes, findings };
  });
}

/** Those that can be looked at; a finding where there may be others. */
async function everyDatabase(server: Server): Promise<{ databases: string[]; hidden: Finding[] }> {
  try {
    return { databases: await usersDatabases(server), hidden: [] };
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
    const what = `${server.username} may not list all databases: a backup of all of them is refused, for some could be hidden.`;
    return { databases: await seenDatabases(server), hidden: [bad(what, grantOfBackup(server))] };
  }
}

const grantOfBackup = ({ username }: Server): string =>
  `db.getSiblingDB("admin").grantRolesToUser("${username}", [{ role: "backup", db: "admin" }])`;

function tls(server: Server): Finding {
  if (server.tlsVerified) return ok('TLS, with the certificate verified.');
  return warn(
    server.encrypted ? 'TLS without verification.' : 'No encryption: the server offers no TLS.',
    'Set tls.verify of the target to full, and tls.ca to what signed the server’s certificate.',
  );
}

async function tools(server: Server): Promise<Finding[]> {
  try {
    const version = await toolVersion(server, 'mongodump', server.context.signal);
    if (server.major <= NEWEST_MAJOR) return [ok(`MongoDB ${server.version}, and mongodump ${version}.`)];
    return [
      warn(
        `MongoDB ${server.version} is newer than mongodump ${version} was made for (up to ${NEWEST_MAJOR}).`,
        'Update Nightjar’s image, and restore one backup beside the original as a trial.',
      ),
    ];
  } catch (thrown) {
    if (!(thrown instanceof NightjarError)) throw thrown;
    return [bad('The image has no mongodump.', 'Use Nightjar’s image, or put MongoDB’s Database Tools on its PATH.')];
  }
}

function consistency(server: Server): Finding {
  const { scope, database } = server.context.target;
  const plan = planDump(database, scope?.tables || scope?.exclude ? undefined : scope, server.topology, []);
  if (plan.oplog) return ok('A replica set: with its oplog the backup is of one moment, and a restore plays it.');
  return warn('The backup is not of one moment.', plan.warning ?? 'It holds definitions only.');
}

/** All of them, and what may not be read. */
async function collectionsIn(
  server: Server,
  databases: readonly string[],
): Promise<{ all: Collection[]; findings: Finding[] }> {
  const all: Collection[] = [];
  const hidden: string[] = [];
  for (const database of databases) {
    try {
      const found = await listCollections(server, database);
      all.push(...found);
      for (const { name } of found.filter((one) => one.type === 'collection'))
        await refused(server, database, name).then((no) => no && hidden.push(`${database}.${name}`));
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
      hidden.push(database);
    }
    server.context.report.moved(0);
  }
  if (hidden.length === 0) return { all, findings: [ok(`${server.username} may read all ${all.length} collections.`)] };
  const role = databases.length > 1 ? '{ role: "backup", db: "admin" }' : `{ role: "read", db: "${databases[0]}" }`;
  const some = hidden.slice(0, NAMED).join(', ') + (hidden.length > NAMED ? ', …' : '');
  return {
    all,
    findings: [
      bad(
        `${server.username} may not read ${some} (${hidden.length} in all).`,
        `db.getSiblingDB("admin").grantRolesToUser("${server.username}", [${role}])`,
      ),
    ],
  };
}

async function refused(server: Server, database: string, name: string): Promise<boolean> {
  try {
    await server.ask('find', () =>
      server
        .database(database)
        .collection(name)
        .findOne({}, { projection: { _id: 1 } }),
    );
    return false;
  } catch (thrown) {
    if (isMissing(thrown)) return true;
    throw thrown;
  }
}
const isMissing = (thrown: unknown): boolean => thrown instanceof NightjarError && thrown.code === 'PRIVILEGE_MISSING';

function kinds(all: readonly Collection[]): Finding[] {
  const series = all.filter((one) => one.type === 'timeseries').map((one) => one.name);
  if (series.length === 0) return [];
  return [
    warn(
      `Time series: ${series.slice(0, NAMED).join(', ')}.`,
      'MongoDB can not rename them, so a database that has some is restored with mode `new` only.',
    ),
  ];
}

async function brokenOff(server: Server, databases: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  const may = async <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch((thrown: unknown) => {
      if (isMissing(thrown)) return undefined;
      throw thrown;
    });
  for (const database of databases) {
    const journal = await may(journalIn(server, database));
    if (journal)
      findings.push(
        bad(
          brokeOff(database, journal),
          'Nothing is lost. The next restore or rollback of this database puts it in order first; docs/engines/mongodb.md says how to do it by hand.',
        ),
      );
    const note = await may(unfinishedIn(server, database));
    if (note)
      findings.push(
        bad(
          halfFilled(database, note),
          'Let no application use it. If that restore is over, start it again, of the same backup: it loads all of it anew.',
        ),
      );
    server.context.report.moved(0);
  }
  return findings;
}

/** Of a whole server mongodump reads where they are kept, and fails where it sees them and may not. */
async function users(server: Server): Promise<Finding[]> {
  try {
    await server.ask('usersInfo', () => server.database('admin').command({ usersInfo: { forAllDBs: true } }));
    if (!(await refused(server, 'admin', 'system.users'))) return [ok('Users and roles can be read.')];
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
  return [
    bad(
      `${server.username} may not read users and roles: a backup of all databases fails for that, or lacks them.`,
      grantOfBackup(server),
    ),
  ];
}
