/** One database into one archive: copied, checked, narrowed, counted, and read through on its way. */
import type { DumpFacts, DumpSink } from '../../engine.ts';
import { foresee } from '../../files/room.ts';
import { packedFile, packingWords } from '../../pipes/packing.ts';
import { archiveOutlet } from '../../pipes/pipes.ts';
import { DUMP_COMMAND, FILES, writeArchive } from './archive.ts';
import { copyOf, type Copy } from './copy.ts';
import { printFile } from './fingerprint.ts';
import { readHeader } from './header.ts';
import { checkIntegrity, tellForeignKeys } from './integrity.ts';
import { orNewer } from './newer.ts';
import { cut } from './scope.ts';
import { toolVersion, withShell } from './shell.ts';
import { moduleOf } from './virtual.ts';
import { withWork, type SqliteContext, type Work } from './work.ts';

export const dump = (context: SqliteContext, sink: DumpSink): Promise<DumpFacts> =>
  withWork(context, (work) => dumpWith(work, sink));

async function dumpWith(work: Work, sink: DumpSink): Promise<DumpFacts> {
  const { target, report } = work.context;
  report.phase('connecting');
  const version = await toolVersion(work, 'DUMP_FAILED');
  const { place, room } = work;
  await foresee({ place, room, report }, [target.database]);
  const copy = await copyOf(work, target.database);
  try {
    return await dumpCopy(work, sink, copy, version);
  } catch (thrown) {
    // The copy's own header names the shell that made it.
    throw orNewer(thrown, copy.version, version);
  }
}

async function dumpCopy(work: Work, sink: DumpSink, copy: Copy, version: string): Promise<DumpFacts> {
  const { context, place, signal } = work;
  const { target, report } = context;
  report.phase('checking the copy');
  await checkIntegrity(work, copy.file, 'DATABASE_DAMAGED');
  await tellForeignKeys(work, copy.file);
  const { bytes: databaseBytes } = await readHeader(copy.file, target.database);
  const file = await cut(work, copy.file, target.scope, 'DUMP_FAILED');
  const header = await readHeader(file, target.database);
  report.phase('counting rows');
  const fingerprint = await printFile(work, file, target.fingerprint);
  const modules = await modulesOf(work, file);

  report.phase('dumping');
  const own = new AbortController();
  signal.throwIfAborted();
  const outlet = archiveOutlet(sink, { file: packedFile(FILES[target.format], target.compression), signal });
  await writeArchive(work, file, outlet, { format: target.format, print: fingerprint, own });
  await outlet.end();
  const how = target.format === 'file' ? '.backup' : DUMP_COMMAND;
  return {
    snapshotAt: copy.takenAt,
    consistency: copy.consistency,
    source: {
      place: place.words,
      database: target.database,
      serverVersion: copy.version,
      serverMajor: 3,
      databaseBytes,
      details: {
        ...copy.details,
        pageSize: header.pageSize,
        encoding: header.encoding,
        autoVacuum: header.autoVacuum,
        userVersion: header.userVersion,
        applicationId: header.applicationId,
        journalMode: header.wal ? 'wal' : 'rollback',
        ...(modules === '' ? {} : { modules }),
      },
    },
    format: target.format,
    tool: {
      name: 'sqlite3',
      version,
      command: ['sqlite3', '-batch', '-bail', target.database, how, ...packingWords(target.compression)],
    },
    compression: { place: 'outside', ...target.compression },
    fingerprint,
    roles: [],
    extensions: [],
  };
}

/** Modules of virtual tables: whoever opens the file needs them. */
async function modulesOf(work: Work, file: string): Promise<string> {
  const rows = await withShell(work, file, { operation: 'read the schema', fallback: 'DUMP_FAILED' }, (shell) =>
    shell.rows<{ sql: string }>(
      `SELECT DISTINCT sql FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 AND sql LIKE 'CREATE VIRTUAL%'`,
    ),
  );
  return [...new Set(rows.map(({ sql }) => moduleOf(sql)))].sort().join(', ');
}
