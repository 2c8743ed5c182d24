/**
 * One object on its way into the vault: a multipart upload that becomes an object only when somebody says so.
 *
 * Uncertain answers: the dump task's role may write and nothing else, so it can't look whether a call whose answer was
 * lost has been done.
 * - CreateMultipartUpload: done again; the vault's rule for stale uploads removes the empty one.
 * - UploadPart: done again; the later one counts.
 * - CompleteMultipartUpload: done again. S3 answers a repetition with success, or with 404 or 412, because the upload is
 *   gone and If-None-Match sees the object. Then the object is there, but under a version that we were not told, which
 *   the manifest could not name: VAULT_UNAVAILABLE, and the next attempt writes to keys of its own. What is left behind
 *   is named by no manifest, so no restore can take it; it lies under the backup's prefix and is deleted with it.
 *   A 412 with no lost answer before it is somebody else's object: VAULT_DENIED. A 409 says that the key is being
 *   written, for whomever: VAULT_UNAVAILABLE too.
 * - AbortMultipartUpload: done again, and 404 is what was wanted.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { VaultObject } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import { DATA_TAG } from '../../core/names.ts';
import { patiently, SHORT_PATIENCE, type Patience } from '../vault-calls.ts';
import { crc32Text, joinCrc32 } from './crc32.ts';
import { bodyOf } from './part-body.ts';

/** Answers that a repeated completion gets when the first one was done. */
const DONE_ALREADY = new Set(['NoSuchUpload', 'PreconditionFailed']);
/** Another conditional write of the key is under way. */
const CONFLICT = 'ConditionalRequestConflict';

export interface ObjectPlace {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly key: string;
  readonly patience: Patience;
  /** Cancels parts that are under way. */
  readonly signal: AbortSignal;
}

export class ObjectUpload {
  readonly #place: ObjectPlace;
  #created: Promise<string> | undefined;
  readonly #parts: { number: number; bytes: number; crc32: number; etag: Promise<string> }[] = [];

  constructor(place: ObjectPlace) {
    this.#place = place;
  }

  /** Number that the next part will have. */
  get nextPart(): number {
    return this.#parts.length + 1;
  }

  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytes, 0);
  }

  /** Sends a part; the buffer may be used again when it resolves. */
  async send(data: Buffer, crc32: number): Promise<void> {
    const number = this.nextPart;
    const etag = this.#sendPart(number, data, crc32);
    this.#parts.push({ number, bytes: data.length, crc32, etag });
    await etag;
  }

  async #sendPart(number: number, data: Buffer, crc32: number): Promise<string> {
    const UploadId = await (this.#created ??= this.#create());
    const answer = await this.#call('UploadPart', ({ s3, bucket, key, signal }) =>
      s3.send(
        new UploadPartCommand({
          Bucket: bucket,
          Key: key,
          UploadId,
          PartNumber: number,
          Body: bodyOf(data),
          ContentLength: data.length,
          ChecksumCRC32: crc32Text(crc32),
        }),
        { abortSignal: signal },
      ),
    );
    return given(answer.ETag, 'ETag', 'UploadPart');
  }

  async #create(): Promise<string> {
    const answer = await this.#call('CreateMultipartUpload', ({ s3, bucket, key, signal }) =>
      s3.send(
        new CreateMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          ChecksumAlgorithm: 'CRC32',
          ChecksumType: 'FULL_OBJECT',
          Tagging: new URLSearchParams({ [DATA_TAG.key]: DATA_TAG.value }).toString(),
        }),
        { abortSignal: signal },
      ),
    );
    return given(answer.UploadId, 'UploadId', 'CreateMultipartUpload');
  }

  #call<T>(operation: string, once: (place: ObjectPlace) => Promise<T>): Promise<T> {
    const { key, patience, signal } = this.#place;
    return patiently({ operation, key, patience, signal }, () => once(this.#place));
  }

  /** Makes it an object, which nothing can undo. All parts must have been sent. */
  async complete(signal: AbortSignal): Promise<Pick<VaultObject, 'key' | 'versionId' | 'bytes' | 'crc32'>> {
    const { s3, bucket, key, patience } = this.#place;
    const UploadId = await given(this.#created, 'upload', 'CompleteMultipartUpload');
    const Parts = await Promise.all(
      this.#parts.map(async ({ number, crc32, etag }) => ({
        PartNumber: number,
        ETag: await etag,
        ChecksumCRC32: crc32Text(crc32),
      })),
    );
    const crc32 = crc32Text(this.#parts.reduce((sum, part) => joinCrc32(sum, part.crc32, part.bytes), 0));
    const command = new CompleteMultipartUploadCommand({
      Bucket: bucket,
      Key: key,
      UploadId,
      MultipartUpload: { Parts },
      ChecksumCRC32: crc32,
      ChecksumType: 'FULL_OBJECT',
      MpuObjectSize: this.bytes,
      IfNoneMatch: '*',
    });
    const operation = 'CompleteMultipartUpload';
    // The signal ends the waiting between tries, not a call: a cancelled completion would leave us not knowing.
    const answer = await patiently({ operation, key, patience, signal }, async ({ ambiguous }) => {
      try {
        return await s3.send(command);
      } catch (error) {
        const { name } = error as Error;
        if (name !== CONFLICT && !(ambiguous && DONE_ALREADY.has(name))) throw error;
        const why =
          name === CONFLICT
            ? 'S3 is writing this key already and does not say for whom.'
            : 'S3 completed it, but its answer and with it the version was lost.';
        const detail = `${key}: ${why} No manifest names this object.`;
        throw new NightjarError('VAULT_UNAVAILABLE', { operation, detail, cause: error });
      }
    });
    return {
      key,
      versionId: given(answer.VersionId, 'version (is versioning on?)', operation),
      bytes: this.bytes,
      crc32,
    };
  }

  /** Throws all parts away. Call it when none is under way. */
  async abort(): Promise<void> {
    if (!this.#created) return;
    const UploadId = await this.#created.catch(() => undefined);
    if (UploadId === undefined) return;
    const { s3, bucket, key } = this.#place;
    // Without the place's signal: that one has usually aborted by now.
    await patiently({ operation: 'AbortMultipartUpload', key, patience: SHORT_PATIENCE }, async () => {
      try {
        await s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId }));
      } catch (error) {
        if ((error as Error).name !== 'NoSuchUpload') throw error;
      }
    });
  }
}

function given<T>(value: T | undefined, what: string, operation: string): T {
  if (value !== undefined) return value;
  throw new NightjarError('VAULT_DENIED', { operation, detail: `S3 answered without ${what}.` });
}
