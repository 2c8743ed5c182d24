/** Every database of a server in one backup, one after another, each in a snapshot and an archive of its own. */
import type { HeldDatabase } from '../../../core/server-backup.ts';
import { whereOf } from '../../../core/config.ts';
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { databasesOf, somewhere } from './databases.ts';
import { dumpGlobals } from './globals.ts';
import type { Server } from './server.ts';

/** How one database is dumped. */
export type DumpOne = (server: Server, sink: DumpSink) => Promise<DumpFacts>;

/**
 * @throws what one of them failed with, and which it was: a backup of all has all. One that is gone before its turn came, and
 * one that was made meanwhile, is told.
 */
export async function dumpServer(server: Server, sink: DumpSink, dumpOne: DumpOne): Promise<DumpFacts> {
  const { report, signal } = server.context;
  const { names, seen, leftOut } = await databasesOf(server);
  for (const text of leftOut) report.warn(text);
  const done: { readonly database: string; readonly facts: DumpFacts }[] = [];
  for (const [index, database] of names.entries()) {
    const ordinal = `${index + 1} of ${names.length}`;
    let opened = false;
    const own: DumpSink = {
      open(role, file) {
        opened = true;
        return sink.open(role, archiveFile(file, index + 1, database), database);
      },
    };
    try {
      done.push({ database, facts: await dumpOne(serverOf(server, database, `${database}, ${ordinal}`), own) });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toNightjarError(thrown, 'dump');
      if (error.code !== 'DATABASE_MISSING' || opened)
        throw error.retold({ detail: `Database ${database}, ${ordinal}: ${error.detail ?? error.message}` });
      report.warn(`The database ${database} was dropped or renamed before its turn came, and is not in the backup.`);
    }
  }
  const roles = [...new Set(done.flatMap(({ facts }) => facts.roles))].sort();
  // After the last snapshot: whoever owns something in one of them is known by now.
  await dumpGlobals(server, sink, signal, { passwords: true });
  await tellChanges(server, seen, roles);
  return joined(server, done, roles);
}

/** The same server, for another database; what is warned of there says so. */
function serverOf(server: Server, database: string, title: string): Server {
  const { context } = server;
  const { report } = context;
  return {
    ...server,
    context: {
      ...context,
      target: { ...context.target, database },
      report: {
        phase: (text) => report.phase(`${text} (${title})`),
        moved: (bytes) => report.moved(bytes),
        expect: (bytes) => report.expect(bytes),
        found: (bytes) => report.found(bytes),
        warn: (text) => report.warn(`${database}: ${text}`),
        exchange: (state) => report.exchange(state),
      },
    },
  };
}

/** Names of databases hold anything; the number alone makes it the only one, the name is for people. */
export const archiveFile = (file: string, number: number, database: string): string =>
  file.replace(/^archive/, `archive-${number}-${database.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, 63)}`);

async function tellChanges(server: Server, seen: readonly string[], roles: readonly string[]): Promise<void> {
  const { report } = server.context;
  const { fresh, gone } = await somewhere(server, (session) =>
    session.row<{ fresh: string[]; gone: string[] }>(
      `SELECT ARRAY(SELECT datname::text FROM pg_catalog.pg_database
                     WHERE datname <> 'template0' AND NOT datname = ANY ($1) ORDER BY 1) AS fresh,
              ARRAY(SELECT name FROM unnest($2::text[]) AS name
                     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name)) AS gone`,
      [seen, roles],
    ),
  );
  for (const name of fresh)
    report.warn(`The database ${name} was made or renamed while the backup ran, and is not in it.`);
  if (gone.length > 0)
    report.warn(`Roles were dropped while the backup ran, and are needed by what is in it: ${gone.join(', ')}.`);
}

function joined(
  server: Server,
  done: readonly { readonly database: string; readonly facts: DumpFacts }[],
  roles: readonly string[],
): DumpFacts {
  const first = done[0]?.facts;
  if (!first) throw new NightjarError('DUMP_EMPTY', { operation: 'dump', detail: 'The server has no database.' });
  const { target } = server.context;
  const { systemIdentifier } = first.source;
  const extensions = new Map(
    done.flatMap(({ facts }) => facts.extensions.map((one) => [`${one.name} ${one.version}`, one])),
  );
  return {
    ...first,
    source: {
      place: whereOf(target),
      database: target.database,
      serverVersion: server.version,
      serverMajor: server.major,
      ...(systemIdentifier === undefined ? {} : { systemIdentifier }),
      tlsVerified: server.tlsVerified,
      databaseBytes: done.reduce((sum, { facts }) => sum + facts.source.databaseBytes, 0),
      details: {},
    },
    fingerprint: {
      mode: first.fingerprint.mode,
      tables: done.flatMap(({ database, facts }) => facts.fingerprint.tables.map((one) => ({ database, ...one }))),
      seconds: done.reduce((sum, { facts }) => sum + facts.fingerprint.seconds, 0),
    },
    roles: [...roles],
    extensions: [...extensions.values()],
    databases: done.map(({ database, facts }) => heldOf(database, facts)),
  };
}

const heldOf = (
  database: string,
  { snapshotAt, source, extensions, roles }: DumpFacts,
): Omit<HeldDatabase, 'archive'> => ({
  database,
  snapshotAt,
  databaseBytes: source.databaseBytes,
  ...(source.owner === undefined ? {} : { owner: source.owner }),
  details: source.details,
  extensions,
  roles,
});
