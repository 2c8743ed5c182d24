/** The two kinds of archive: the database file itself, or its export as one tar. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import type { TablePrint } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { DumpSink, RestoreSource } from '../../engine.ts';
import { packedFile, packingWords, unpacked, writePacked } from '../../pipes/packing.ts';
import { archiveOutlet, strictOutlet, type Outlet } from '../../pipes/pipes.ts';
import { together } from '../../pipes/together.ts';
import { diskFull } from '../../save-archive.ts';
import type { Compression } from '../../../core/engine-fields.ts';
import { differencesInWords } from '../../comparing.ts';
import { pathOnly } from '../../processes.ts';
import { removeDatabase } from './assemble.ts';
import { compare, takePrints, type Reading } from './fingerprint.ts';
import { EXPORT, exportParquet, importParquet } from './parquet.ts';
import { withSession, type DuckdbContext } from './session.ts';
import type { Stretch } from './stretches.ts';
import { listTables, type DataTable } from './tables.ts';
import { hashesIn, tarOf, untar, type Hashes } from './tar.ts';

export type Format = 'file' | 'parquet';
type ArchiveCall = DuckdbContext & { readonly target: { readonly compression: Compression } };

/** Sessions open a file under this name of DuckDB's. */
export const catalogOf = async (session: Parameters<typeof listTables>[0]): Promise<string> =>
  (await session.rows<{ name: string }>('SELECT current_database() AS name'))[0]!.name;

/** DuckDB keeps something of every table that was read until the file is closed: of 10,000 tables 40 MiB. */
const TABLES_AT_ONCE = 2_500;

/** Every value of every table of the file, read by DuckDB. */
export async function readAll(
  call: DuckdbContext,
  file: string,
  options: { content: boolean; fallback: NightjarError['code']; operation: string },
): Promise<Reading & { version: string }> {
  const prints: TablePrint[] = [];
  const stretches = new Map<string, readonly Stretch[]>();
  for (let waiting: readonly DataTable[] | undefined; ;) {
    const read = await withSession(call, { file, readOnly: true, ...options }, async (session) => {
      const catalog = await catalogOf(session);
      const tables = waiting ?? (await listTables(session, catalog));
      const some = tables.slice(0, TABLES_AT_ONCE);
      return {
        reading: await takePrints(session, some, options.content, call.report, catalog),
        rest: tables.slice(TABLES_AT_ONCE),
        version: session.version,
      };
    });
    prints.push(...read.reading.prints);
    for (const [table, taken] of read.reading.stretches) stretches.set(table, taken);
    waiting = read.rest;
    if (waiting.length === 0) return { prints, stretches, version: read.version };
  }
}

/**
 * The database in `file` into the vault, its bytes read through on their way: they are compared with those that DuckDB has
 * read. An export is imported again before, and every value compared: DuckDB and the upload each want their memory.
 * `file` is removed when it is no longer needed. Resolves with the command that a manifest tells.
 */
export async function writeArchive(
  call: ArchiveCall,
  sink: DumpSink,
  database: Reading & { file: string; format: Format; name: string },
): Promise<string[]> {
  const { file, prints, format } = database;
  const { compression } = call.target;
  if (format === 'file') {
    await streamed(call, sink, 'database.duckdb', {
      ...sourceOfFile(file),
      through: hashed(),
    });
    return ['cp', database.name, '/dev/stdout', ...packingWords(compression)];
  }
  await exportParquet(call, file, database.stretches);
  await rm(file);
  await proveExport(call, prints);
  const { stream, done } = tarOf(join(call.room, EXPORT));
  await streamed(call, sink, 'export.tar', { stream, done, through: sameFiles(call, done) });
  return [`EXPORT DATABASE '${EXPORT}' (FORMAT parquet)`, '|', 'tar', '-c', EXPORT, ...packingWords(compression)];
}

async function proveExport(call: DuckdbContext, prints: readonly TablePrint[]): Promise<void> {
  call.report.phase('reading the export back');
  const [made, fallback] = [join(call.room, 'nightjar_again.duckdb'), 'READ_THROUGH_FAILED'] as const;
  await importParquet(call, call.room, made, fallback);
  const found = await readAll(call, made, { content: true, fallback, operation: 'read the export back' });
  const comparison = compare('checksums', prints, found.prints);
  if (!comparison.equal)
    throw new NightjarError(fallback, {
      operation: 'read the export back',
      detail: `Parquet did not hold what the database holds: ${differencesInWords(comparison)} Format \`file\` keeps every type as it is.`,
    });
  await removeDatabase(made);
}

interface Through {
  readonly outlet: Outlet;
  /** After the outlet's end. */
  check(): Promise<void> | void;
}
interface Streamed {
  readonly stream: Readable;
  readonly done: Promise<unknown>;
  readonly through: Through & { sent?: (chunk: Buffer) => void };
}

/** What was read from the disk and what came out of the packed bytes are the same. */
function hashed(): Through & { sent: (chunk: Buffer) => void } {
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  return {
    sent: (chunk) => void sent.update(chunk),
    outlet: {
      write: (chunk) => (received.update(chunk), Promise.resolve(true)),
      end: () => Promise.resolve(),
    },
    check() {
      if (sent.digest('hex') === received.digest('hex')) return;
      throw new NightjarError('READ_THROUGH_FAILED', {
        operation: 'read through',
        detail: 'What came out of the packed archive is not the file that went into it.',
      });
    },
  };
}

/** The files that were proven are those that come out of the packed tar. */
function sameFiles({ signal }: DuckdbContext, sent: Promise<Hashes>): Through {
  const received = new PassThrough();
  const found = hashesIn(received, EXPORT, { signal, fallback: 'READ_THROUGH_FAILED' });
  found.catch((thrown: unknown) => received.destroy(thrown as Error));
  return {
    outlet: strictOutlet(received),
    async check() {
      if (isDeepStrictEqual(await found, await sent)) return;
      throw new NightjarError('READ_THROUGH_FAILED', {
        operation: 'read through',
        detail: 'What came out of the packed archive are not the files that went into it.',
      });
    },
  };
}

const sourceOfFile = (file: string): { stream: Readable; done: Promise<void> } => ({
  stream: createReadStream(file, { highWaterMark: 256 * 1024 }),
  done: Promise.resolve(),
});

async function* tapped(stream: Readable, seen: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    seen(chunk);
    yield chunk;
  }
}

async function streamed(call: ArchiveCall, sink: DumpSink, name: string, { stream, ...from }: Streamed): Promise<void> {
  const own = new AbortController();
  const signal = AbortSignal.any([call.signal, own.signal]);
  const { compression } = call.target;
  const outlet = archiveOutlet(sink, { file: packedFile(name, compression), signal });
  const { sent } = from.through;
  try {
    await writePacked(sent ? Readable.from(tapped(stream, sent), { objectMode: false }) : stream, {
      env: pathOnly(call.env),
      signal,
      compression,
      sink: outlet,
      reader: from.through.outlet,
      ended: from.done,
      own,
      moved: (bytes) => call.report.moved(bytes),
    });
    await from.through.check();
    await outlet.end();
  } catch (thrown) {
    own.abort(thrown);
    call.signal.throwIfAborted();
    throw thrown;
  }
}

/** The archive as a database file of the room. @throws CHECKSUM_MISMATCH, DISK_FULL, RESTORE_FAILED. */
export async function openArchive(call: DuckdbContext, source: RestoreSource): Promise<string> {
  const { manifest } = source;
  const file = join(call.room, 'nightjar_restored.duckdb');
  const own = new AbortController();
  const signal = AbortSignal.any([call.signal, own.signal]);
  call.report.expect(manifest.archive.bytes);
  const { stream, done } = unpacked(source.openArchive(), manifest.compression, {
    env: pathOnly(call.env),
    signal,
    moved: (bytes) => call.report.moved(bytes),
  });
  const format: Format = manifest.format === 'parquet' ? 'parquet' : 'file';
  const archive = join(call.room, 'archive');
  const kept =
    format === 'file'
      ? pipeline(stream, createWriteStream(file, { mode: 0o600 }), { signal })
      : untar(stream, archive, EXPORT, { signal, fallback: 'RESTORE_FAILED' });
  try {
    await together(own, [done, kept]);
  } catch (thrown) {
    call.signal.throwIfAborted();
    throw diskFull(thrown) ?? thrown;
  }
  if (format === 'file') return file;
  await importParquet(call, archive, file, 'RESTORE_FAILED');
  await rm(archive, { recursive: true });
  return file;
}
