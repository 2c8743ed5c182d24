/** One database into one archive: pg_dump, its read-through and the fingerprint, all in one snapshot. */
import { NightjarError } from '../../../core/errors.ts';
import { tableName } from '../../../core/scope.ts';
import { warnOfTls } from '../../authority.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { onceConnected } from '../../once-connected.ts';
import { archiveOutlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import { maintenanceDatabases } from './database.ts';
import { definitionText } from './definition.ts';
import { dumpScope, type DumpScope } from './dump-scope.ts';
import { dumpServer } from './dump-server.ts';
import { takeFingerprint } from './fingerprint.ts';
import { dumpGlobals } from './globals.ts';
import { qualified } from './names.ts';
import { reachServer, type PostgresContext, type Server } from './server.ts';
import { joinSnapshot, openSnapshot, watchSnapshot, type Snapshot } from './snapshot.ts';
import {
  encodingOf,
  listTables,
  readExtensions,
  readRoles,
  readSource,
  refuseUnreadable,
  subscriptionsOf,
} from './tables.ts';
import { toolText } from './tool-run.ts';
import { archivePlan } from './write-archive.ts';
import { scriptPlan } from './write-script.ts';

export async function dump(context: PostgresContext, sink: DumpSink): Promise<DumpFacts> {
  const { target, report } = context;
  report.phase('connecting');
  const all = target.scope?.allDatabases === true;
  const others = all ? maintenanceDatabases([target.database]) : [];
  const server = await reachServer(context, [target.database, ...others]);
  // Nothing is asked of a server that there is no client for.
  server.tool('pg_dump');
  warnOfTls(report, server);

  return all ? dumpServer(server, sink, (one, own) => dumpDatabase(one, own)) : dumpDatabase(server, sink, dumpGlobals);
}

/** `globals`: what is dumped in the snapshot besides, before the database itself. */
async function dumpDatabase(server: Server, sink: DumpSink, globals?: typeof dumpGlobals): Promise<DumpFacts> {
  const { context } = server;
  const { report } = context;
  const own = new AbortController();
  const signal = AbortSignal.any([context.signal, own.signal]);
  const snapshot = await openSnapshot(server, signal);
  let watch: Awaited<ReturnType<typeof watchSnapshot>> | undefined;
  try {
    watch = await watchSnapshot(server, signal);
    const facts = await dumpInSnapshot(server, snapshot, sink, own, signal, globals);
    for (const text of await watch.stop()) report.warn(text);
    return facts;
  } catch (thrown) {
    own.abort(thrown);
    context.signal.throwIfAborted();
    throw onceConnected(thrown);
  } finally {
    await Promise.all([snapshot.close(), watch?.stop()]);
  }
}

async function dumpInSnapshot(
  server: Server,
  snapshot: Snapshot,
  sink: DumpSink,
  own: AbortController,
  signal: AbortSignal,
  globals?: typeof dumpGlobals,
): Promise<DumpFacts> {
  const { target, report } = server.context;
  const { session } = snapshot;
  const source = await readSource(server, session);
  const tables = await listTables(session);
  refuseUnreadable(tables, (await session.row<{ name: string }>('SELECT current_user AS name')).name);
  const roles = await readRoles(session);
  const extensions = await readExtensions(session);
  const scope = await dumpScope(session, target, tables);
  for (const text of [...(await oddities(session)), ...scope.warnings]) report.warn(text);
  await globals?.(server, sink, signal);
  // Plain SQL of one database does not say how the database itself was made.
  const definition: DumpFacts['source']['details'] =
    target.format === 'plain' ? { definition: await definitionText(server, signal) } : {};

  report.phase('dumping');
  const plan = (target.format === 'plain' ? scriptPlan : archivePlan)(server, snapshot, scope);
  const version = (await toolText(server, 'pg_dump', ['--version'], { signal, fallback: 'DUMP_FAILED' })).trim();
  const outlet = archiveOutlet(sink, { file: plan.file, signal });
  let begun: () => void = () => undefined;
  const locked = new Promise<void>((resolve) => (begun = resolve));
  const writing = plan.write({ sink: outlet, begun, own, signal });
  const [written, fingerprint] = await together(own, [
    writing,
    // pg_dump holds its locks from its first byte on; an archive that is all written by then is as good.
    Promise.race([locked, writing]).then(() => fingerprintIn(server, snapshot, scope, signal)),
    Promise.race([snapshot.lost, writing]),
  ]);
  const rows =
    fingerprint.mode === 'none' ? undefined : new Map(fingerprint.tables.map((one) => [tableName(one), one.rows]));
  const missing = written.missing({ scope, rows, byName: encodingOf(source) === 'UTF8' });
  if (missing.length > 0)
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'pg_dump',
      detail: `The archive holds no data of ${missing.slice(0, 20).join(', ')} (${missing.length} in all).`,
    });
  await outlet.end();
  return {
    snapshotAt: snapshot.takenAt,
    consistency: 'transaction',
    source: { ...source, details: { ...source.details, ...definition, ...written.details } },
    format: target.format,
    tool: { name: 'pg_dump', version, command: [server.tool('pg_dump'), ...plan.args, ...plan.outside] },
    compression: { place: plan.place, ...target.compression },
    fingerprint,
    roles,
    extensions,
  };
}

async function fingerprintIn(
  server: Server,
  snapshot: Snapshot,
  { filled, largeObjects }: DumpScope,
  signal: AbortSignal,
): Promise<DumpFacts['fingerprint']> {
  const { report, target } = server.context;
  if (target.fingerprint === 'none' || target.scope?.schemaOnly) return { mode: 'none', tables: [], seconds: 0 };
  const names = filled.map((one) => qualified(one.schema, one.table));
  const session = await joinSnapshot(server, snapshot.id, signal, names);
  try {
    return await takeFingerprint(session, filled, target.fingerprint, report, { largeObjects });
  } finally {
    await session.close();
  }
}

/** What a person should know of this database's backup, though it is good. */
async function oddities(session: Snapshot['session']): Promise<string[]> {
  const { unlogged, replica, prepared, subscriptions } = await session.row<{
    unlogged: number;
    replica: boolean;
    prepared: number;
    subscriptions: string | null;
  }>(`
    SELECT (SELECT count(*)::int FROM pg_catalog.pg_class WHERE relpersistence = 'u' AND relkind = 'r') AS unlogged,
           pg_catalog.pg_is_in_recovery() AS replica,
           (SELECT count(*)::int FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()) AS prepared,
           (${subscriptionsOf('current_database()')}) AS subscriptions`);
  return [
    ...(unlogged > 0
      ? [
          replica
            ? `${unlogged} unlogged tables are in the backup without their rows: a replica has none.`
            : `${unlogged} tables are unlogged: after a crash of the server they are empty.`,
        ]
      : []),
    ...(subscriptions === null
      ? []
      : [`The database subscribes to publications (${subscriptions}); subscriptions are in no backup.`]),
    ...(prepared > 0 ? [`${prepared} prepared transactions were open; what they hold is not in the backup.`] : []),
  ];
}
