/**
 * What stands between an engine and the vault: a pace, and encryption for those who want it. The engine knows of neither; what
 * is hashed, stored and proven are the sealed bytes.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Decrypter, Encrypter } from 'age-encryption';
import type { Manifest } from '../core/backup.ts';
import type { DumpTarget } from '../core/config.ts';
import { NightjarError, wordsOf } from '../core/errors.ts';
import { bytesOf } from './pipes/pipes.ts';
import type { DumpSink, RestoreSource } from './engine.ts';
import { noIdentity } from './identity.ts';

/** What a backup's objects give back, as they are stored. */
export interface StoredSource extends Omit<RestoreSource, 'readGlobals'> {
  readGlobals(): Promise<Buffer | undefined>;
}

/** What follows the file's own ending. */
const ENDING = '.age';
/** How far ahead of its pace a stream may run, in seconds: a whole part is not held up for its last bytes. */
const BURST_SECONDS = 1;

export type Sealing = Pick<DumpTarget, 'encryption' | 'bytesPerSecond'>;

/** As the manifest tells it. */
export const sealOf = ({ encryption }: Sealing): Manifest['encryption'] =>
  encryption && { format: 'age', recipients: encryption.recipients, identity: encryption.identity };

/** The sink as the engine sees it. Nothing is between it and the vault when the target asks for nothing. */
export function sealed(sink: DumpSink, { encryption, bytesPerSecond }: Sealing, signal: AbortSignal): DumpSink {
  if (!encryption && bytesPerSecond === undefined) return sink;
  const pace = bytesPerSecond === undefined ? undefined : pacer(bytesPerSecond, signal);
  return {
    open(role, file, database) {
      const inner = sink.open(role, encryption ? file + ENDING : file, database);
      const end = encryption ? encrypted(inner, encryption.recipients, pace) : throughTo(inner, pace);
      // Whoever writes hears of it; one that does not listen must not bring the task down.
      end.on('error', () => undefined);
      return end;
    },
  };
}

type Pace = (bytes: number) => Promise<void>;

/** One pace for all streams of a backup. */
function pacer(bytesPerSecond: number, signal: AbortSignal): Pace {
  let due = performance.now();
  return async (bytes) => {
    const now = performance.now();
    due = Math.max(due, now - BURST_SECONDS * 1_000) + (bytes / bytesPerSecond) * 1_000;
    if (due > now) await pause(due - now, undefined, { signal }).catch(() => signal.throwIfAborted());
  };
}

/** A writable that hands on to another, and has finished only when that one has. */
function throughTo(inner: Writable, pace: Pace | undefined, feed?: Feed): Writable {
  const write = async (chunk: Buffer): Promise<void> => {
    if (feed) return feed.write(chunk);
    await pace?.(chunk.length);
    await take(inner, chunk);
  };
  const outer = new Writable({
    write: (chunk: Buffer, _encoding, done) => void write(chunk).then(() => done(), done),
    final: (done) =>
      void (async () => {
        await feed?.end();
        inner.end();
        if (!inner.writableFinished) await once(inner, 'finish');
      })().then(() => done(), done),
    destroy(error, done) {
      feed?.destroy(error);
      inner.destroy(error ?? undefined);
      done(error);
    },
  });
  inner.on('error', (error) => outer.destroy(error));
  return outer;
}

interface Feed {
  write(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
  destroy(error: Error | null): void;
}

/** Resolves when there is room for more. @throws the stream's error. */
async function take(stream: Writable, chunk: Uint8Array): Promise<void> {
  if (stream.destroyed) throw stream.errored ?? new Error('The stream was closed.');
  if (!stream.write(chunk)) await once(stream, 'drain');
}

function encrypted(inner: Writable, recipients: readonly string[], pace: Pace | undefined): Writable {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const plain = new PassThrough();
  const done = (async () => {
    const cipher = await encrypter.encrypt(Readable.toWeb(plain) as ReadableStream<Uint8Array<ArrayBuffer>>);
    for await (const chunk of cipher) {
      await pace?.(chunk.length);
      await take(inner, chunk);
    }
  })();
  done.catch((error: unknown) => plain.destroy(error as Error));
  plain.on('error', () => undefined);
  return throughTo(inner, undefined, {
    write: (chunk) => take(plain, chunk),
    async end() {
      plain.end();
      await done;
    },
    destroy: (error) => void plain.destroy(error ?? undefined),
  });
}

/**
 * What was sealed, as the engine wrote it. `identity` reads the secret. @throws IDENTITY_MISSING when the secret's identity is of
 * none of the backup's recipients.
 */
export function unsealed(source: StoredSource, identity: (secret: string) => Promise<string>): RestoreSource {
  const { encryption } = source.manifest;
  const textOf = (globals: Buffer | undefined): string | undefined => globals?.toString('utf8');
  if (!encryption) return { ...source, readGlobals: async () => textOf(await source.readGlobals()) };
  const opened = async function* (stream: Readable): AsyncGenerator<Uint8Array> {
    const decrypter = new Decrypter();
    const value = await identity(encryption.identity);
    try {
      decrypter.addIdentity(value);
    } catch (cause) {
      throw noIdentity(encryption.identity, cause);
    }
    // What breaks the archive itself says more than what the cipher makes of its end.
    let broken: { readonly error: unknown } | undefined;
    stream.once('error', (error) => (broken = { error }));
    try {
      const plain = await decrypter.decrypt(Readable.toWeb(stream) as ReadableStream<Uint8Array<ArrayBuffer>>);
      yield* plain;
    } catch (cause) {
      if (broken) throw broken.error;
      throw undecipherable(cause, encryption);
    } finally {
      stream.destroy();
    }
  };
  const read = (stream: Readable): Readable => Readable.from(opened(stream), { objectMode: false });
  return {
    manifest: source.manifest,
    openArchive: () => read(source.openArchive()),
    async saveArchive(file, moved) {
      const archive = source.openArchive();
      archive.on('data', (chunk: Buffer) => moved(chunk.length));
      archive.pause();
      await pipeline(read(archive), createWriteStream(file, { flags: 'wx', mode: 0o600 })).catch((cause: unknown) => {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
        throw new NightjarError('DISK_FULL', { operation: 'download', detail: file, cause });
      });
    },
    proveArchive: () => source.proveArchive(),
    async readGlobals() {
      const stored = await source.readGlobals();
      return stored && textOf(await bytesOf(read(Readable.from([stored], { objectMode: false }))));
    },
  };
}

function undecipherable(cause: unknown, { recipients, identity }: NonNullable<Manifest['encryption']>): NightjarError {
  const words = wordsOf(cause);
  return /no identity matched/i.test(words)
    ? new NightjarError('IDENTITY_MISSING', {
        operation: 'decrypt',
        detail: `The identity in ${identity} is of none of the backup’s recipients (${recipients.join(', ')}).`,
        cause,
      })
    : new NightjarError('CHECKSUM_MISMATCH', { operation: 'decrypt', detail: words, cause });
}
