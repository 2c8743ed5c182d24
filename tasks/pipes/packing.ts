/**
 * Compression around an archive whose own format has none. What was packed is unpacked again on its way to the engine's
 * reader, so that the bytes that are stored are the bytes that were read through.
 */
import { PassThrough, type Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { NightjarError, type ErrorCode } from '../../core/errors.ts';
import type { Compression } from '../../core/engine-fields.ts';
import { startProcess } from '../processes.ts';
import { breakOnAbort, childOutlet, pump, strictOutlet, textOf, type Outlet } from './pipes.ts';
import { together } from './together.ts';

/** What follows the archive's own ending. */
const ENDINGS = { zstd: '.zst', gzip: '.gz', none: '' } as const satisfies Record<Compression['algorithm'], string>;
export const packedFile = (file: string, { algorithm }: Pick<Compression, 'algorithm'>): string =>
  file + ENDINGS[algorithm];

/** The rest of the pipe, as a manifest tells it to people. */
export function packingWords({ algorithm, level }: Compression): string[] {
  return algorithm === 'none' ? [] : ['|', algorithm, '-c', `-${level}`];
}

/**
 * What packs, with its version, for whoever unpacks it years later: such as `zstd 1.5.4`, `zlib 1.3.1`. Undefined of `none`, and of
 * a zstd that doesn't tell: no good backup is given up for it.
 */
export async function packerOf(
  { algorithm }: Pick<Compression, 'algorithm'>,
  { env, signal }: PackingContext,
): Promise<string | undefined> {
  if (algorithm !== 'zstd') return algorithm === 'gzip' ? `zlib ${process.versions.zlib}` : undefined;
  const running = startProcess('zstd', ['--version'], { env, signal, stdout: 'pipe' });
  const [text] = await Promise.all([textOf(running.stdout!), running.done]);
  const version = / v(\d[\w.]*)/.exec(text)?.[1];
  return version && `zstd ${version}`;
}

export interface PackingContext {
  /** All of a child's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its abort ends every child; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** Bytes in, bytes out. `done` rejects when the bytes were not what they should be. */
interface Stage {
  readonly inlet: Outlet;
  readonly output: Readable;
  readonly done: Promise<void>;
}

/** In one process; its errors are the outlet's, for the code that writes to it. An abort breaks it, as it kills a child. */
function inProcess(
  stream: PassThrough | ReturnType<typeof createGzip>,
  { signal }: PackingContext,
  failure: ErrorCode,
): Stage {
  breakOnAbort(stream, signal);
  const done = new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('error', (cause: Error) =>
      reject(
        signal.aborted ? cause : new NightjarError(failure, { operation: 'compression', detail: cause.message, cause }),
      ),
    );
    stream.once('close', resolve);
  });
  done.catch(() => undefined);
  return { inlet: strictOutlet(stream), output: stream, done };
}

function zstd(args: readonly string[], { env, signal }: PackingContext, failure: ErrorCode): Stage {
  const running = startProcess('zstd', ['-q', '-c', ...args], { env, signal, stdin: 'pipe', stdout: 'pipe' });
  const done = running.done.then((end) => {
    if (end.code === 0) return;
    signal.throwIfAborted();
    throw new NightjarError(failure, {
      operation: `zstd ${args.join(' ')}`,
      detail: end.stderr.trim() || `It ended with ${end.code ?? end.signal}.`,
    });
  });
  done.catch(() => undefined);
  return { inlet: childOutlet(running.stdin!), output: running.stdout!, done };
}

function packer({ algorithm, level }: Compression, context: PackingContext): Stage {
  // A thread of its own takes 24 MiB more, and makes it no faster.
  if (algorithm === 'zstd') return zstd(['--single-thread', `-${level}`], context, 'DUMP_FAILED');
  return inProcess(algorithm === 'gzip' ? createGzip({ level }) : new PassThrough(), context, 'DUMP_FAILED');
}

function unpacker({ algorithm }: Pick<Compression, 'algorithm'>, context: PackingContext, failure: ErrorCode): Stage {
  if (algorithm === 'zstd') return zstd(['-d'], context, failure);
  return inProcess(algorithm === 'gzip' ? createGunzip() : new PassThrough(), context, failure);
}

export interface PackedWrite extends PackingContext {
  readonly compression: Compression;
  /** Takes what is stored. */
  readonly sink: Outlet;
  /** Takes what the tool wrote, after it was packed and unpacked again. */
  readonly reader: Outlet;
  /** Resolves when whoever writes `from` has ended well; the archive is not ended before. */
  readonly ended: Promise<unknown>;
  /** Aborted by the first failure, so that the others end. */
  readonly own: AbortController;
  /** Called with stored bytes. */
  moved(bytes: number): void;
  /** Called with the tool's bytes. */
  readonly dumped?: (bytes: number) => void;
}

/**
 * From the tool into the vault, read through on the way. Does not end `sink`: whoever opened it does, when all is good.
 * Resolves with the bytes that the tool wrote. @throws DUMP_EMPTY when it wrote none.
 */
export async function writePacked(from: Readable, write: PackedWrite): Promise<number> {
  const pack = packer(write.compression, write);
  const unpack = unpacker(write.compression, write, 'READ_THROUGH_FAILED');
  const [bytes] = await together(write.own, [
    (async () => {
      const total = await pump(from, [pack.inlet], write.dumped);
      await write.ended;
      if (total === 0) throw new NightjarError('DUMP_EMPTY', { operation: 'dump' });
      await pack.inlet.end();
      return total;
    })(),
    (async () => {
      await pump(pack.output, [write.sink, unpack.inlet], (count) => write.moved(count));
      await pack.done;
      await unpack.inlet.end();
    })(),
    (async () => {
      await pump(unpack.output, [write.reader]);
      await unpack.done;
      await write.reader.end();
    })(),
  ]);
  return bytes;
}

/**
 * What the tool wrote, of what was stored; `done` resolves when all of it was read and was well packed. Pump `packed` yourself
 * no more.
 */
export function unpacked(
  packed: Readable,
  compression: Pick<Compression, 'algorithm'>,
  context: PackingContext & { moved(bytes: number): void },
): { readonly stream: Readable; readonly done: Promise<void> } {
  const stage = unpacker(compression, context, 'RESTORE_FAILED');
  const done = (async () => {
    try {
      await pump(packed, [stage.inlet], (count) => context.moved(count));
    } catch (cause) {
      // The reader must not take what came so far for the whole. One that has left already must not make it a crash.
      stage.output.on('error', () => undefined);
      stage.output.destroy(cause as Error);
      throw cause;
    }
    await Promise.all([stage.inlet.end(), stage.done]);
  })();
  done.catch(() => undefined);
  return { stream: stage.output, done };
}
