/** One database into one archive: mariadb-dump in one snapshot, read through as it streams, and counted beside it. */
import type { TablePrint } from '../../../core/backup.ts';
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import type { ProcessEnd, RunningProcess } from '../../processes.ts';
import { packedFile, packingWords, writePacked } from '../../pipes/packing.ts';
import { bytesOf, strictOutlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import { tablesInScope, type DumpPlan } from './dump-plan.ts';
import { toolError } from './errors.ts';
import { printTables, withSigns } from './fingerprint.ts';
import { holdServer, holdTables, openSnapshot, serverTime, type Hold } from './hold.ts';
import { fingerprintFrom } from './judge-dump.ts';
import { DumpReader, type DumpContents } from './read-through.ts';
import { withoutGenerated } from './rewrite.ts';
import { reachServer, within, type MysqlContext, type Server, type Session } from './server.ts';
import { binlogPosition, readSource, schemaDigest } from './tables.ts';

/** The tool's first bytes come with its first table: then its snapshot is open. It writes 4 KiB at once, its header has 1. */
const SNAPSHOT_WAIT_MS = 20_000;

export async function dump(context: MysqlContext, sink: DumpSink): Promise<DumpFacts> {
  const { target, report } = context;
  const own = new AbortController();
  const signal = AbortSignal.any([context.signal, own.signal]);
  report.phase('connecting');
  const server = await reachServer(context, target.database);
  if (!server.tlsVerified)
    report.warn(
      server.encrypted
        ? 'TLS to the server is not verified (tls.verify is off).'
        : 'The connection to the server is not encrypted (tls.verify is off, and the server offers no TLS).',
    );
  try {
    const version = await toolVersion(server, signal);
    const plan = await within(server, (session) => tablesInScope(server, session), target.database);
    const before = await within(server, (session) => schemaDigest(session, target.database));
    const facts = await dumpHeld(server, plan, sink, version, own, signal);
    const after = await within(server, (session) => schemaDigest(session, target.database));
    if (after !== before) throw schemaChanged('Definitions of the database changed between its beginning and its end.');
    return facts;
  } catch (thrown) {
    own.abort(thrown);
    context.signal.throwIfAborted();
    throw onceConnected(thrown);
  }
}

const schemaChanged = (detail: string, cause?: unknown): NightjarError =>
  new NightjarError('SCHEMA_CHANGED', { operation: 'mariadb-dump', detail, cause });

/** A server that let us in and now refuses a further session has gone away. */
function onceConnected(thrown: unknown): unknown {
  if (!(thrown instanceof NightjarError) || thrown.code !== 'CONNECT_FAILED') return thrown;
  return new NightjarError('CONNECTION_LOST', {
    cause: thrown,
    ...(thrown.operation === undefined ? {} : { operation: thrown.operation }),
    ...(thrown.detail === undefined ? {} : { detail: thrown.detail }),
  });
}

/** @throws DUMP_EMPTY when the tool says nothing of itself: then it does nothing either. */
async function toolVersion(server: Server, signal: AbortSignal): Promise<string> {
  const running = server.start('mariadb-dump', ['--version'], { signal, stdout: 'pipe' });
  const [text] = await Promise.all([bytesOf(running.stdout!), endedWell(running, signal)]);
  if (text.length === 0)
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'mariadb-dump --version',
      detail: 'It ended with 0 and said nothing.',
    });
  return text.toString('utf8').trim();
}

async function endedWell(running: RunningProcess, signal: AbortSignal): Promise<ProcessEnd> {
  const end = await running.done;
  if (end.code === 0) return end;
  signal.throwIfAborted();
  if (/\b1412\b|Table definition has changed/.test(end.stderr)) throw schemaChanged(end.stderr.trim());
  throw toolError('mariadb-dump', end, 'DUMP_FAILED');
}

/** Locks, starts tool and witness in the locked moment, and writes the archive. */
async function dumpHeld(
  server: Server,
  plan: DumpPlan,
  sink: DumpSink,
  version: string,
  own: AbortController,
  signal: AbortSignal,
): Promise<DumpFacts> {
  const { report } = server.context;
  const digest = (): Promise<string> => within(server, (session) => schemaDigest(session, plan.database));
  const before = await digest();
  const hold = await holdFor(server, plan, signal);
  let witness: Session | undefined;
  try {
    witness = hold && plan.data.length > 0 ? await openSnapshot(server, plan.database, signal) : undefined;
    const snapshotAt = await serverTime(server);
    const position = await within(server, binlogPosition);
    // The position is the snapshot's only while nobody can write.
    const source = await within(server, (session) => readSource(server, session, hold ? position : undefined));
    report.phase('dumping');
    const judge: Judge = async (contents, print, seconds) => {
      if ((await digest()) !== before)
        throw schemaChanged('Definitions of the database changed between its beginning and its end.');
      return {
        fingerprint: fingerprintFrom(server.context, plan, contents, print, seconds),
        roles: [...contents.definers].sort(),
        longest: contents.longest,
      };
    };
    const { fingerprint, roles, longest } = await writeArchive(
      server,
      plan,
      sink,
      { hold, witness, judge },
      own,
      signal,
    );
    return {
      snapshotAt,
      consistency: plan.unsafe.length === 0 ? 'transaction' : 'locked',
      source: { ...source, details: { ...source.details, longestStatement: longest } },
      format: 'sql',
      tool: {
        name: 'mariadb-dump',
        version,
        command: ['mariadb-dump', ...plan.args, ...packingWords(server.context.target.compression)],
      },
      compression: { place: 'outside', ...server.context.target.compression },
      fingerprint,
      roles,
      extensions: [],
    };
  } finally {
    await Promise.all([hold?.release(), witness?.close()]);
  }
}

/** Undefined where it can't be had: then the rows are counted in the dump's own stream only, which is of its own snapshot. */
async function holdFor(server: Server, plan: DumpPlan, signal: AbortSignal): Promise<Hold | undefined> {
  if (plan.unsafe.length > 0) return holdTables(server, plan.database, plan.data, signal);
  const { report, target } = server.context;
  if (target.fingerprint === 'none') return undefined;
  try {
    return await holdServer(server, signal);
  } catch (thrown) {
    const known = toNightjarError(thrown);
    if (!['LOCK_TIMEOUT', 'PRIVILEGE_MISSING'].includes(known.code)) throw thrown;
    // Managed servers never give it; every night's report need not say so.
    if (known.code === 'LOCK_TIMEOUT')
      report.warn(`The rows were counted in the dump only, not beside it: ${known.detail ?? known.message}`);
    return undefined;
  }
}

interface Judged {
  readonly fingerprint: DumpFacts['fingerprint'];
  readonly roles: string[];
  readonly longest: number;
}
/** Before the archive is ended: throws what makes it none. */
type Judge = (contents: DumpContents, print: TablePrint[] | undefined, seconds: number) => Promise<Judged>;

async function writeArchive(
  server: Server,
  plan: DumpPlan,
  sink: DumpSink,
  { hold, witness, judge }: { hold: Hold | undefined; witness: Session | undefined; judge: Judge },
  own: AbortController,
  signal: AbortSignal,
): Promise<Judged> {
  const { report, target } = server.context;
  const file = packedFile('archive.sql', target.compression);
  const stream = sink.open('archive', file);
  const outlet = strictOutlet(stream);
  // A sink that waits for its upload would hold up everybody else's end.
  const destroy = (): void => void stream.destroy(toNightjarError(signal.reason));
  signal.addEventListener('abort', destroy, { once: true });
  const began = Date.now();
  const dumper = server.start('mariadb-dump', plan.args, { signal, stdout: 'pipe' });
  const ended = endedWell(dumper, signal);
  const reader = new DumpReader();
  const counting = snapshotOpen(dumper, ended).then(async (open) => {
    // What a snapshot does not cover stays locked to the end.
    if (plan.unsafe.length === 0) await hold?.release();
    if (!open) {
      report.warn('The dump did not begin for long, so its rows were counted in it only, not beside it.');
      return undefined;
    }
    return witness && target.fingerprint !== 'none'
      ? withSigns(report, printTables(witness, plan.database, plan.data, target.fingerprint, report))
      : undefined;
  });
  const writing = writePacked(withoutGenerated(dumper.stdout!, plan.generated), {
    compression: target.compression,
    sink: outlet,
    reader,
    ended,
    own,
    signal,
    env: server.environment(),
    moved: (bytes) => report.moved(bytes),
  });
  const both = Promise.all([writing, counting]);
  both.catch(() => undefined);
  const [, print] = await together(own, [
    writing,
    counting,
    ended,
    ...(hold && plan.unsafe.length > 0 ? [Promise.race([hold.lost, both])] : []),
  ]);
  const judged = await judge(reader.contents, print, (Date.now() - began) / 1_000);
  await outlet.end();
  signal.removeEventListener('abort', destroy);
  return judged;
}

/** Resolves with true when the tool's snapshot is open, which its first bytes tell; false when that takes too long. */
async function snapshotOpen(dumper: RunningProcess, ended: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), SNAPSHOT_WAIT_MS)));
  const begun = new Promise<boolean>((resolve) => dumper.stdout!.once('readable', () => resolve(true)));
  try {
    return await Promise.race([begun, ended.then(() => true), overdue]);
  } finally {
    clearTimeout(timer);
  }
}
