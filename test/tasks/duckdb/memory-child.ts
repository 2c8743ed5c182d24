/**
 * One dump or restore of DuckDB as a task does it, in a process of its own:
 *
 *   node memory-child.mjs dump|restore MOUNTS DATABASE file|parquet ARCHIVE VAULT
 *
 * ARCHIVE.json keeps what a manifest would; VAULT is an endpoint that takes parts.
 */
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import type { Manifest } from '../../../core/backup.ts';
import { parseDumpTarget } from '../../../core/config.ts';
import type { RestoreJob } from '../../../core/job.ts';
import type { EngineContext, RestoreSource } from '../../../tasks/engine.ts';
import { engineOf } from '../../../tasks/engines.ts';
import { VaultSink } from '../../../tasks/upload/vault-sink.ts';
import { VAULT_CLIENT } from '../../../tasks/vault-calls.ts';

const [what, mounts, database, format, archive, endpoint] = process.argv.slice(2);
const target: EngineContext<'duckdb'>['target'] = parseDumpTarget({
  name: 'shop',
  engine: 'duckdb',
  database,
  format,
  storage: { efs: { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0', directory: 'data' } },
});
const scratch = await mkdtemp(join(dirname(archive!), 'scratch-'));
const { signal } = new AbortController();
const s3 = new S3Client({
  ...VAULT_CLIENT,
  endpoint: endpoint!,
  region: 'eu-west-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'example', secretAccessKey: 'example' },
});
const nothing = (): void => undefined;
const context: EngineContext = {
  target,
  login: () => Promise.reject(new Error('A file has no login.')),
  signal,
  report: {
    phase: nothing,
    moved: nothing,
    expect: nothing,
    found: nothing,
    warn: nothing,
    exchange: () => Promise.resolve(),
  },
  scratch,
  s3,
  env: { NIGHTJAR_MOUNTS: mounts, PATH: process.env.PATH },
};
try {
  if (what === 'dump') {
    const sink = new VaultSink({ s3, bucket: 'vault', key: (file, part) => `${file}-${part}`, signal });
    const facts = await engineOf('duckdb').dump(context, sink);
    sink.assertWhole();
    await sink.complete(signal);
    writeFileSync(`${archive}.json`, JSON.stringify({ ...facts, archive: sink.archives[0]!.archive }));
  } else {
    const manifest = JSON.parse(readFileSync(`${archive}.json`, 'utf8')) as Manifest;
    const job = { id: '01J0000000000000000000000A', target, mode: 'new', database: `again-${format}.duckdb` };
    const source = { manifest, openArchive: () => createReadStream(archive!) } as unknown as RestoreSource;
    const { comparison } = await engineOf('duckdb').restore(context, job as RestoreJob, source);
    if (!comparison.equal) throw new Error(JSON.stringify(comparison));
  }
} finally {
  await rm(scratch, { recursive: true });
}
