/** Bytes on their way between processes, with back-pressure at every joint. */
import type { Readable, Writable } from 'node:stream';
import { toNightjarError } from '../../core/errors.ts';
import type { DumpSink } from '../engine.ts';

/** One receiver of a stream. */
export interface Outlet {
  /** Resolves when there is room for more; false from the moment the receiver takes nothing more. */
  write(chunk: Buffer): Promise<boolean>;
  /** Resolves when all is handed over. */
  end(): Promise<void>;
}

/** A receiver whose failure is ours: its error is thrown at the next write or at the end. */
export function strictOutlet(stream: Writable): Outlet {
  let failed: { reason: unknown } | undefined;
  stream.on('error', (reason) => (failed ??= { reason }));
  const check = (): void => {
    if (failed) throw failed.reason;
  };
  return {
    async write(chunk) {
      check();
      if (!stream.write(chunk)) await room(stream);
      check();
      return true;
    },
    async end() {
      check();
      stream.end();
      if (!stream.writableFinished) await finish(stream);
      check();
    },
  };
}

/**
 * The archive's way into the vault; `database`: where there is one for each. An abort breaks it: a sink that waits for its upload
 * would hold up everybody else's end.
 */
export function archiveOutlet(
  sink: DumpSink,
  { file, database, signal }: { file: string; database?: string | undefined; signal: AbortSignal },
): Outlet {
  const stream = sink.open('archive', file, database);
  breakOnAbort(stream, signal);
  return strictOutlet(stream);
}

/** Until the stream has closed. */
export function breakOnAbort(stream: Readable | Writable, signal: AbortSignal): void {
  const destroy = (): void => void stream.destroy(toNightjarError(signal.reason));
  signal.addEventListener('abort', destroy, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', destroy));
}

/** A child's stdin. A child may stop reading when it likes: its exit code tells whether that was right. */
export function childOutlet(stream: Writable): Outlet {
  let open = true;
  stream.on('error', () => (open = false));
  stream.on('close', () => (open = false));
  return {
    async write(chunk) {
      if (open && !stream.write(chunk)) await room(stream);
      return open;
    },
    async end() {
      if (!open) return;
      stream.end();
      if (!stream.writableFinished) await finish(stream);
    },
  };
}

const settled = (stream: Writable, event: string): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      for (const name of [event, 'close', 'error']) stream.off(name, done);
      resolve();
    };
    for (const name of [event, 'close', 'error']) stream.on(name, done);
    if (stream.destroyed) done();
  });
const room = (stream: Writable): Promise<void> => settled(stream, 'drain');
const finish = (stream: Writable): Promise<void> => settled(stream, 'finish');

/** Hands every chunk to every outlet, at the pace of the slowest. Resolves with the bytes when the source has ended. */
export async function pump(
  source: Readable,
  outlets: readonly Outlet[],
  seen: (bytes: number) => void = () => undefined,
): Promise<number> {
  let total = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    total += chunk.length;
    seen(chunk.length);
    await Promise.all(outlets.map((outlet) => outlet.write(chunk)));
  }
  return total;
}

/** The whole of a small output. */
export async function bytesOf(source: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of source as AsyncIterable<Buffer>) parts.push(chunk);
  return Buffer.concat(parts);
}

export const textOf = async (source: Readable): Promise<string> => (await bytesOf(source)).toString('utf8');
