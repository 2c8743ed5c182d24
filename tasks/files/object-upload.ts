/** A file of the task's disk as an object that was not there before. */
import { randomUUID } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { NightjarError } from '../../core/errors.ts';
import { bodyOf } from '../upload/part-body.ts';
import { crc32Text } from '../upload/crc32.ts';
import { headOf } from './object-copy.ts';
import type { Bucket } from './objects.ts';
import { crc32 } from 'node:zlib';

/** Tells our own object from another's where the answer to the completion was lost. */
const STORED_BY = 'nightjar-stored';
const MIB = 1024 * 1024;
const MAX_PARTS = 10_000;
const DONE_OR_TAKEN = ['PreconditionFailed', 'NoSuchUpload', 'ConditionalRequestConflict'];

/** `taken` makes the error for a name that another has by then. An upload that fails leaves no object. */
export async function uploadFile(own: Bucket, file: string, key: string, taken: () => NightjarError): Promise<void> {
  const { s3, bucket, signal, call } = own;
  const mark = randomUUID();
  const input = await open(file, 'r');
  try {
    const { size } = await input.stat();
    const partBytes = Math.max(own.partBytes ?? 16 * MIB, Math.ceil(size / MAX_PARTS / MIB) * MIB);
    const { UploadId } = await call('CreateMultipartUpload', key, () =>
      s3.send(
        new CreateMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          Metadata: { [STORED_BY]: mark },
          ChecksumAlgorithm: 'CRC32',
        }),
        { abortSignal: signal },
      ),
    );
    try {
      const Parts: { PartNumber: number; ETag: string | undefined; ChecksumCRC32: string }[] = [];
      const buffer = Buffer.allocUnsafeSlow(Math.min(partBytes, Math.max(size, 1)));
      for (let at = 0; at < size || Parts.length === 0; at += partBytes) {
        const part = await filled(input, buffer, at, Math.min(partBytes, size - at));
        const PartNumber = Parts.length + 1;
        const ChecksumCRC32 = crc32Text(crc32(part));
        const { ETag } = await call('UploadPart', key, () =>
          s3.send(
            new UploadPartCommand({
              Bucket: bucket,
              Key: key,
              UploadId,
              PartNumber,
              Body: bodyOf(part),
              ContentLength: part.length,
              ChecksumCRC32,
            }),
            { abortSignal: signal },
          ),
        );
        Parts.push({ PartNumber, ETag, ChecksumCRC32 });
      }
      await call('CompleteMultipartUpload', key, async () => {
        try {
          await s3.send(
            new CompleteMultipartUploadCommand({
              Bucket: bucket,
              Key: key,
              UploadId,
              MultipartUpload: { Parts },
              IfNoneMatch: '*',
            }),
          );
        } catch (thrown) {
          if (!DONE_OR_TAKEN.includes((thrown as Error).name)) throw thrown;
          const there = await headOf(own, key);
          if (there?.metadata[STORED_BY] === mark) return;
          throw there ? taken() : thrown;
        }
      });
    } catch (thrown) {
      await s3
        .send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId }))
        // Parts of an upload that nobody ended are no object; the bucket's own rule removes them.
        .catch(() => undefined);
      throw thrown;
    }
  } finally {
    await input.close();
  }
}

async function filled(input: FileHandle, buffer: Buffer, at: number, bytes: number): Promise<Buffer> {
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await input.read(buffer, done, bytes - done, at + done);
    if (bytesRead === 0) throw new Error(`The file ended ${bytes - done} bytes early.`);
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
