/** A stored archive on its way back: unpacked, its table of contents read first, its last bytes held until it is proven. */
import { createReadStream, createWriteStream } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { NightjarError, toNightjarError } from '../../../core/errors.ts';
import type { RestoreSource } from '../../engine.ts';
import { diskFull } from '../../save-archive.ts';
import { unpacked } from '../../pipes/packing.ts';
import { breakOnAbort, childOutlet, textOf, type Outlet } from '../../pipes/pipes.ts';
import type { Server } from './server.ts';
import { judge, startTool } from './tool-run.ts';
import { parseToc, type TocEntry } from './toc.ts';

/** A table of contents larger than this is not read into memory. 20,000 tables have about 20 MB. */
const HEAD_LIMIT = 512 * 1024 * 1024;

export interface ArchiveStart {
  readonly toc: readonly TocEntry[];
  /** From the first byte on; holds at least the whole table of contents. */
  readonly head: Buffer;
}

/** What pg_restore can read, in pieces; ends only after the stored bytes were proven. */
export type ArchiveBytes = AsyncGenerator<Buffer, void, undefined>;

/**
 * The archive as pg_dump wrote it. Where it was compressed outside, the last piece is held back until it was unpacked well
 * and the source has proven its hash: the source's own care does not reach through the unpacker's buffers.
 */
export async function* archiveBytes(server: Server, source: RestoreSource, signal: AbortSignal): ArchiveBytes {
  const stored = source.openArchive();
  const { report } = server.context;
  breakOnAbort(stored, signal);
  try {
    if (source.manifest.compression.place === 'inside') {
      for await (const chunk of stored as AsyncIterable<Buffer>) {
        report.moved(chunk.length);
        yield chunk;
      }
      return;
    }
    yield* held(server, source, stored, signal);
  } finally {
    stored.destroy();
  }
}

async function* held(server: Server, source: RestoreSource, stored: Readable, signal: AbortSignal): ArchiveBytes {
  const own = new AbortController();
  const { stream, done } = unpacked(stored, source.manifest.compression, {
    env: server.environment(),
    signal: AbortSignal.any([signal, own.signal]),
    moved: (bytes) => server.context.report.moved(bytes),
  });
  try {
    let last: Buffer | undefined;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (last) yield last;
      last = chunk;
    }
    await done;
    if (last) yield last;
  } catch (thrown) {
    // The unpacker's own words say less than what broke it.
    await done;
    throw thrown;
  } finally {
    own.abort(new NightjarError('UNEXPECTED', { operation: 'unpack', detail: 'The archive was left unread.' }));
    await done.catch(() => undefined);
  }
}

/** Reads as far as pg_restore needs to list the archive. What was read is in `head`; `bytes` goes on after it. */
export async function startOf(server: Server, bytes: ArchiveBytes, signal: AbortSignal): Promise<ArchiveStart> {
  const lister = startTool(server, 'pg_restore', ['--list', '--verbose'], { signal, stdin: 'pipe', stdout: 'pipe' });
  const text = textOf(lister.stdout!);
  const judged = judge(lister, 'pg_restore --list', signal, 'RESTORE_FAILED');
  const input = childOutlet(lister.stdin!);
  const parts: Buffer[] = [];
  let size = 0;
  let listed = false;
  const ended = judged.then(
    () => (listed = true),
    () => (listed = true),
  );
  while (!listed) {
    const next = await bytes.next();
    if (next.done) break;
    parts.push(next.value);
    size += next.value.length;
    if (size > HEAD_LIMIT)
      throw new NightjarError('RESTORE_FAILED', {
        operation: 'pg_restore --list',
        detail: 'The archive’s table of contents is larger than 512 MiB.',
      });
    if (!(await input.write(next.value))) await ended;
    // A turn of the loop, in which the lister's end can be heard.
    await new Promise(setImmediate);
  }
  await input.end();
  await judged;
  const list = await text;
  // Also an empty database has a list, which begins with what archive it is of.
  if (!list.startsWith(';'))
    throw new NightjarError('RESTORE_FAILED', {
      operation: 'pg_restore --list',
      detail: 'pg_restore ended with 0 and listed nothing.',
    });
  return { toc: parseToc(list), head: Buffer.concat(parts) };
}

/** Room on the scratch disk, in bytes. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** Brings the whole archive to the scratch disk, as pg_restore reads it; resolves after it was proven. @throws DISK_FULL. */
export async function downloadArchive(server: Server, source: RestoreSource, signal: AbortSignal): Promise<string> {
  const { scratch, report } = server.context;
  const file = join(scratch, 'archive.dump');
  if (source.manifest.compression.place === 'inside') {
    await source.saveArchive(file, (bytes) => report.moved(bytes));
    return file;
  }
  try {
    await pipeline(archiveBytes(server, source, signal), createWriteStream(file, { mode: 0o600 }));
  } catch (thrown) {
    throw diskFull(thrown) ?? thrown;
  }
  return file;
}

/** The same start, of an archive on disk. */
export async function startOfFile(server: Server, file: string, signal: AbortSignal): Promise<ArchiveStart> {
  const bytes = fileBytes(file);
  try {
    return await startOf(server, bytes, signal);
  } finally {
    await bytes.return();
  }
}

async function* fileBytes(file: string): ArchiveBytes {
  yield* createReadStream(file) as AsyncIterable<Buffer>;
}

/**
 * Hands an archive to a child: what was read of it already, then the rest. A child that wants no more does not end it, for the
 * archive is to be proven; an abort does, also while the archive keeps it waiting.
 */
export async function feedArchive(
  start: Buffer,
  rest: ArchiveBytes,
  outlet: Outlet,
  signal: AbortSignal,
): Promise<void> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(toNightjarError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  aborted.catch(() => undefined);
  try {
    signal.throwIfAborted();
    let open = await outlet.write(start);
    for (;;) {
      const next = await Promise.race([rest.next(), aborted]);
      if (next.done) return;
      if (open) open = await outlet.write(next.value);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
