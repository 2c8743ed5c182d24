/** The stored archive: the file as it is, or the SQL that makes it; written with a reader on its heels, and read back. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Fingerprint } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import type { RestoreSource } from '../../engine.ts';
import { breakOnAbort, childOutlet, type Outlet } from '../../pipes/pipes.ts';
import { unpacked, writePacked } from '../../pipes/packing.ts';
import { together } from '../../pipes/together.ts';
import { startProcess } from '../../processes.ts';
import { diskFull } from '../../save-archive.ts';
import { shellError, type Meaning } from './errors.ts';
import { compare, printFile } from './fingerprint.ts';
import { readHeader, type Header } from './header.ts';
import { settingsAfter, settingsBefore } from './scope.ts';
import { args } from './shell.ts';
import { alive, type Work } from './work.ts';

export const FILES = { file: 'archive.db', sql: 'archive.sql' } as const;
export type Format = keyof typeof FILES;
/** Rowids too: a table without a key of its own may be referred to by them. */
export const DUMP_COMMAND = '.dump --preserve-rowids';

/** The file into the sink, packed; what was stored is unpacked again and read through. Does not end the sink. */
export async function writeArchive(
  work: Work,
  file: string,
  sink: Outlet,
  { format, print, own }: { format: Format; print: Fingerprint; own: AbortController },
): Promise<void> {
  const signal = AbortSignal.any([work.signal, own.signal]);
  const inside: Work = { ...work, signal };
  const { from, ended, reader, done } = await (format === 'file' ? filePipe(inside, file) : sqlPipe(inside, file));
  await together(own, [
    writePacked(from, {
      env: work.env,
      signal,
      compression: work.context.target.compression,
      sink,
      reader,
      ended,
      own,
      moved: (bytes) => work.context.report.moved(bytes),
    }),
    ended,
    done,
  ]);
  if (format === 'sql') await compareThrown(work, file, print);
}

interface Pipe {
  readonly from: Readable;
  /** Whoever writes has ended well. */
  readonly ended: Promise<unknown>;
  readonly reader: Outlet;
  /** The reader has read to the end, and found it good. */
  readonly done: Promise<unknown>;
}

const unread = (detail: string): NightjarError =>
  new NightjarError('READ_THROUGH_FAILED', { operation: 'read through', detail });

async function filePipe(work: Work, file: string): Promise<Pipe> {
  const { size } = await stat(file);
  const header = await readHeader(file, 'the copy');
  if (size % header.pageSize !== 0 || (header.pages ?? size / header.pageSize) * header.pageSize !== size)
    throw unread(`The copy has ${size} bytes, and says that it has ${header.pages} pages of ${header.pageSize}.`);
  const [went, came] = [createHash('sha256'), createHash('sha256')];
  let bytes = 0;
  const read = async function* (): AsyncGenerator<Buffer> {
    const stream = createReadStream(file, { highWaterMark: 256 * 1024, signal: work.signal });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      went.update(chunk);
      yield chunk;
    }
  };
  const from = Readable.from(read(), { objectMode: false });
  return {
    from,
    ended: Promise.resolve(),
    reader: {
      write(chunk) {
        bytes += chunk.length;
        came.update(chunk);
        return Promise.resolve(true);
      },
      end() {
        if (bytes === size && came.digest('hex') === went.digest('hex')) return Promise.resolve();
        return Promise.reject(unread(`Of ${size} bytes ${bytes} came back, or others.`));
      },
    },
    done: Promise.resolve(),
  };
}

const thrownAway = (work: Work): string => join(work.room, 'read-through.db');

/** The SQL on its way is run by the engine's own reader, into a database that is thrown away. */
async function sqlPipe(work: Work, file: string): Promise<Pipe> {
  const header = await readHeader(file, 'the copy');
  const { env, signal } = work;
  const dumper = startProcess('sqlite3', [...args(file, { readonly: !header.wal }), DUMP_COMMAND], {
    env,
    signal,
    stdout: 'pipe',
  });
  const ended = endOf(dumper.done, signal, { operation: '.dump', fallback: 'DUMP_FAILED' });
  const meaning = {
    operation: 'read through',
    fallback: 'READ_THROUGH_FAILED',
    damaged: 'READ_THROUGH_FAILED',
  } as const;
  const reader = startProcess('sqlite3', args(thrownAway(work), { safe: true }), { env, signal, stdin: 'pipe' });
  return {
    from: framed(dumper.stdout!, header),
    ended,
    reader: childOutlet(reader.stdin!),
    done: alive(work, endOf(reader.done, signal, meaning)),
  };
}

/** What `.dump` leaves out: settings of the file itself. */
function framed(dump: Readable, header: Header): Readable {
  const whole = new PassThrough({ highWaterMark: 256 * 1024 });
  whole.write(`${settingsBefore(header).join('\n')}\n`);
  let any = false;
  dump.on('data', () => (any = true));
  dump.once('error', (cause) => whole.destroy(cause));
  dump.once('end', () => void (any ? whole.end(`${settingsAfter(header).join('\n')}\n`) : whole.destroy(nothing())));
  dump.pipe(whole, { end: false });
  return whole;
}
const nothing = (): NightjarError => new NightjarError('DUMP_EMPTY', { operation: '.dump' });

async function endOf(
  done: ReturnType<typeof startProcess>['done'],
  signal: AbortSignal,
  meaning: Meaning,
): Promise<void> {
  const end = await done;
  if (end.code === 0) return;
  signal.throwIfAborted();
  throw shellError(end, meaning);
}

/** `.dump` loses some things without a word, such as text behind a zero byte: so content is compared, not only counts. */
async function compareThrown(work: Work, file: string, print: Fingerprint): Promise<void> {
  const wanted = print.mode === 'checksums' ? print : await printFile(work, file, 'checksums');
  const found = await printFile(work, thrownAway(work), 'checksums');
  const comparison = compare(wanted.tables, found.tables, 'checksums');
  if (comparison.equal) return;
  const tables = comparison.differences.slice(0, 10).map((one) => one.table);
  throw unread(
    `The SQL does not bring ${tables.join(', ')} back as they are (text with a zero byte is one reason). The format "file" does.`,
  );
}

/** The archive as a database on the task's disk. Resolves after its stored bytes were proven. */
export async function readArchive(work: Work, source: RestoreSource): Promise<string> {
  const { manifest } = source;
  const { report } = work.context;
  const file = join(work.room, 'restored.db');
  const own = new AbortController();
  const signal = AbortSignal.any([work.signal, own.signal]);
  const stored = source.openArchive();
  breakOnAbort(stored, signal);
  report.expect(manifest.archive.bytes);
  const { stream, done } = unpacked(stored, manifest.compression, {
    env: work.env,
    signal,
    moved: (bytes) => report.moved(bytes),
  });
  try {
    if (manifest.format === 'file') {
      const output = createWriteStream(file, { mode: 0o600 });
      await together(own, [pipeline(stream, output, { signal }), done]);
    } else {
      const reader = startProcess('sqlite3', args(file, { safe: true }), { env: work.env, signal, stdin: 'pipe' });
      const meaning = { operation: 'run the SQL', fallback: 'RESTORE_FAILED', damaged: 'RESTORE_FAILED' } as const;
      await together(own, [feed(stream, childOutlet(reader.stdin!)), done, endOf(reader.done, signal, meaning)]);
    }
  } catch (thrown) {
    work.signal.throwIfAborted();
    throw diskFull(thrown) ?? (thrown instanceof NightjarError ? thrown : failed(thrown));
  } finally {
    stored.destroy();
  }
  return file;
}

const failed = (cause: unknown): NightjarError =>
  new NightjarError('RESTORE_FAILED', { operation: 'read archive', detail: String(cause), cause });

/** A shell that has ended takes nothing more; why it ended says its end. */
async function feed(stream: Readable, outlet: Outlet): Promise<void> {
  for await (const chunk of stream as AsyncIterable<Buffer>) await outlet.write(chunk);
  await outlet.end();
}
