/** One database, or a whole server, into one archive: mongodump, read through to its end as it streams. */
import { NightjarError } from '../../../core/errors.ts';
import { packedFile, packingWords } from '../../pipes/packing.ts';
import { archiveOutlet } from '../../pipes/pipes.ts';
import { warnOfTls } from '../../authority.ts';
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { databaseBytes, requireDatabase } from './collections.ts';
import { judgeArchive, listed, look, underwayIn, usersDatabases } from './found.ts';
import { dumpGlobals } from './globals.ts';
import { isOurs } from './names.ts';
import { halfFilled, unfinishedIn } from './note.ts';
import { isOplog } from './oplog.ts';
import { planDump } from './plan.ts';
import { within, type MongodbContext, type Server } from './server.ts';
import { writeArchive } from './stream.ts';
import { toolVersion } from './tool-run.ts';

export const dump = (context: MongodbContext, sink: DumpSink): Promise<DumpFacts> => {
  context.report.phase('connecting');
  return within(context, (server) => dumpFrom(server, sink));
};

async function dumpFrom(server: Server, sink: DumpSink): Promise<DumpFacts> {
  const { target, report, signal: outer } = server.context;
  const { scope, database } = target;
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  warnOfTls(report, server);
  if (!scope?.allDatabases) await requireDatabase(server, database);
  const many = scope?.allDatabases === true;
  const databases = many ? await usersDatabases(server) : [database];
  if (databases.length === 0)
    throw new NightjarError('DATABASE_MISSING', {
      operation: 'list databases',
      detail: `The server shows ${server.username} no database besides its own.`,
    });
  const before = await look(server, databases);
  const underway = await underwayIn(server, databases);
  for (const name of databases) {
    const note = await unfinishedIn(server, name);
    if (note) report.warn(`${halfFilled(name, note)} This backup holds of it what is there.`);
  }
  const plan = planDump(database, scope, server.topology, before.get(database) ?? [], underway.get(database));
  if (plan.warning) report.warn(plan.warning);
  const sizes = new Map<string, number>();
  for (const name of databases) sizes.set(name, await databaseBytes(server, name));
  const users = many && (await dumpGlobals(server, sink, databases));

  report.phase('dumping');
  const version = scope?.schemaOnly ? '' : await toolVersion(server, 'mongodump', signal);
  const snapshotAt = new Date().toISOString();
  const started = performance.now();
  const file = packedFile('archive.mongodump', target.compression);
  const outlet = archiveOutlet(sink, { file, signal });
  const read = await writeArchive(server, plan, { outlet, before, users, own, signal }).catch((thrown: unknown) => {
    outer.throwIfAborted();
    throw thrown;
  });
  const unplayable = [...read.oplog.problems];
  if (plan.oplog && !read.entries.some(isOplog))
    throw new NightjarError('DUMP_EMPTY', { operation: 'mongodump', detail: 'The archive holds no oplog.' });
  const isSnapshot = plan.oplog && unplayable.length === 0;
  const places = await judgeArchive(server, { ...read, isSnapshot }, before);
  const data = places.filter(({ db, collection }) => databases.includes(db) && !isOurs(collection));
  await outlet.end();

  const moment = isSnapshot ? momentPlayed(read.oplog.last, server.clock ?? new Date(snapshotAt)) : snapshotAt;
  if (unplayable.length > 0)
    report.warn(
      `The backup is not of one moment: while it was dumped, its oplog took in what a restore can not play: ${listed(unplayable)}.`,
    );
  return {
    snapshotAt: moment,
    consistency: isSnapshot ? 'snapshot' : 'none',
    source: {
      place: target.srv ? target.host : `${target.host}:${target.port}`,
      database,
      serverVersion: server.version,
      serverMajor: server.major,
      ...(server.setName === undefined ? {} : { systemIdentifier: server.setName }),
      tlsVerified: server.tlsVerified,
      databaseBytes: [...sizes.values()].reduce((sum, one) => sum + one, 0),
      details: { topology: server.topology, oplog: plan.oplog, documentBytes: read.print.documentBytes(databases) },
    },
    ...(many
      ? {
          databases: databases.map((name) => ({
            database: name,
            snapshotAt: moment,
            databaseBytes: sizes.get(name)!,
            details: {
              oplogOperations: read.oplog.done.get(name) ?? 0,
              documentBytes: read.print.documentBytes([name]),
            },
            extensions: [],
          })),
        }
      : {}),
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
      tables: target.fingerprint === 'none' ? [] : read.print.prints(data, many),
      seconds: Math.round(performance.now() - started) / 1_000,
    },
    roles: [],
    extensions: [],
  };
}

/**
 * The moment to which a restore brings all of it: that of the oplog's last entry. Where nobody writes that may be long ago; then
 * all is as it was when the dump began. By the server's clock where it tells it, and never later than the data.
 */
function momentPlayed(last: Date | undefined, began: Date): string {
  return (last !== undefined && last > began ? last : began).toISOString();
}
