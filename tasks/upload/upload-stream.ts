/**
 * A Writable that goes into the vault as one or several objects. Its end only means that all parts are there:
 * `complete()` makes them objects, `abort()` throws them away.
 *
 * Memory: as many buffers as parts may be in flight, and one that is being filled; they are used again and again.
 */
import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { VaultObject } from '../../core/backup.ts';
import { NightjarError, toNightjarError } from '../../core/errors.ts';
import { partBytes, type UploadLimits } from './limits.ts';
import { ObjectUpload, type ObjectPlace } from './object-upload.ts';

/** What may wait in front of the buffers, in bytes. */
const WAITING = 1024 * 1024;

export interface UploadStreamOptions {
  readonly place: Omit<ObjectPlace, 'key'>;
  /** Key of the object with this number, from 1. */
  readonly key: (part: number) => string;
  readonly role: VaultObject['role'];
  /** Whose archive it is, where a backup has several. */
  readonly database?: string | undefined;
  readonly limits: UploadLimits;
}

export class UploadStream extends Writable {
  readonly #options: UploadStreamOptions;
  readonly #objects: { upload: ObjectUpload; sha256?: string }[] = [];
  readonly #sending = new Set<Promise<void>>();
  readonly #free: Buffer[] = [];
  /** The buffer being filled, how far, and the CRC32 so far. */
  #buffer: Buffer | undefined;
  #filled = 0;
  #crc32 = 0;
  #objectBytes = 0;
  readonly #streamHash = createHash('sha256');
  /** Of the second and later objects; the first one's is the stream's until then. */
  #objectHash: ReturnType<typeof createHash> | undefined;
  #bytes = 0;
  #failure: NightjarError | undefined;

  constructor(options: UploadStreamOptions) {
    super({ highWaterMark: WAITING });
    this.#options = options;
  }

  /** What broke the upload, if something did; the writer sees it as the stream's error. */
  get failure(): NightjarError | undefined {
    return this.#failure;
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#bytes += chunk.length;
    this.#take(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish().then(() => done(), done);
  }

  async #take(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      const buffer = (this.#buffer ??= this.#next());
      const taken = rest.copy(buffer, this.#filled);
      const piece = rest.subarray(0, taken);
      this.#streamHash.update(piece);
      this.#objectHash?.update(piece);
      this.#crc32 = crc32(piece, this.#crc32);
      this.#filled += taken;
      this.#objectBytes += taken;
      rest = rest.subarray(taken);
      if (this.#filled === buffer.length) await this.#send();
    }
  }

  /** A buffer for the next part, after beginning a new object where the last one is full. */
  #next(): Buffer {
    const { limits, key, place } = this.#options;
    if (this.#objects.length === 0 || this.#objectBytes >= limits.objectBytes) {
      this.#closeObject();
      this.#objects.push({ upload: new ObjectUpload({ ...place, key: key(this.#objects.length + 1) }) });
      if (this.#objects.length > 1) this.#objectHash = createHash('sha256');
      this.#objectBytes = 0;
    }
    const wanted = partBytes(limits, this.#objects.at(-1)!.upload.nextPart);
    const size = Math.min(wanted, limits.objectBytes - this.#objectBytes);
    let buffer = this.#free.pop();
    // The size grows as the object does: smaller ones are let go.
    if (!buffer || buffer.length < wanted) buffer = Buffer.allocUnsafeSlow(wanted);
    return buffer.subarray(0, size);
  }

  #closeObject(): void {
    const object = this.#objects.at(-1);
    if (object) object.sha256 = (this.#objectHash ?? this.#streamHash.copy()).digest('hex');
  }

  /** Sends what is filled, after waiting while as many parts as allowed are under way. */
  async #send(): Promise<void> {
    while (this.#sending.size >= this.#options.limits.partsInFlight) await Promise.race(this.#sending);
    if (this.#failure) throw this.#failure;
    const whole = this.#buffer!;
    const sent = this.#objects.at(-1)!.upload.send(whole.subarray(0, this.#filled), this.#crc32);
    this.#buffer = undefined;
    this.#filled = 0;
    this.#crc32 = 0;
    const settled: Promise<void> = sent.then(
      () => {
        this.#free.push(Buffer.from(whole.buffer));
      },
      (error: unknown) => this.#fail(error),
    );
    this.#sending.add(settled);
    void settled.finally(() => this.#sending.delete(settled));
  }

  /** A part that can't be sent breaks the stream at once, not at the next write. */
  #fail(error: unknown): void {
    this.#failure ??= toNightjarError(error, 'UploadPart');
    this.destroy(this.#failure);
  }

  async #finish(): Promise<void> {
    if (this.#filled > 0) await this.#send();
    await Promise.all(this.#sending);
    if (this.#failure) throw this.#failure;
    this.#free.length = 0;
    this.#closeObject();
  }

  /** SHA-256 over all objects; after the end only. */
  digest(): string {
    return this.#streamHash.copy().digest('hex');
  }

  /** Makes all objects, one after the other. Only after the end, and only when the whole dump is good. */
  async complete(signal: AbortSignal): Promise<VaultObject[]> {
    if (!this.writableFinished)
      throw new NightjarError('UNEXPECTED', { operation: 'complete', detail: 'The stream was not ended.' });
    const made: VaultObject[] = [];
    const { role, database } = this.#options;
    for (const [index, { upload, sha256 }] of this.#objects.entries())
      made.push({
        role,
        ...(database === undefined ? {} : { database }),
        part: index + 1,
        sha256: sha256!,
        ...(await upload.complete(signal)),
      });
    return made;
  }

  /** Throws away every part. The place's signal should have aborted, so that no part is still under way for long. */
  async abort(): Promise<void> {
    this.destroy();
    await Promise.all(this.#sending);
    for (const { upload } of this.#objects) await upload.abort();
  }
}
