/** A lost catalog comes back from the manifests: each one makes the record of its backup again. */
import type { AnyManifest, BackupRecord, Manifest, NativeManifest } from './backup.ts';

/** Stands where the execution would, which nobody remembers. */
export const RECOVERED_EXECUTION = 'recovered-from-manifest';

export function recordOfManifest(manifest: AnyManifest, where: { key: string; versionId: string }): BackupRecord {
  const { backupId, target, engine, method, kind, trigger, runId, startedAt, snapshotAt, warnings } = manifest;
  return {
    backupId,
    target,
    engine,
    method,
    kind,
    trigger,
    status: 'COMPLETED',
    ...(runId === undefined ? {} : { runId }),
    executionArn: RECOVERED_EXECUTION,
    startedAt,
    endedAt: manifest.completedAt,
    snapshotAt,
    manifestKey: where.key,
    manifestVersionId: where.versionId,
    ...(manifest.method === 'dump' ? dumped(manifest) : pointed(manifest)),
    warnings,
  };
}

const dumped = ({ storedBytes, source, fingerprint, consistency }: Manifest) => ({
  storedBytes,
  databaseBytes: source.databaseBytes,
  rows: fingerprint.tables.reduce((sum, table) => sum + table.rows, 0),
  tables: fingerprint.tables.length,
  consistency,
});

const pointed = ({ points, window, items }: NativeManifest) => ({
  storedBytes: points[0]!.bytes,
  databaseBytes: points[0]!.bytes,
  ...(items === undefined ? {} : { rows: items }),
  window,
  points: points.map((one) => one.arn),
});
