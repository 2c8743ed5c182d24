/** A backup's objects in ranges, each taken up again where a connection dropped. */
import type { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import { patiently, PATIENCE, type Patience } from './vault-calls.ts';

export interface VaultReader {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
  /** One request fetches this many bytes; 2 MiB by default in a stream, 8 MiB into a file. */
  readonly rangeBytes?: number;
  /** How many requests run at once; 4 by default in a stream, 3 into a file. */
  readonly ahead?: number;
  /** A sign of life for each range that arrived. */
  readonly onRange?: () => void;
}

export interface Range {
  readonly object: VaultObject;
  /** First byte, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** Cuts the objects into ranges of this size, in order. */
export function* rangesOf(objects: readonly VaultObject[], size: number): Generator<Range> {
  for (const object of objects)
    for (let from = 0; from < object.bytes; from += size)
      yield { object, from, to: Math.min(from + size, object.bytes) };
}

/**
 * Fills the beginning of `buffer`, which is as long as the range at least, and returns that beginning. Goes on behind the
 * last byte that arrived: what is there is not fetched twice.
 *
 * @throws CHECKSUM_MISMATCH for an object of another size; OBJECT_MISSING, VAULT_….
 */
export async function fetchRange(reader: VaultReader, { object, from, to }: Range, into: Buffer): Promise<Buffer> {
  const { s3, bucket, signal, patience = PATIENCE } = reader;
  const { key, versionId } = object;
  const buffer = into.subarray(0, to - from);
  let filled = 0;
  await patiently({ operation: 'GetObject', key, patience, signal }, async () => {
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      VersionId: versionId,
      Range: `bytes=${from + filled}-${to - 1}`,
    });
    const answer = await s3.send(command, { abortSignal: signal }).catch((cause: unknown) => {
      if ((cause as Error).name === 'InvalidRange') throw shorter(object, cause);
      throw cause;
    });
    const total = Number(/\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1]);
    if (total !== object.bytes) throw shorter(object);
    for await (const piece of answer.Body as Readable as AsyncIterable<Buffer>) {
      if (piece.length > buffer.length - filled) throw shorter(object);
      filled += piece.copy(buffer, filled);
    }
    // A connection that ends early without an error of its own.
    if (filled < buffer.length) throw new Error(`the connection ended ${buffer.length - filled} bytes early`);
  });
  return buffer;
}

function shorter(object: VaultObject, cause?: unknown): NightjarError {
  const detail = `${object.key}: its size is not the ${object.bytes} bytes of the manifest.`;
  return new NightjarError('CHECKSUM_MISMATCH', { operation: 'GetObject', detail, cause });
}
