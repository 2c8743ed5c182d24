/** A dump's way into the vault: all of its streams become objects together, or none does. */
import type { S3Client } from '@aws-sdk/client-s3';
import type { VaultObject } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import type { WrittenArchive } from '../../core/server-backup.ts';
import type { DumpSink } from '../engine.ts';
import { PATIENCE, type Patience } from '../vault-calls.ts';
import { UPLOAD_LIMITS, type UploadLimits } from './limits.ts';
import { UploadStream } from './upload-stream.ts';

export interface VaultSinkOptions {
  readonly s3: S3Client;
  readonly bucket: string;
  /** Key of a stream's object; `part` counts from 1. */
  readonly key: (file: string, part: number) => string;
  readonly signal: AbortSignal;
  readonly limits?: UploadLimits;
  readonly patience?: Patience;
}

export class VaultSink implements DumpSink {
  readonly #options: VaultSinkOptions;
  readonly #cancel = new AbortController();
  readonly #streams: {
    readonly role: VaultObject['role'];
    readonly file: string;
    readonly database: string | undefined;
    readonly stream: UploadStream;
  }[] = [];

  constructor(options: VaultSinkOptions) {
    this.#options = options;
  }

  open(role: VaultObject['role'], file: string, database?: string): UploadStream {
    const { s3, bucket, key, signal, limits = UPLOAD_LIMITS, patience = PATIENCE } = this.#options;
    const stream = new UploadStream({
      place: { s3, bucket, patience, signal: AbortSignal.any([signal, this.#cancel.signal]) },
      key: (part) => key(file, part),
      role,
      database,
      limits,
    });
    // `failure` keeps it; a writer that does not listen must not bring the task down.
    stream.on('error', () => undefined);
    this.#streams.push({ role, file, database, stream });
    return stream;
  }

  /** What broke an upload: the cause behind whatever the writer saw of it. */
  get failure(): NightjarError | undefined {
    return this.#streams.find(({ stream }) => stream.failure)?.stream.failure;
  }

  /** @throws DUMP_EMPTY; UNEXPECTED when a stream was left open, which is a defect of the engine. */
  assertWhole(): void {
    for (const { role, file, stream } of this.#streams) {
      if (!stream.writableFinished)
        throw new NightjarError('UNEXPECTED', { operation: 'dump', detail: `The engine did not end ${role} ${file}.` });
      if (stream.bytes === 0) throw new NightjarError('DUMP_EMPTY', { operation: 'dump', detail: `${role} ${file}` });
    }
    if (!this.#streams.some(({ role }) => role === 'archive'))
      throw new NightjarError('DUMP_EMPTY', { operation: 'dump', detail: 'No archive was written.' });
  }

  /** Each archive's bytes over all its objects, for the manifest. */
  get archives(): WrittenArchive[] {
    return this.#streams
      .filter(({ role }) => role === 'archive')
      .map(({ database, stream }) => ({ database, archive: { bytes: stream.bytes, sha256: stream.digest() } }));
  }

  /** Makes every stream's objects. What fails after the first of them leaves objects that no manifest names. */
  async complete(signal: AbortSignal): Promise<VaultObject[]> {
    const objects: VaultObject[] = [];
    for (const { stream } of this.#streams) objects.push(...(await stream.complete(signal)));
    return objects;
  }

  /** Throws everything away that is not an object yet. */
  async abort(): Promise<void> {
    this.#cancel.abort(new NightjarError('TASK_STOPPED', { operation: 'upload', detail: 'The upload was aborted.' }));
    const ends = await Promise.allSettled(this.#streams.map(({ stream }) => stream.abort()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
