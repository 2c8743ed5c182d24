/** A database, or all of a server's, into archives: mariadb-dump in one snapshot, read through as it streams, and counted beside it. */
import { NightjarError, toNightjarError, wordsOf, type ErrorCode } from '../../../core/errors.ts';
import { packingWords } from '../../pipes/packing.ts';
import { warnOfTls } from '../../authority.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { onceConnected } from '../../once-connected.ts';
import { planDump, type DumpPlan } from './dump-plan.ts';
import { schemaChanged, toolVersion } from './dump-tool.ts';
import { dumpGlobals } from './globals.ts';
import { beginSnapshot, holdServer, holdTables, serverTime, type Hold } from './hold.ts';
import { judge, type Judged } from './judge-dump.ts';
import { requireRights } from './rights.ts';
import { reachServer, within, type MysqlContext, type Server, type Session } from './server.ts';
import { binlogPosition, charsetOf, databaseBytes, readSource, schemaDigest } from './tables.ts';
import { readViews, writeArchives, type Written, type WrittenPart } from './write-archives.ts';

export async function dump(context: MysqlContext, sink: DumpSink): Promise<DumpFacts> {
  const { target, report } = context;
  const own = new AbortController();
  const signal = AbortSignal.any([context.signal, own.signal]);
  report.phase('connecting');
  const server = await reachServer(context, target.scope?.allDatabases ? undefined : target.database);
  warnOfTls(report, server);
  try {
    const version = await toolVersion(server, signal);
    const plan = await within(server, async (session) => {
      const planned = await planDump(server, session);
      await requireRights(
        server,
        session,
        planned.databases.map(({ database, unsafe }) => ({ database, locks: unsafe.length > 0 })),
      );
      return planned;
    });
    return await dumpHeld(server, plan, sink, version, own, signal);
  } catch (thrown) {
    own.abort(thrown);
    context.signal.throwIfAborted();
    throw onceConnected(thrown);
  }
}

const digestOf = (server: Server, { databases }: DumpPlan): Promise<string> =>
  within(server, async (session) => {
    const digests: string[] = [];
    for (const { database } of databases) digests.push(await schemaDigest(session, database));
    return digests.join('\n');
  });

/** Locks, starts tool and witness in the locked moment, and writes the archives. */
async function dumpHeld(
  server: Server,
  plan: DumpPlan,
  sink: DumpSink,
  version: string,
  own: AbortController,
  signal: AbortSignal,
): Promise<DumpFacts> {
  const { report, target } = server.context;
  const before = await digestOf(server, plan);
  const unchanged = async (): Promise<void> => {
    if ((await digestOf(server, plan)) !== before)
      throw schemaChanged('Definitions of the database changed between its beginning and its end.');
  };
  const views = await readViews(server, plan, signal);
  // While nobody can write, nothing that takes long is asked of the server, and nothing waits for the vault.
  if (plan.whole) await dumpGlobals(server, sink);
  const databases = plan.whole ? plan.databases.map((one) => one.database) : undefined;
  const known = await within(server, (session) => readSource(server, session, databases));
  const counts = target.fingerprint !== 'none' && plan.databases.some((one) => one.data.length > 0);
  const spare = counts ? await server.session(undefined, signal) : undefined;
  let hold: Hold | undefined;
  try {
    hold = await holdFor(server, plan, signal);
    const witness = hold && spare;
    if (witness) await beginSnapshot(witness);
    const { snapshotAt, position } = await (hold ? momentOf(hold.session) : within(server, momentOf));
    report.phase('dumping');
    const began = Date.now();
    const judged = await writeArchives(server, plan, sink, { hold, witness, views }, own, signal, async (written) => {
      await unchanged();
      return judge(server.context, plan, written, (Date.now() - began) / 1_000);
    });
    await unchanged();
    // The position is the snapshot's only while nobody can write.
    const source = { ...known, details: { ...known.details, ...(judged.written.ofTheHold ? position : {}) } };
    return {
      snapshotAt,
      consistency: plan.unsafe ? 'locked' : 'transaction',
      source: plan.whole
        ? source
        : { ...source, details: { ...source.details, ...detailsOf(judged.written.parts[0]!) } },
      format: 'sql',
      tool: {
        name: 'mariadb-dump',
        version,
        command: ['mariadb-dump', ...plan.args, ...packingWords(target.compression)],
      },
      compression: { place: 'outside', ...target.compression },
      fingerprint: judged.fingerprint,
      roles: judged.roles,
      extensions: [],
      ...(plan.whole ? { databases: await within(server, (session) => held(session, judged, snapshotAt)) } : {}),
    };
  } catch (thrown) {
    // A table that goes while the tool is on its way to it is no fault of the tool's.
    if (!(thrown instanceof NightjarError) || !OF_THE_TOOL.includes(thrown.code) || server.context.signal.aborted)
      throw thrown;
    const after = await digestOf(server, plan).catch(() => before);
    throw after === before ? thrown : schemaChanged(`Definitions changed meanwhile. ${wordsOf(thrown)}`, thrown);
  } finally {
    await Promise.all([hold?.release(), spare?.close()]);
  }
}
const OF_THE_TOOL: readonly ErrorCode[] = ['DUMP_FAILED', 'DUMP_EMPTY', 'READ_THROUGH_FAILED'];

/** What a restore asks for before it begins. */
const detailsOf = ({ contents }: Pick<WrittenPart, 'contents'>): Record<string, string | number> => ({
  longestStatement: contents.longest,
  code: [...contents.code].sort().join(' '),
});

const momentOf = async (session: Session) => ({
  snapshotAt: await serverTime(session),
  position: await binlogPosition(session),
});

async function held(
  session: Session,
  { written }: Judged & { written: Written },
  snapshotAt: string,
): Promise<NonNullable<DumpFacts['databases']>> {
  const found: NonNullable<DumpFacts['databases']>[number][] = [];
  for (const { database, contents } of written.parts)
    found.push({
      database,
      snapshotAt,
      databaseBytes: await databaseBytes(session, database),
      details: { ...(await charsetOf(session, database)), ...detailsOf({ contents }) },
      extensions: [],
      roles: [...contents.definers].sort(),
    });
  return found;
}

/** Undefined where it can't be had: then the rows are counted in the dump's own stream only, which is of its own snapshot. */
async function holdFor(server: Server, plan: DumpPlan, signal: AbortSignal): Promise<Hold | undefined> {
  const { report, target } = server.context;
  if (!plan.unsafe && target.fingerprint === 'none') return undefined;
  try {
    return await holdServer(server, signal);
  } catch (thrown) {
    const known = toNightjarError(thrown);
    if (!['LOCK_TIMEOUT', 'PRIVILEGE_MISSING'].includes(known.code)) throw thrown;
    if (plan.unsafe) return holdTables(server, plan.databases, signal);
    // Managed servers never give it; every night's report need not say so.
    if (known.code === 'LOCK_TIMEOUT')
      report.warn(
        `The rows were counted in the dump only, and there is no position of the binary log: ${known.detail ?? known.message}`,
      );
    return undefined;
  }
}
