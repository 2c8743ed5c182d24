/** One database, or a whole server, into one archive: mongodump, read through to its end as it streams. */
import { Readable } from 'node:stream';
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import { packedFile, packingWords, writePacked } from '../../pipes/packing.ts';
import { strictOutlet, type Outlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { ArchiveDamaged, ArchiveReader, dataPlace, type CollectionEntry, type Place } from './archive.ts';
import { databaseBytes, listCollections, listDatabases, requireDatabase, type Collection } from './collections.ts';
import { StreamPrint } from './fingerprint.ts';
import { dumpGlobals } from './globals.ts';
import { OURS, SERVERS_OWN, scopeName } from './names.ts';
import { OplogWatch } from './oplog.ts';
import { chosen, planDump, type DumpPlan } from './plan.ts';
import { schemaArchive } from './schema-archive.ts';
import { within, type MongodbContext, type Server } from './server.ts';
import { judge, startTool, toolVersion } from './tool-run.ts';

const NAMED = 20;
const list = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? `, and ${names.length - NAMED} more` : '');

export const dump = (context: MongodbContext, sink: DumpSink): Promise<DumpFacts> => {
  context.report.phase('connecting');
  return within(context, (server) => dumpFrom(server, sink));
};

/** What there is to dump, by database. `filled`: it has documents. */
type Found = ReadonlyMap<string, readonly (Collection & { filled: boolean })[]>;
/** Questions at once. */
const LANES = 8;

async function dumpFrom(server: Server, sink: DumpSink): Promise<DumpFacts> {
  const { target, report, signal: outer } = server.context;
  const { scope, database } = target;
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  if (!server.tlsVerified)
    report.warn(
      server.encrypted
        ? 'TLS to the server is not verified (tls.verify is off).'
        : 'The connection to the server is not encrypted (tls.verify is off, and the server offers no TLS).',
    );
  if (!scope?.allDatabases) await requireDatabase(server, database);
  const databases = scope?.allDatabases ? await usersDatabases(server) : [database];
  const before = await look(server, databases);
  const plan = planDump(database, scope, server.topology, before.get(database) ?? []);
  if (plan.warning) report.warn(plan.warning);
  const bytes = await databaseBytes(server, databases);
  if (scope?.allDatabases) await dumpGlobals(server, sink, databases);

  report.phase('dumping');
  const version = scope?.schemaOnly ? '' : await toolVersion(server, 'mongodump', signal);
  const snapshotAt = new Date().toISOString();
  const started = performance.now();
  const file = packedFile('archive.mongodump', target.compression);
  const stream = sink.open('archive', file);
  // A sink that waits for its upload would hold up everybody else's end.
  const destroy = (): void => void stream.destroy(toNightjarError(signal.reason));
  signal.addEventListener('abort', destroy, { once: true });
  const outlet = strictOutlet(stream);
  const read = await writeArchive(server, plan, { outlet, before, own, signal }).catch((thrown: unknown) => {
    outer.throwIfAborted();
    throw thrown;
  });
  const places = await judgeArchive(server, read, before);
  await outlet.end();
  signal.removeEventListener('abort', destroy);

  const many = scope?.allDatabases === true;
  return {
    // With the oplog all is brought to the moment at which the dump ended.
    snapshotAt: plan.oplog ? new Date().toISOString() : snapshotAt,
    consistency: plan.consistency,
    source: {
      place: target.srv ? target.host : `${target.host}:${target.port}`,
      database,
      serverVersion: server.version,
      serverMajor: server.major,
      ...(server.setName === undefined ? {} : { systemIdentifier: server.setName }),
      tlsVerified: server.tlsVerified,
      databaseBytes: bytes,
      details: { topology: server.topology, oplog: plan.oplog, allDatabases: scope?.allDatabases === true },
    },
    format: 'archive',
    tool: scope?.schemaOnly
      ? {
          name: 'nightjar',
          version: '',
          command: ['listCollections', 'listIndexes', ...packingWords(target.compression)],
        }
      : {
          name: 'mongodump',
          version,
          command: ['mongodump', '--config=…', ...plan.args, ...packingWords(target.compression)],
        },
    compression: { place: 'outside', ...target.compression },
    fingerprint: {
      mode: target.fingerprint,
      tables: target.fingerprint === 'none' ? [] : read.print.prints(comparable(server, read, places), many),
      seconds: Math.round(performance.now() - started) / 1_000,
    },
    roles: [],
    extensions: [],
  };
}

const usersDatabases = async (server: Server): Promise<string[]> =>
  (await listDatabases(server)).filter((name) => !SERVERS_OWN.includes(name));

async function look(server: Server, databases: readonly string[]): Promise<Found> {
  const { scope, database } = server.context.target;
  const found = new Map<string, (Collection & { filled: boolean })[]>();
  for (const name of databases) {
    const all = (await listCollections(server, name)).map((one) => ({ ...one, filled: false }));
    // What a scope names must be there.
    if (name === database) chosen(all, scope);
    const waiting = all.filter((one) => one.type === 'collection' && !scope?.schemaOnly).values();
    const lane = async (): Promise<void> => {
      for (const one of waiting) {
        one.filled = await hasRows(server, { db: name, name: one.name });
        server.context.report.moved(0);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    found.set(name, all);
  }
  return found;
}

interface Read {
  readonly entries: readonly CollectionEntry[];
  readonly print: StreamPrint;
  /** Collections, `shop.orders`, that the oplog in the archive changes after their documents were read. */
  readonly touched: ReadonlySet<string>;
}

async function writeArchive(
  server: Server,
  plan: DumpPlan,
  to: { outlet: Outlet; before: Found; own: AbortController; signal: AbortSignal },
): Promise<Read> {
  const { target, report } = server.context;
  const { own, signal } = to;
  let entries: readonly CollectionEntry[] = [];
  const print = new StreamPrint(target.fingerprint);
  const oplog = new OplogWatch();
  const reader = new ArchiveReader({
    prelude: (_header, found) => (entries = found),
    block: (place) => {
      print.block(place);
      oplog.block(place);
    },
    ...(print.document || plan.oplog
      ? {
          document: (bytes, from, end, ends) => {
            print.document?.(bytes, from, end, ends);
            oplog.document(bytes, from, end, ends);
          },
        }
      : {}),
    body: (bytes, documents) => print.body(bytes, documents),
    blockEnd: () => undefined,
    end: (place) => print.end(place),
  });
  const through = async (work: () => void): Promise<void> => {
    try {
      work();
    } catch (thrown) {
      if (!(thrown instanceof ArchiveDamaged)) throw thrown;
      throw new NightjarError('READ_THROUGH_FAILED', {
        operation: 'read archive',
        detail: thrown.message,
        cause: thrown,
      });
    }
    return Promise.resolve();
  };
  const outlet: Outlet = {
    write: async (chunk) => {
      await through(() => reader.feed(chunk));
      return true;
    },
    end: () => through(() => reader.finish()),
  };
  const packing = {
    env: server.environment(),
    signal,
    compression: target.compression,
    sink: to.outlet,
    reader: outlet,
    own,
    moved: (bytes: number) => report.moved(bytes),
  };
  if (target.scope?.schemaOnly) {
    const archive = Readable.from(schemaArchive(server, to.before), { objectMode: false });
    await writePacked(archive, { ...packing, ended: Promise.resolve() });
  } else {
    const tool = startTool(server, 'mongodump', plan.args, { signal, stdout: 'pipe' });
    const ended = judge(tool, 'mongodump', signal, 'DUMP_FAILED');
    await together(own, [writePacked(tool.stdout!, { ...packing, ended }), ended]);
  }
  return { entries, print, touched: oplog.touched };
}

/** The places of what is in it. @throws DUMP_EMPTY when it lacks what was and is there. */
async function judgeArchive(server: Server, { entries, print }: Read, before: Found): Promise<Place[]> {
  const { report, target } = server.context;
  const many = target.scope?.allDatabases === true;
  const has = new Set(entries.map(({ db, collection }) => `${db}.${collection}`));
  const wanted = [...before].flatMap(([db, all]) =>
    (many ? all : chosen(all, target.scope)).map((one) => ({ ...one, db, collection: one.name })),
  );
  const missing: string[] = [];
  const changed: string[] = [];
  for (const [db, all] of before) {
    const now = new Map((await listCollections(server, db)).map((one) => [one.name, one]));
    for (const one of wanted.filter((two) => two.db === db)) {
      const still = now.get(one.name);
      const same = still?.uuid === one.uuid && still?.type === one.type;
      if (!still || !same) changed.push(scopeName(one, many));
      else if (!has.has(`${db}.${one.name}`)) missing.push(scopeName(one, many));
      else if (one.filled && print.rowsOf(one) === 0 && (await hasRows(server, one)))
        missing.push(scopeName(one, many));
    }
    for (const name of now.keys())
      if (!all.some((one) => one.name === name)) changed.push(scopeName({ db, collection: name }, many));
    report.moved(0);
  }
  if (missing.length > 0)
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'mongodump',
      detail: `The archive holds nothing of ${list(missing)} (${missing.length} in all).`,
    });
  if (changed.length > 0)
    report.warn(`While the dump ran, somebody made or dropped ${list(changed)}: the backup may have it or not.`);
  return entries.filter((one) => one.type !== 'view' && one.db !== '').map(dataPlace);
}

const hasRows = async (server: Server, { db, name }: { db: string; name: string }): Promise<boolean> =>
  (await server.ask('find', () =>
    server
      .database(db)
      .collection(name)
      .findOne({}, { projection: { _id: 1 } }),
  )) !== null;

/** What the archive alone tells the rows of. */
function comparable(server: Server, { touched }: Read, places: readonly Place[]): Place[] {
  const users = places.filter(({ db, collection }) => !SERVERS_OWN.includes(db) && !OURS.includes(collection));
  const quiet = users.filter(({ db, collection }) => !touched.has(`${db}.${collection}`));
  const busy = users.filter((one) => !quiet.includes(one)).map((one) => scopeName(one, true));
  if (busy.length > 0)
    server.context.report.warn(
      `${busy.length} collections were written to while the dump ran: ${list(busy)}. What was written is in the backup (its oplog); ` +
        'how many documents that makes is not counted, so a restore compares the others only.',
    );
  return quiet;
}
