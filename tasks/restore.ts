/** A restore: the manifest that was asked for, then the engine reads the rest from a proven source. */
import { isKin } from '../core/engines.ts';
import { NightjarError } from '../core/errors.ts';
import type { RestoreJob, RestoreOutcome } from '../core/job.ts';
import type { Engine } from './engine.ts';
import type { VaultReader } from './ranges.ts';
import { restoreDatabases } from './restore-databases.ts';
import { unsealed } from './seal.ts';
import { openSource, readManifest } from './source.ts';
import { obedient, type JobTools } from './tools.ts';

/** @throws MANIFEST_INVALID, OBJECT_MISSING, CHECKSUM_MISMATCH, VAULT_…, the engine's error, or the signal's reason. */
export async function restore(job: RestoreJob, tools: JobTools, engine: Engine): Promise<RestoreOutcome> {
  const { context, progress } = tools;
  const reader: VaultReader = {
    s3: tools.s3,
    bucket: tools.bucket,
    signal: context.signal,
    patience: tools.patience,
    // Engines count the bytes; a proof that runs before them would look like a stall.
    onRange: () => progress.moved(0),
  };
  const { manifestKey, versionId, backupId, target } = job.source;
  progress.phase('reading the manifest');
  const manifest = await readManifest(reader, manifestKey, versionId);
  // One of the same family is the engine's own to take or to refuse.
  if (manifest.backupId !== backupId || manifest.target !== target || !isKin(manifest.engine, engine.name)) {
    const detail = `${manifestKey} is of ${manifest.engine} ${manifest.target} ${manifest.backupId}, asked for was ${engine.name} ${target} ${backupId}.`;
    throw new NightjarError('MANIFEST_INVALID', { operation: 'read manifest', detail });
  }
  const done = await obedient(
    restoreDatabases({
      engine,
      context,
      job,
      manifest,
      open: (part) => unsealed(openSource(reader, part), tools.readIdentity),
    }),
    tools,
  );
  return { kind: 'restore', ...done, warnings: progress.warnings };
}
