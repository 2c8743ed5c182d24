/**
 * Files in a directory of a mounted file system (EFS, which is NFS 4.1).
 *
 * A name is given by link(2), which fails where the name is taken, or taken over by rename(2), which replaces in one step;
 * NFS knows no exchange of two names. So a crash leaves one more name of the same file, never a part of one, and the same
 * verb, called again, sees by the inode how far it had come.
 */
import { constants } from 'node:fs';
import { chmod, chown, link, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { BigIntStats } from 'node:fs';
import { NightjarError, wordsOf } from '../../core/errors.ts';
import { plainName } from './names.ts';
import type { FileFacts, FilePlace } from './place.ts';

const CHUNK = 1024 * 1024;
/** Of a file that is being stored; nobody's database begins so. */
const PART = '.nj-part-';

export interface MountedOptions {
  /** Absolute. */
  readonly directory: string;
  readonly words: string;
  readonly signal: AbortSignal;
  /** A sign of life while bytes are copied. */
  readonly alive: () => void;
  readonly warn: (text: string) => void;
}

export function mountedPlace({ directory, words, signal, alive, warn }: MountedOptions): FilePlace {
  const at = (name: string): string => join(directory, plainName(name));

  const look = async (name: string): Promise<BigIntStats | undefined> => {
    try {
      const found = await stat(at(name), { bigint: true });
      if (!found.isFile())
        throw new NightjarError('STORAGE_DENIED', { operation: 'stat', detail: `${words}: ${name} is no plain file.` });
      return found;
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') throw fault(thrown, 'stat', name);
      if (!(await isThere(directory))) throw away('stat');
      return undefined;
    }
  };
  const away = (operation: string, cause?: unknown): NightjarError =>
    new NightjarError('STORAGE_UNAVAILABLE', { operation, detail: `There is no directory ${words}.`, cause });

  const fault = (thrown: unknown, operation: string, name: string): unknown => {
    if (thrown instanceof NightjarError || signal.aborted) return signal.aborted ? signal.reason : thrown;
    const detail = `${words}, ${name}: ${wordsOf(thrown)}`;
    const code = codeOf(thrown);
    const make = (kind: ConstructorParameters<typeof NightjarError>[0]): NightjarError =>
      new NightjarError(kind, { operation, detail, cause: thrown });
    if (code === 'ENOENT') return make('DATABASE_MISSING');
    if (code === 'EEXIST') return make('DESTINATION_EXISTS');
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return make('DISK_FULL');
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return make('STORAGE_DENIED');
    return make('STORAGE_UNAVAILABLE');
  };
  const guarded = async <T>(operation: string, name: string, work: () => Promise<T>): Promise<T> => {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (thrown) {
      throw fault(thrown, operation, name);
    }
  };

  /** What was renamed is not safe from a power cut before its directory is. */
  const flushNames = async (): Promise<void> => {
    const handle = await open(directory, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };

  const copy = async (
    from: string,
    to: string,
    { flags, mode, bytes = Infinity }: { flags: 'w' | 'wx'; mode: number; bytes?: number | undefined },
  ): Promise<void> => {
    const [input, output] = [await open(from, 'r'), await open(to, flags, mode)];
    try {
      const buffer = Buffer.allocUnsafeSlow(CHUNK);
      for (let left = bytes; left > 0;) {
        signal.throwIfAborted();
        const { bytesRead } = await input.read(buffer, 0, Math.min(buffer.length, left));
        if (bytesRead === 0) break;
        for (let done = 0; done < bytesRead;) done += (await output.write(buffer, done, bytesRead - done)).bytesWritten;
        left -= bytesRead;
        alive();
      }
      await output.sync();
    } finally {
      await Promise.all([input.close(), output.close()]);
    }
  };

  /** The same rights as the file that it replaces: else the application could not open its own database. */
  const dress = async (name: string, like: BigIntStats): Promise<void> => {
    const now = await look(name);
    if (!now) return;
    if (now.mode !== like.mode) await chmod(at(name), Number(like.mode) & 0o7777);
    if (now.uid === like.uid && now.gid === like.gid) return;
    await chown(at(name), Number(like.uid), Number(like.gid)).catch(() =>
      warn(
        `${name} belongs to ${now.uid}:${now.gid}, the file that it replaces to ${like.uid}:${like.gid}: ` +
          'the task may not change that. Check that the application may write to it.',
      ),
    );
  };

  /** Always the same, so that whoever comes next clears away what a store that died has left. */
  const partOf = (name: string): string =>
    join(directory, PART + createHash('sha256').update(name).digest('hex').slice(0, 24));

  return {
    words,
    directory,
    async stat(name) {
      const found = await look(name);
      return found && factsOf(found);
    },
    list: (prefix) =>
      guarded('list', prefix, async () => {
        const entries = await readdir(directory, { withFileTypes: true }).catch((thrown: unknown) => {
          throw codeOf(thrown) === 'ENOENT' ? away('list', thrown) : thrown;
        });
        return entries
          .filter((one) => one.isFile() && one.name.startsWith(prefix) && !one.name.startsWith(PART))
          .map((one) => one.name)
          .sort();
      }),
    fetch: (name, file, bytes) =>
      guarded('copy', name, async () => {
        if (!(await look(name))) throw missing(words, name);
        try {
          await copy(at(name), file, { flags: 'w', mode: 0o600, bytes });
        } catch (thrown) {
          await unlinkIfThere(file);
          throw thrown;
        }
      }),
    store: (file, name) =>
      guarded('store', name, async () => {
        if (await look(name)) throw taken(words, name);
        const part = partOf(name);
        await unlinkIfThere(part);
        try {
          await copy(file, part, { flags: 'wx', mode: 0o660 });
          await link(part, at(name));
        } finally {
          await unlinkIfThere(part);
        }
        await flushNames();
      }),
    exchange: ({ name, incoming, keepAs }) =>
      guarded('exchange names', name, async () => {
        const [old, next, kept] = [await look(name), await look(incoming), await look(keepAs)];
        if (!next) {
          if (!old) throw missing(words, incoming);
          return kept !== undefined;
        }
        if (old && same(old, next)) {
          await unlink(at(incoming));
          return kept !== undefined;
        }
        if (kept && !(old && same(kept, old))) throw taken(words, keepAs);
        if (old) {
          await dress(incoming, old);
          if (!kept) await link(at(name), at(keepAs));
          await rename(at(incoming), at(name));
        } else {
          await link(at(incoming), at(name));
          await unlink(at(incoming));
        }
        await flushNames();
        return old !== undefined;
      }),
    settle: ({ name, incoming, keepAs }) =>
      guarded('settle names', name, async () => {
        const [old, next, kept] = [await look(name), await look(incoming), await look(keepAs)];
        if (!old || !next) return undefined;
        if (same(old, next)) {
          await unlink(at(incoming));
          await flushNames();
          return 'finished';
        }
        if (!kept || !same(old, kept)) return undefined;
        await unlink(at(keepAs));
        await flushNames();
        return 'taken back';
      }),
    rename: (from, to) =>
      guarded('rename', from, async () => {
        const [one, other] = [await look(from), await look(to)];
        if (!one) {
          if (!other) throw missing(words, from);
          return;
        }
        if (other && !same(one, other)) throw taken(words, to);
        if (!other) await link(at(from), at(to));
        await unlink(at(from));
        await flushNames();
      }),
    remove: (name) =>
      guarded('remove', name, async () => {
        const swept = await unlinkIfThere(partOf(name));
        const gone = (await look(name)) !== undefined && (await unlinkIfThere(at(name)));
        if (swept || gone) await flushNames();
        return swept || gone;
      }),
    sweep: (name) => guarded('remove', name, () => unlinkIfThere(partOf(name))),
  };
}

const same = (one: BigIntStats, other: BigIntStats): boolean => one.dev === other.dev && one.ino === other.ino;
const factsOf = (found: BigIntStats): FileFacts => ({
  bytes: Number(found.size),
  changedAt: new Date(Number(found.mtimeMs)).toISOString(),
  state: `${found.ino}-${found.size}-${found.mtimeNs}`,
});
const codeOf = (thrown: unknown): string | undefined => (thrown as NodeJS.ErrnoException).code;
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function unlinkIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

export const missing = (words: string, name: string): NightjarError =>
  new NightjarError('DATABASE_MISSING', { operation: 'look for the file', detail: `${words} has no file ${name}.` });
export const taken = (words: string, name: string): NightjarError =>
  new NightjarError('DESTINATION_EXISTS', { operation: 'give a name', detail: `${words} has a file ${name} already.` });
