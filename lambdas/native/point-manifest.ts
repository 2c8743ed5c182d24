/** The manifest of a native backup, and what is known of the backup by it: made of what its states have noted. */
import type { BackupRecord, NativeManifest } from '../../core/backup.ts';
import { isNative } from '../../core/engines.ts';
import { NightjarError } from '../../core/errors.ts';
import type { PointOutcome } from '../../core/job.ts';
import { manifestKey } from '../../core/names.ts';
import { canonical } from '../../core/native.ts';

/** @throws NightjarError POINT_MISSING when nothing was made. */
export function manifestOf(record: BackupRecord, completedAt: string): NativeManifest {
  const { backupId, target, engine, trigger, runId, startedAt, draft } = record;
  const [point] = draft?.points ?? [];
  if (!draft || !point || !isNative(engine))
    throw new NightjarError('POINT_MISSING', {
      operation: 'write manifest',
      detail: `The backup ${backupId} of ${target} has made no recovery point.`,
    });
  const { settings, window, items, points, warnings } = draft;
  return {
    manifestVersion: 1,
    backupId,
    target,
    engine,
    method: 'native',
    kind: 'full',
    trigger,
    ...(runId === undefined ? {} : { runId }),
    startedAt,
    snapshotAt: point.at,
    completedAt,
    window,
    points,
    settings,
    ...(items === undefined ? {} : { items }),
    warnings,
  };
}

export const pointOutcome = (manifest: NativeManifest, manifestVersionId: string): PointOutcome => ({
  kind: 'point',
  manifestKey: manifestKey(manifest.target, manifest.backupId),
  manifestVersionId,
  snapshotAt: manifest.snapshotAt,
  databaseBytes: manifest.points[0]!.bytes,
  ...(manifest.items === undefined ? {} : { items: manifest.items }),
  window: manifest.window,
  warnings: manifest.warnings,
});

/** Whether they say the same, but for the moment at which each was written. */
export const saysTheSame = (one: NativeManifest, other: NativeManifest): boolean =>
  JSON.stringify(canonical({ ...one, completedAt: '' })) === JSON.stringify(canonical({ ...other, completedAt: '' }));
