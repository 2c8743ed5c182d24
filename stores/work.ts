/** The work bucket: lists and summaries as JSON, which expire by themselves. */
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';

export interface WorkBucket {
  readonly bucket: string;
  putJson(key: string, value: unknown): Promise<void>;
  /** Undefined when there is no such object. */
  getJson(key: string): Promise<unknown>;
}

export function s3Work(client: S3Client, bucket: string): WorkBucket {
  return {
    bucket,
    async putJson(key, value) {
      await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: JSON.stringify(value),
          ContentType: 'application/json',
        }),
      );
    },
    async getJson(key) {
      try {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return JSON.parse(await answer.Body!.transformToString('utf8')) as unknown;
      } catch (error) {
        if (error instanceof Error && error.name === 'NoSuchKey') return undefined;
        throw error;
      }
    },
  };
}
