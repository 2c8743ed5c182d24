/** Jobs, an engine that does as it is told, and a vault to look into. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { dumpJobSchema, restoreJobSchema, type DumpJob, type Progress, type RestoreJob } from '../../core/job.ts';
import type { DumpFacts, DumpSink, Engine, EngineContext, RestoreSource } from '../../tasks/engine.ts';
import type { Log } from '../../tasks/log.ts';
import { runJob, type TaskSetup } from '../../tasks/run.ts';
import { Secrecy } from '../../tasks/secrecy.ts';
import type { UploadLimits } from '../../tasks/upload/limits.ts';
import type { Patience } from '../../tasks/vault-calls.ts';

export const KIB = 1024;
/** A stream of a few hundred KiB meets every limit. */
export const SMALL: UploadLimits = {
  partBytes: [
    { from: 1, bytes: 64 * KIB },
    { from: 3, bytes: 128 * KIB },
  ],
  objectBytes: 1024 * KIB,
  partsInFlight: 3,
};
export const QUICK: Patience = { totalMs: 3_000, pauseMs: 5, longestPauseMs: 50 };

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const someBytes = (count: number): Buffer => randomBytes(count);

const TARGET = {
  name: 'shop',
  engine: 'postgres',
  host: 'db.example.org',
  database: 'shop',
  secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
};
export const BACKUP = '01KDVHM5G00000000000000001';

export const dumpJob = (id = BACKUP): DumpJob =>
  dumpJobSchema.parse({
    kind: 'dump',
    id,
    target: TARGET,
    idleMinutes: 30,
    trigger: 'daily',
    runId: 'daily-20260101T023000Z',
    startedAt: '2026-01-01T02:30:00.000Z',
  });

export const restoreJob = (source: Partial<RestoreJob['source']>): RestoreJob =>
  restoreJobSchema.parse({
    kind: 'restore',
    id: '01KDVHM5G00000000000000002',
    target: TARGET,
    idleMinutes: 30,
    source: { target: 'shop', backupId: BACKUP, manifestKey: 'none', versionId: 'none', ...source },
    mode: 'new',
    database: 'shop_again',
  });

export const FACTS: DumpFacts = {
  snapshotAt: '2026-01-01T02:30:05.000Z',
  consistency: 'transaction',
  source: {
    place: 'db.example.org:5432',
    database: 'shop',
    serverVersion: '17.0',
    serverMajor: 17,
    owner: 'shop',
    tlsVerified: true,
    databaseBytes: 1_000_000,
    details: { encoding: 'UTF8', collate: 'C', ctype: 'C' },
  },
  format: 'custom',
  tool: { name: 'pg_dump', version: '17.0', command: ['pg_dump', '-Fc'] },
  compression: { place: 'inside', algorithm: 'zstd', level: 2 },
  fingerprint: { mode: 'counts', tables: [{ schema: 'public', table: 'orders', rows: 41 }], seconds: 0.1 },
  roles: [],
  extensions: [],
};

/** Writes with regard to back-pressure, as a pipe does; does not end it. */
export async function writeAll(stream: Writable, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += 16 * KIB)
    if (!stream.write(bytes.subarray(at, at + 16 * KIB))) await once(stream, 'drain');
}
export async function end(stream: Writable): Promise<void> {
  const finished = once(stream, 'finish');
  stream.end();
  await finished;
}

export type Double = Partial<Omit<Engine, 'name'>>;
const refuse = (): never => {
  throw new Error('not asked for in this test');
};
export const double = (parts: Double): Engine => ({
  name: 'postgres',
  probe: refuse,
  dump: refuse,
  restore: refuse,
  rollback: refuse,
  drop: refuse,
  check: refuse,
  ...parts,
});

/** A dump of an archive and of globals, in which nothing goes wrong. */
export const goodDump =
  (archive: Buffer, globals = Buffer.from('CREATE ROLE shop;\n')) =>
  async (context: EngineContext, sink: DumpSink): Promise<DumpFacts> => {
    for (const [role, file, bytes] of [
      ['globals', 'globals.sql', globals],
      ['archive', 'archive.dump', archive],
    ] as const) {
      const stream = sink.open(role, file);
      await writeAll(stream, bytes);
      context.report.moved(bytes.length);
      await end(stream);
    }
    return FACTS;
  };

const RESTORED = (job: RestoreJob): Awaited<ReturnType<Engine['restore']>> => ({
  restoredDatabase: job.database,
  comparison: { mode: 'none', tablesCompared: 0, rowsExpected: 0, rowsFound: 0, differences: [], equal: true },
});

/** A restore that only collects what it reads. */
export const collect =
  (into: Buffer[], globals: (string | undefined)[] = []) =>
  async (_: EngineContext, job: RestoreJob, source: RestoreSource) => {
    globals.push(await source.readGlobals());
    for await (const piece of source.openArchive() as AsyncIterable<Buffer>) into.push(piece);
    return RESTORED(job);
  };

export interface Saved {
  bytes?: Buffer;
  moved?: number;
}

/** A restore that only saves the archive to the scratch disk. */
export const save =
  (into: Saved) =>
  async ({ scratch }: EngineContext, job: RestoreJob, source: RestoreSource) => {
    const file = join(scratch, 'archive.dump');
    let moved = 0;
    await source.saveArchive(file, (bytes) => (moved += bytes));
    Object.assign(into, { moved, bytes: await readFile(file) });
    return RESTORED(job);
  };

export interface Ran {
  readonly status: number;
  readonly words: readonly Progress[];
  readonly last: Progress;
  readonly logged: string;
}

export const PASSWORD = 'pa"ss/wörd+1';

/** Runs a job as the task does, with an engine double, and keeps all that it said. */
export async function run(
  job: Parameters<typeof runJob>[0],
  engine: Double,
  setup: Pick<TaskSetup, 's3' | 'bucket'> & Partial<TaskSetup>,
): Promise<Ran> {
  const words: Progress[] = [];
  const secrecy = setup.secrecy ?? new Secrecy();
  let logged = '';
  const log: Log = (level, message, facts) =>
    (logged += `${secrecy.scrub(JSON.stringify({ level, message, ...facts }))}\n`);
  const status = await runJob(job, {
    attempt: 1,
    env: {},
    secrets: {
      send: () => Promise.resolve({ SecretString: JSON.stringify({ username: 'shop', password: PASSWORD }) }),
    },
    catalog: {
      putProgress(progress) {
        words.push(structuredClone(progress));
        return Promise.resolve();
      },
    },
    engineOf: () => double(engine),
    stop: new AbortController(),
    log,
    limits: SMALL,
    patience: QUICK,
    ...setup,
    secrecy,
  });
  return { status, words, last: words.at(-1)!, logged };
}

/** What lies in the bucket: object keys with their versions, and uploads that are still open. */
export async function lookInto(s3: S3Client, Bucket: string): Promise<{ keys: string[]; openUploads: string[] }> {
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  return { keys: Versions.map((one) => one.Key!).sort(), openUploads: Uploads.map((one) => one.Key!) };
}

export async function makeVault(s3: S3Client, Bucket: string): Promise<string> {
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  return Bucket;
}
