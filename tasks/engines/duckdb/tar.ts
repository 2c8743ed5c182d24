/** A directory's plain files as one tar, and back. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { diskFull } from '../../save-archive.ts';

/** The files of `directory`, in it, as they come; `done` rejects when one could not be read. */
export function tarOf(directory: string): { readonly stream: Readable; readonly done: Promise<void> } {
  const tar = pack();
  const stream = new PassThrough();
  const filled = (async () => {
    const name = basename(directory);
    for (const file of (await readdir(directory)).sort()) {
      const path = join(directory, file);
      const { size, mtime } = await stat(path);
      const entry = tar.entry({ name: `${name}/${file}`, size, mtime, mode: 0o600 });
      await pipeline(createReadStream(path), entry);
    }
    tar.finalize();
  })();
  const passed = pipeline(tar, stream);
  const done = Promise.all([filled, passed]).then(
    () => undefined,
    (thrown: unknown) => {
      tar.destroy();
      stream.destroy(thrown as Error);
      throw thrown;
    },
  );
  done.catch(() => undefined);
  return { stream, done };
}

/** Plain files of one directory only: whatever else is in the archive was not made by us. @throws DISK_FULL, `fallback`. */
export async function untar(
  stream: Readable,
  into: string,
  directory: string,
  options: { signal: AbortSignal; fallback: ErrorCode },
): Promise<void> {
  const { signal, fallback } = options;
  const refuse = (detail: string, cause?: unknown): NightjarError =>
    new NightjarError(fallback, { operation: 'read the tar', detail, cause });
  await mkdir(join(into, directory), { recursive: true });
  const reader = extract();
  const passing = pipeline(stream, reader, { signal });
  passing.catch(() => undefined);
  try {
    for await (const entry of reader) {
      const { name, type } = entry.header;
      const file = name.slice(directory.length + 1);
      if (type !== 'file' || !name.startsWith(`${directory}/`) || file === '' || file.includes('/'))
        throw refuse(`It holds ${JSON.stringify(name)}, which no backup has.`);
      await pipeline(entry, createWriteStream(join(into, directory, file), { mode: 0o600 }), { signal });
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
