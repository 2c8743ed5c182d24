/** A lost catalog comes back from the manifests: each one makes the record of its backup again. */
import type { BackupRecord, Manifest } from './backup.ts';

/** Stands where the execution would, which nobody remembers. */
export const RECOVERED_EXECUTION = 'recovered-from-manifest';

export function recordOfManifest(manifest: Manifest, where: { key: string; versionId: string }): BackupRecord {
  const { backupId, target, engine, method, kind, trigger, runId, startedAt, snapshotAt, consistency } = manifest;
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
    storedBytes: manifest.storedBytes,
    databaseBytes: manifest.source.databaseBytes,
    rows: manifest.fingerprint.tables.reduce((sum, table) => sum + table.rows, 0),
    tables: manifest.fingerprint.tables.length,
    consistency,
    warnings: manifest.warnings,
  };
}
