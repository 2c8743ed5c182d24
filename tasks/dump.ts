/**
 * A dump: the engine's streams into the vault, then the manifest. The objects are completed only after the engine has
 * said that all is good; the manifest is written last, so a backup without one is none.
 */
import { manifestSchema, type Manifest, type VaultObject } from '../core/backup.ts';
import type { DumpJob, OutcomeOf } from '../core/job.ts';
import type { DumpTarget } from '../core/config.ts';
import { ENGINES } from '../core/engines.ts';
import { NightjarError } from '../core/errors.ts';
import { taskSizeOf, usesScratch } from '../core/task-size.ts';
import { archiveFacts, type WrittenArchive } from '../core/server-backup.ts';
import { objectKey } from '../core/names.ts';
import { packerOf } from './pipes/packing.ts';
import { pathOnly } from './processes.ts';
import { sealOf, sealed } from './seal.ts';
import type { DumpFacts, Engine, EngineContext } from './engine.ts';
import { lagging, obedient, type JobTools } from './tools.ts';
import { writeManifest } from './upload/manifest.ts';
import { VaultSink } from './upload/vault-sink.ts';

/** How much longer than the engine the last calls may take once the task has been told to stop. */
const COMMIT_MS = 20_000;

/** @throws the engine's error, VAULT_…, DUMP_EMPTY, or the signal's reason; nothing is left behind then. */
export async function dump(job: DumpJob, tools: JobTools, engine: Engine): Promise<OutcomeOf<'dump'>> {
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
    const facts = await obedient(engine.dump(context, sealed(sink, job.target, context.signal)), tools);
    sink.assertWhole();
    const packer = await packedBy(facts, context);
    context.signal.throwIfAborted();
    progress.phase('completing the upload');
    const { archives } = sink;
    // From here on stopping would leave objects that no manifest names.
    const signal = lagging(context.signal, COMMIT_MS);
    const objects = await sink.complete(signal);
    const place = { s3: tools.s3, bucket: tools.bucket, patience: tools.patience, signal };
    return await writeManifest(
      place,
      manifestOf(job, tools, { ...facts, compression: { ...facts.compression, packer } }, archives, objects),
    );
  } catch (error) {
    // A vault that failed made the engine fail; its error says more.
    const cause = context.signal.aborted ? error : (sink.failure ?? error);
    await sink.abort().catch((left: unknown) => {
      log('warn', 'An upload could not be aborted; the vault’s rule for stale uploads removes it.', {
        cause: String(left),
      });
    });
    throw withRoom(cause, job.target, progress.databaseBytes);
  }
}

const packedBy = async ({ compression }: DumpFacts, { env, signal }: EngineContext): Promise<string | undefined> =>
  compression.place === 'outside' ? packerOf(compression, { env: pathOnly(env), signal }) : undefined;

/** A full disk names the size that is wanted, and who sets it. */
function withRoom(thrown: unknown, target: DumpTarget, databaseBytes: number | undefined): unknown {
  if (!(thrown instanceof NightjarError) || thrown.code !== 'DISK_FULL') return thrown;
  if (databaseBytes === undefined || !usesScratch(target.engine)) return thrown;
  const { size, ...unsized } = target;
  const { ephemeralGiB } = taskSizeOf(unsized, databaseBytes);
  if (size && size.ephemeralGiB >= ephemeralGiB) return thrown;
  const next = size
    ? `Set size.ephemeralGiB of the target to ${ephemeralGiB}; it is ${size.ephemeralGiB}.`
    : `It takes ${ephemeralGiB} GiB: a task that had less is followed by one that has that. If that is full too, set size.ephemeralGiB of the target.`;
  return thrown.retold({ detail: [thrown.detail, next].filter(Boolean).join(' ') });
}

function manifestOf(
  job: DumpJob,
  { attempt, progress }: JobTools,
  facts: DumpFacts,
  archives: readonly WrittenArchive[],
  objects: VaultObject[],
): Manifest {
  const { databases, ...known } = facts;
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
    ...known,
    ...(job.target.scope === undefined ? {} : { scope: job.target.scope }),
    ...(job.target.encryption === undefined ? {} : { encryption: sealOf(job.target) }),
    objects,
    ...archiveFacts(archives, databases),
    storedBytes: objects.reduce((sum, object) => sum + object.bytes, 0),
    warnings: progress.warnings,
  } satisfies Manifest);
}
