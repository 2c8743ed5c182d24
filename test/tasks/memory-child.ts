/** Uploads a gibibyte to the endpoint it is given and prints its memory as JSON. A process of its own: nothing else counts. */
import { once } from 'node:events';
import { S3Client } from '@aws-sdk/client-s3';
import { UPLOAD_LIMITS } from '../../tasks/upload/limits.ts';
import { VaultSink } from '../../tasks/upload/vault-sink.ts';
import { PATIENCE, VAULT_CLIENT } from '../../tasks/vault-calls.ts';

const GIB = 1024 ** 3;
const CHUNK = 64 * 1024;
const s3 = new S3Client({
  ...VAULT_CLIENT,
  endpoint: process.argv[2]!,
  region: 'eu-west-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'example', secretAccessKey: 'example' },
});
const { signal } = new AbortController();
const sink = new VaultSink({
  s3,
  bucket: 'vault',
  key: (file) => file,
  signal,
  limits: UPLOAD_LIMITS,
  patience: PATIENCE,
});
const stream = sink.open('archive', 'archive');
const before = process.memoryUsage.rss();
let peak = before;
for (let sent = 0; sent < GIB; sent += CHUNK) {
  if (!stream.write(Buffer.alloc(CHUNK, sent / CHUNK))) await once(stream, 'drain');
  peak = Math.max(peak, process.memoryUsage.rss());
}
const finished = once(stream, 'finish');
stream.end();
await finished;
const objects = await sink.complete(signal);
process.stdout.write(JSON.stringify({ grownMiB: (peak - before) / 1024 ** 2, bytes: objects[0]!.bytes }));
