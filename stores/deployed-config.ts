/** The config as it was deployed: JSON in S3 under a key that changes with its content, so one read lasts. */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { parseConfig } from '../core/config-read.ts';
import type { Config } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';

const cache = new Map<string, Promise<Config>>();

/** @throws NightjarError CONFIG_INVALID when it is missing or does not go with this version. */
export function readDeployedConfig(client: S3Client, bucket: string, key: string): Promise<Config> {
  const place = `s3://${bucket}/${key}`;
  const known = cache.get(place);
  if (known) return known;
  const reading = read(client, bucket, key, place);
  cache.set(place, reading);
  // A failed read is not remembered: the next one may succeed.
  reading.catch(() => cache.delete(place));
  return reading;
}

async function read(client: S3Client, bucket: string, key: string, place: string): Promise<Config> {
  let text: string;
  try {
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    text = await answer.Body!.transformToString('utf8');
  } catch (cause) {
    throw new NightjarError('CONFIG_INVALID', {
      operation: 'read deployed config',
      detail: `${place}: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`,
      cause,
    });
  }
  return parseConfig(JSON.parse(text));
}
