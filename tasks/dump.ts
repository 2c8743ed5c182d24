/**
 * A dump: the engine's streams into the vault, then the manifest. The objects are completed only after the engine has
 * said that all is good; the manifest is written last, so a backup without one is none.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { manifestSchema, type Manifest, type VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { DumpJob, DumpOutcome } from '../core/job.ts';
import { ENGINES } from '../core/engines.ts';
import { manifestKey, objectKey } from '../core/names.ts';
import type { DumpFacts, Engine } from './engine.ts';
import { lagging, obedient, type JobTools } from './tools.ts';
import { VaultSink } from './upload/vault-sink.ts';
import { patiently, PATIENCE } from './vault-calls.ts';

/** How much longer than the engine the last calls may take once the task has been told to stop. */
const COMMIT_MS = 20_000;

/** @throws the engine's error, VAULT_…, DUMP_EMPTY, or the signal's reason; nothing is left behind then. */
export async function dump(job: DumpJob, tools: JobTools, engine: Engine): Promise<DumpOutcome> {
  const { context, progress, log } = tools;
  const sink = new VaultSink({
    s3: tools.s3,
    bucket: tools.bucket,
    key: (file, part) => objectKey(job.target.name, job.id, tools.attempt, file, part),
    signal: context.signal,
    limits: tools.limits,
    patience: tools.patience,
  });
  try {
    const facts = await obedient(engine.dump(context, sink), tools);
    sink.assertWhole();
    context.signal.throwIfAborted();
    progress.phase('completing the upload');
    const { archive } = sink;
    // From here on stopping would leave objects that no manifest names.
    const signal = lagging(context.signal, COMMIT_MS);
    const objects = await sink.complete(signal);
    return await writeManifest(tools, manifestOf(job, tools, facts, archive, objects), signal);
  } catch (error) {
    // A vault that failed made the engine fail; its error says more.
    const cause = context.signal.aborted ? error : (sink.failure ?? error);
    await sink.abort().catch((left: unknown) => {
      log('warn', 'An upload could not be aborted; the vault’s rule for stale uploads removes it.', {
        cause: String(left),
      });
    });
    throw cause;
  }
}

function manifestOf(
  job: DumpJob,
  { attempt, progress }: JobTools,
  facts: DumpFacts,
  archive: Manifest['archive'],
  objects: VaultObject[],
): Manifest {
  return manifestSchema.parse({
    manifestVersion: 1,
    backupId: job.id,
    target: job.target.name,
    engine: job.target.engine,
    method: ENGINES[job.target.engine].method,
    kind: 'full',
    trigger: job.trigger,
    ...(job.runId === undefined ? {} : { runId: job.runId }),
    attempt,
    startedAt: job.startedAt,
    completedAt: new Date().toISOString(),
    ...facts,
    objects,
    archive,
    storedBytes: objects.reduce((sum, object) => sum + object.bytes, 0),
    warnings: progress.warnings,
  } satisfies Manifest);
}

/**
 * A lost answer can't be looked up, for the role may not read. If S3 then says that the object is there, the backup is
 * whole, but its manifest's version is not known; another attempt would meet the same manifest, so none is asked for.
 */
async function writeManifest(tools: JobTools, manifest: Manifest, signal: AbortSignal): Promise<DumpOutcome> {
  const { s3, bucket, patience = PATIENCE } = tools;
  const key = manifestKey(manifest.target, manifest.backupId);
  const operation = 'PutObject';
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: JSON.stringify(manifest, undefined, 2),
    ContentType: 'application/json',
    ChecksumAlgorithm: 'CRC32',
    IfNoneMatch: '*',
  });
  const answer = await patiently({ operation, key, patience, signal }, async ({ ambiguous }) => {
    try {
      return await s3.send(command);
    } catch (error) {
      if ((error as Error).name !== 'PreconditionFailed') throw error;
      const detail = ambiguous
        ? `${key} was written, but S3’s answer and with it the version was lost. Take another backup.`
        : `${key} is there already: an earlier attempt of this backup wrote it. Take another backup.`;
      throw new NightjarError('UNEXPECTED', { operation, detail, cause: error });
    }
  });
  if (answer.VersionId === undefined)
    throw new NightjarError('VAULT_DENIED', { operation, detail: `${bucket} gave no version: is versioning on?` });
  const { tables } = manifest.fingerprint;
  return {
    kind: 'dump',
    manifestKey: key,
    manifestVersionId: answer.VersionId,
    snapshotAt: manifest.snapshotAt,
    storedBytes: manifest.storedBytes,
    databaseBytes: manifest.source.databaseBytes,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    tables: tables.length,
    consistency: manifest.consistency,
    warnings: manifest.warnings,
  };
}
