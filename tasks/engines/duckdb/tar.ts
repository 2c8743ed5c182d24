/** A directory's plain files as one tar, and back. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PassThrough, Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { diskFull } from '../../save-archive.ts';

/** SHA-256 of each file's content, by its name. */
export type Hashes = ReadonlyMap<string, string>;

/** The files of `directory`, in it, as they come; `done` rejects when one could not be read, else knows what was in them. */
export function tarOf(directory: string): { readonly stream: Readable; readonly done: Promise<Hashes> } {
  const tar = pack();
  const stream = new PassThrough();
  const hashes = new Map<string, string>();
  const filled = (async () => {
    const name = basename(directory);
    for (const file of (await readdir(directory)).sort()) {
      const path = join(directory, file);
      const { size, mtime } = await stat(path);
      const entry = tar.entry({ name: `${name}/${file}`, size, mtime, mode: 0o600 });
      const hash = createHash('sha256');
      await pipeline(createReadStream(path), seenBy(hash), entry);
      hashes.set(file, hash.digest('hex'));
    }
    tar.finalize();
  })();
  const passed = pipeline(tar, stream);
  const done = Promise.all([filled, passed]).then(
    () => hashes,
    (thrown: unknown) => {
      tar.destroy();
      stream.destroy(thrown as Error);
      throw thrown;
    },
  );
  done.catch(() => undefined);
  return { stream, done };
}

const seenBy = (hash: ReturnType<typeof createHash>): Transform =>
  new Transform({
    transform(chunk: Buffer, _, pass) {
      hash.update(chunk);
      pass(null, chunk);
    },
  });

interface Untarring {
  readonly signal: AbortSignal;
  readonly fallback: ErrorCode;
}

/** Plain files of one directory only: whatever else is in the archive was not made by us. @throws DISK_FULL, `fallback`. */
export async function untar(stream: Readable, into: string, directory: string, options: Untarring): Promise<void> {
  await mkdir(join(into, directory), { recursive: true });
  await eachFile(stream, directory, options, (entry, file) =>
    pipeline(entry, createWriteStream(join(into, directory, file), { mode: 0o600 }), { signal: options.signal }),
  );
}

/** What is in the files that {@link untar} would make. @throws `fallback`. */
export async function hashesIn(stream: Readable, directory: string, options: Untarring): Promise<Hashes> {
  const hashes = new Map<string, string>();
  await eachFile(stream, directory, options, async (entry, file) => {
    const hash = createHash('sha256');
    for await (const chunk of entry as AsyncIterable<Buffer>) hash.update(chunk);
    hashes.set(file, hash.digest('hex'));
  });
  return hashes;
}

async function eachFile(
  stream: Readable,
  directory: string,
  { signal, fallback }: Untarring,
  take: (entry: AsyncIterable<unknown>, file: string) => Promise<void>,
): Promise<void> {
  const refuse = (detail: string, cause?: unknown): NightjarError =>
    new NightjarError(fallback, { operation: 'read the tar', detail, cause });
  const reader = extract();
  const passing = pipeline(stream, reader, { signal });
  passing.catch(() => undefined);
  try {
    for await (const entry of reader) {
      const { name, type } = entry.header;
      const file = name.slice(directory.length + 1);
      if (type !== 'file' || !name.startsWith(`${directory}/`) || file === '' || file.includes('/'))
        throw refuse(`It holds ${JSON.stringify(name)}, which no backup has.`);
      await take(entry, file);
    }
    await passing;
  } catch (thrown) {
    signal.throwIfAborted();
    // What broke the stream tells more than that it ended early.
    const broken = await passing.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    for (const one of [broken, thrown]) if (one instanceof NightjarError) throw one;
    throw diskFull(thrown) ?? diskFull(broken) ?? refuse(String(thrown), thrown);
  }
}
