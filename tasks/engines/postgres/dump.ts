/** One database into one archive: pg_dump, its read-through and the fingerprint, all in one snapshot. */
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { takeFingerprint } from './fingerprint.ts';
import { dumpGlobals } from './globals.ts';
import { qualified } from './names.ts';
import { childOutlet, pump, strictOutlet, textOf, type Outlet } from '../../pipes/pipes.ts';
import { reachServer, type PostgresContext, type Server } from './server.ts';
import { joinSnapshot, openSnapshot, watchSnapshot, type Snapshot } from './snapshot.ts';
import {
  encodingOf,
  listTables,
  readExtensions,
  readRoles,
  readSource,
  refuseUnreadable,
  type DataTable,
} from './tables.ts';
import { missingData, parseToc } from './toc.ts';
import { together } from '../../pipes/together.ts';
import { judge, startTool, startZstd, toolText } from './tool-run.ts';

/** From here on pg_dump compresses with zstd itself. */
const ZSTD_INSIDE_FROM = 16;
/** A reader that leaves more than this unread, which is what a pipe holds, has not read to the end. */
const UNREAD_AT_MOST = 64 * 1024;

export async function dump(context: PostgresContext, sink: DumpSink): Promise<DumpFacts> {
  const { target, report } = context;
  const own = new AbortController();
  const signal = AbortSignal.any([context.signal, own.signal]);
  report.phase('connecting');
  const server = await reachServer(context, [target.database]);
  // Nothing is asked of a server that there is no client for.
  server.tool('pg_dump');
  if (!server.tlsVerified)
    report.warn(
      server.encrypted
        ? 'TLS to the server is not verified (tls.verify is off).'
        : 'The connection to the server is not encrypted (tls.verify is off, and the server offers no TLS).',
    );

  const snapshot = await openSnapshot(server, signal);
  let watch: Awaited<ReturnType<typeof watchSnapshot>> | undefined;
  try {
    watch = await watchSnapshot(server, signal);
    const facts = await dumpInSnapshot(server, snapshot, sink, own, signal);
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

/** A server that let us in and now refuses a further session has gone away: whichever session notices first. */
function onceConnected(thrown: unknown): unknown {
  if (!(thrown instanceof NightjarError) || thrown.code !== 'CONNECT_FAILED') return thrown;
  const { operation, detail } = thrown;
  return new NightjarError('CONNECTION_LOST', {
    cause: thrown,
    ...(operation === undefined ? {} : { operation }),
    ...(detail === undefined ? {} : { detail }),
  });
}

async function dumpInSnapshot(
  server: Server,
  snapshot: Snapshot,
  sink: DumpSink,
  own: AbortController,
  signal: AbortSignal,
): Promise<DumpFacts> {
  const { target, report } = server.context;
  const { session } = snapshot;
  const source = await readSource(server, session);
  const tables = await listTables(session);
  refuseUnreadable(tables, (await session.row<{ name: string }>('SELECT current_user AS name')).name);
  const roles = await readRoles(session);
  const extensions = await readExtensions(session);
  for (const text of await oddities(session)) report.warn(text);
  await dumpGlobals(server, sink, signal);

  report.phase('dumping');
  const archive = archivePlan(server, snapshot);
  const version = (await toolText(server, 'pg_dump', ['--version'], { signal, fallback: 'DUMP_FAILED' })).trim();
  const stream = sink.open('archive', archive.file);
  const outlet = strictOutlet(stream);
  // A sink that waits for its upload would hold up everybody else's end.
  const destroy = (): void => void stream.destroy(toNightjarError(signal.reason));
  signal.addEventListener('abort', destroy, { once: true });
  let begun: () => void = () => undefined;
  const locked = new Promise<void>((resolve) => (begun = resolve));
  const writing = writeArchive(server, archive, outlet, begun, own, signal);
  const [toc, fingerprint] = await together(own, [
    writing,
    // pg_dump holds its locks from its first byte on; an archive that is all written by then is as good.
    Promise.race([locked, writing]).then(() => fingerprintIn(server, snapshot, tables, signal)),
    Promise.race([snapshot.lost, writing]),
  ]);
  const missing = missingData(parseToc(toc), tables, encodingOf(source) === 'UTF8');
  if (missing.length > 0)
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'pg_dump',
      detail: `The archive holds no data of ${missing.slice(0, 20).join(', ')} (${missing.length} in all).`,
    });
  await outlet.end();
  signal.removeEventListener('abort', destroy);
  return {
    snapshotAt: snapshot.takenAt,
    consistency: 'transaction',
    source,
    format: target.format,
    tool: { name: 'pg_dump', version, command: [server.tool('pg_dump'), ...archive.args, ...archive.outside] },
    compression: { place: archive.inside ? 'inside' : 'outside', ...target.compression },
    fingerprint,
    roles,
    extensions,
  };
}

interface ArchivePlan {
  readonly inside: boolean;
  readonly file: string;
  readonly args: readonly string[];
  /** The rest of the pipe, as it is told in the manifest. */
  readonly outside: readonly string[];
}

function archivePlan(server: Server, snapshot: Snapshot): ArchivePlan {
  const { database, compression, lockTimeoutSeconds } = server.context.target;
  const { algorithm, level } = compression;
  const inside = algorithm !== 'zstd' || server.major >= ZSTD_INSIDE_FROM;
  // Before 16 the option took a level of gzip and nothing else.
  const how = !inside || algorithm === 'none' ? '0' : server.major < ZSTD_INSIDE_FROM ? level : `${algorithm}:${level}`;
  const zstd = ['zstd', '-q', '-c', `-${level}`];
  return {
    inside,
    file: inside ? 'archive.dump' : 'archive.dump.zst',
    args: [
      '--format=custom',
      `--compress=${how}`,
      `--snapshot=${snapshot.id}`,
      `--lock-wait-timeout=${lockTimeoutSeconds * 1_000}`,
      '--no-password',
      `--dbname=${server.conninfo(database)}`,
    ],
    outside: inside ? [] : ['|', ...zstd],
  };
}

/** Writes the archive and reads it through on its way. Resolves with its table of contents once every child ended with 0. */
async function writeArchive(
  server: Server,
  plan: ArchivePlan,
  sink: Outlet,
  begun: () => void,
  own: AbortController,
  signal: AbortSignal,
): Promise<string> {
  const { report } = server.context;
  const moved = (bytes: number): void => {
    begun();
    report.moved(bytes);
  };

  const dumper = startTool(server, 'pg_dump', plan.args, { signal: signal, stdout: 'pipe' });
  const dumped = judge(dumper, 'pg_dump', signal, 'DUMP_FAILED');
  const reader = readThrough(server, signal);

  if (plan.inside) {
    const work = (async () => {
      const bytes = await pump(dumper.stdout!, [sink, reader.outlet], moved);
      await dumped;
      refuseEmpty(bytes);
      await reader.outlet.end();
    })();
    const [toc] = await together(own, [reader.toc, work, dumped]);
    return toc;
  }

  const packer = startZstd(server, plan.outside.slice(2), { signal: signal, stdin: 'pipe', stdout: 'pipe' });
  const unpacker = startZstd(server, ['-q', '-d', '-c'], { signal: signal, stdin: 'pipe', stdout: 'pipe' });
  const packed = judge(packer, 'zstd', signal, 'DUMP_FAILED');
  const unpacked = judge(unpacker, 'zstd -d', signal, 'READ_THROUGH_FAILED');
  const [toPacker, toUnpacker] = [childOutlet(packer.stdin!), childOutlet(unpacker.stdin!)];
  const steps = [
    (async () => {
      const bytes = await pump(dumper.stdout!, [toPacker], begun);
      await dumped;
      refuseEmpty(bytes);
      await toPacker.end();
    })(),
    (async () => {
      await pump(packer.stdout!, [sink, toUnpacker], moved);
      await packed;
      await toUnpacker.end();
    })(),
    (async () => {
      await pump(unpacker.stdout!, [reader.outlet]);
      await unpacked;
      await reader.outlet.end();
    })(),
  ] as const;
  const [toc] = await together(own, [reader.toc, ...steps, dumped, packed, unpacked]);
  return toc;
}

function refuseEmpty(bytes: number): void {
  if (bytes === 0) throw new NightjarError('DUMP_EMPTY', { operation: 'pg_dump' });
}

/** The engine's own reader on the archive as it passes: all of it is decoded, and its table of contents listed. */
function readThrough(server: Server, signal: AbortSignal): { outlet: Outlet; toc: Promise<string> } {
  const through = startTool(server, 'pg_restore', ['--file=/dev/null'], { signal, stdin: 'pipe' });
  const lister = startTool(server, 'pg_restore', ['--list', '--verbose'], { signal, stdin: 'pipe', stdout: 'pipe' });
  const [toThrough, toLister] = [childOutlet(through.stdin!), childOutlet(lister.stdin!)];
  let unread = 0;
  const check = async (running: typeof through, name: string): Promise<void> => {
    await judge(running, name, signal, 'READ_THROUGH_FAILED').catch((thrown: unknown) => {
      // Whatever the reader's words look like, it is the archive that it speaks of.
      if (!(thrown instanceof NightjarError) || thrown.operation !== name) throw thrown;
      throw new NightjarError('READ_THROUGH_FAILED', {
        operation: name,
        ...(thrown.detail === undefined ? {} : { detail: thrown.detail }),
        cause: thrown,
      });
    });
  };
  const outlet: Outlet = {
    async write(chunk) {
      const [took] = await Promise.all([toThrough.write(chunk), toLister.write(chunk)]);
      if (!took) unread += chunk.length;
      return took;
    },
    async end() {
      // It may have ended with 0 long ago, having looked at the beginning only.
      if (unread > UNREAD_AT_MOST)
        throw new NightjarError('READ_THROUGH_FAILED', {
          operation: 'pg_restore',
          detail: `pg_restore stopped reading ${unread} bytes before the archive's end.`,
        });
      await Promise.all([toThrough.end(), toLister.end()]);
    },
  };
  const toc = Promise.all([
    textOf(lister.stdout!),
    check(through, 'pg_restore'),
    check(lister, 'pg_restore --list'),
  ]).then(([text]) => text);
  return { outlet, toc };
}

async function fingerprintIn(
  server: Server,
  snapshot: Snapshot,
  tables: readonly DataTable[],
  signal: AbortSignal,
): Promise<DumpFacts['fingerprint']> {
  const { report, target } = server.context;
  if (target.fingerprint === 'none') return { mode: 'none', tables: [], seconds: 0 };
  const names = tables.map((one) => qualified(one.schema, one.table));
  const session = await joinSnapshot(server, snapshot.id, signal, names);
  try {
    return await takeFingerprint(session, tables, target.fingerprint, report);
  } finally {
    await session.close();
  }
}

/** What a person should know of this database's backup, though it is good. */
async function oddities(session: Snapshot['session']): Promise<string[]> {
  const { unlogged, replica, prepared } = await session.row<{ unlogged: number; replica: boolean; prepared: number }>(`
    SELECT (SELECT count(*)::int FROM pg_catalog.pg_class WHERE relpersistence = 'u' AND relkind = 'r') AS unlogged,
           pg_catalog.pg_is_in_recovery() AS replica,
           (SELECT count(*)::int FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()) AS prepared`);
  return [
    ...(unlogged > 0
      ? [
          replica
            ? `${unlogged} unlogged tables are in the backup without their rows: a replica has none.`
            : `${unlogged} tables are unlogged: after a crash of the server they are empty.`,
        ]
      : []),
    ...(prepared > 0 ? [`${prepared} prepared transactions were open; what they hold is not in the backup.`] : []),
  ];
}
