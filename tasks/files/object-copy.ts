/** One object as S3 describes it, and its copy under another name. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { Bucket } from './objects.ts';

/** Metadata of a copy: the state of what it was made of. */
export const COPY_OF = 'nightjar-copy-of';
/** What one call copies at most, and at most one part. Source: S3 user guide, 5 GB; smaller ones give signs of life. */
const PART = 1024 * 1024 * 1024;

export interface Head {
  readonly bytes: number;
  /** `null` in a bucket that keeps no versions. */
  readonly versionId: string;
  readonly etag: string;
  /** ISO 8601. */
  readonly changedAt: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType: string | undefined;
}

/** Another state, another content. */
export const stateOf = ({ versionId, etag }: Head): string => (versionId === 'null' ? etag : versionId);

/** Undefined when there is none. */
export function headOf({ s3, bucket, signal, call }: Bucket, key: string): Promise<Head | undefined> {
  return call('HeadObject', key, async () => {
    try {
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
      return {
        bytes: head.ContentLength ?? 0,
        versionId: head.VersionId ?? 'null',
        etag: head.ETag ?? '',
        changedAt: (head.LastModified ?? new Date(0)).toISOString(),
        metadata: head.Metadata ?? {},
        contentType: head.ContentType,
      };
    } catch (thrown) {
      if (['NotFound', 'NoSuchKey'].includes((thrown as Error).name)) return undefined;
      throw thrown;
    }
  });
}

/** The very version, under another name; takes that name in one step. */
export async function copyObject(own: Bucket, from: { key: string; head: Head }, to: string): Promise<void> {
  const { s3, bucket, signal, call, partBytes = PART } = own;
  const { head } = from;
  const target = {
    Bucket: bucket,
    Key: to,
    Metadata: { ...head.metadata, [COPY_OF]: stateOf(head) },
    ...(head.contentType === undefined ? {} : { ContentType: head.contentType }),
  };
  const source = {
    CopySource: `${encodeURIComponent(bucket)}/${from.key.split('/').map(encodeURIComponent).join('/')}${
      head.versionId === 'null' ? '' : `?versionId=${encodeURIComponent(head.versionId)}`
    }`,
    CopySourceIfMatch: head.etag,
  };
  if (head.bytes <= partBytes) {
    await call('CopyObject', to, () =>
      s3.send(new CopyObjectCommand({ ...target, ...source, MetadataDirective: 'REPLACE' }), { abortSignal: signal }),
    );
    return;
  }
  const { UploadId } = await call('CreateMultipartUpload', to, () =>
    s3.send(new CreateMultipartUploadCommand(target), { abortSignal: signal }),
  );
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (let at = 0; at < head.bytes; at += partBytes) {
      const PartNumber = Parts.length + 1;
      const range = `bytes=${at}-${Math.min(at + partBytes, head.bytes) - 1}`;
      const answer = await call('UploadPartCopy', to, () =>
        s3.send(
          new UploadPartCopyCommand({
            Bucket: bucket,
            Key: to,
            UploadId,
            PartNumber,
            ...source,
            CopySourceRange: range,
          }),
          { abortSignal: signal },
        ),
      );
      Parts.push({ PartNumber, ETag: answer.CopyPartResult?.ETag });
    }
    await call('CompleteMultipartUpload', to, async (ambiguous) => {
      try {
        await s3.send(
          new CompleteMultipartUploadCommand({ Bucket: bucket, Key: to, UploadId, MultipartUpload: { Parts } }),
        );
      } catch (thrown) {
        // The first completion was done, and its answer lost.
        const done = ambiguous && (thrown as Error).name === 'NoSuchUpload';
        if (!done || (await headOf(own, to))?.metadata[COPY_OF] !== stateOf(head)) throw thrown;
      }
    });
  } catch (thrown) {
    await s3
      .send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: to, UploadId }))
      // Parts of an upload that nobody ended are no object; the bucket's own rule removes them.
      .catch(() => undefined);
    throw thrown;
  }
}
