/** Proves a native backup: its manifest can be read and says what it should, and every recovery point is there as it says. */
import { nativeManifest, type BackupRecord, type NativeManifest } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { PointOutcome } from '../core/job.ts';
import { canonical, type RecoveryPoint } from '../core/native.ts';
import { manifestKey, pointName } from '../core/names.ts';
import type { CloseEvent, VerifiedBackup } from '../core/payloads.ts';
import { serviceOf } from './native/services.ts';
import { manifestOf, pointOutcome, saysTheSame } from './native/point-manifest.ts';
import { saidOutcome } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'vault' | 'services'>;

export const makeVerifyPoint =
  (parts: Needs) =>
  async ({ id, target, attempt }: CloseEvent): Promise<VerifiedBackup> => {
    const record = await parts.catalog.getBackup(target, id);
    const said = await saidOutcome(parts.catalog, id, attempt);
    const read = await parts.vault.readManifest(manifestKey(target, id), said?.manifestVersionId);
    const manifest = nativeManifest(read.manifest);
    if (!said && !(record && saysTheSame(manifest, manifestOf(record, manifest.completedAt))))
      throw new NightjarError('MANIFEST_INVALID', {
        operation: 'verify manifest',
        detail: `S3's answer to ${manifestKey(target, id)} was lost, and what lies there is not what was written. Take another backup.`,
      });
    const outcome = said ?? pointOutcome(manifest, read.versionId);
    const problem = contradiction(manifest, outcome, record, { id, target });
    if (problem)
      throw new NightjarError('MANIFEST_INVALID', {
        operation: 'verify manifest',
        detail: `${outcome.manifestKey}: ${problem}`,
      });
    const service = serviceOf(parts, manifest.engine);
    for (const point of manifest.points) {
      const found = await service.pointState(point.arn);
      const wrong = difference(point, found?.status === 'ready' ? found.point : undefined, found?.stateWord);
      if (wrong)
        throw new NightjarError('POINT_MISSING', { operation: 'verify point', detail: `${point.arn}: ${wrong}` });
    }
    return {
      objects: manifest.points.length,
      storedBytes: manifest.points[0]!.bytes,
      manifestVersionId: outcome.manifestVersionId,
    };
  };

/** What in the manifest can't be true of this backup. */
function contradiction(
  manifest: NativeManifest,
  outcome: PointOutcome,
  record: BackupRecord | undefined,
  { id, target }: { id: string; target: string },
): string | undefined {
  if (manifest.backupId !== id || manifest.target !== target)
    return `it is of ${manifest.target} ${manifest.backupId}, not of ${target} ${id}.`;
  if (manifest.snapshotAt !== outcome.snapshotAt || manifest.points[0]!.at !== outcome.snapshotAt)
    return `its point is of ${manifest.points[0]!.at}, it says ${manifest.snapshotAt} and its maker said ${outcome.snapshotAt}.`;
  const [listed, recorded] = [manifest.points.map((one) => one.arn), record?.points ?? []];
  if (JSON.stringify([...listed].sort()) !== JSON.stringify([...recorded].sort()))
    return `it lists ${listed.join(', ')}, and the catalog knows ${recorded.join(', ') || 'none'}.`;
  const stray = manifest.points.find((one) => one.name !== pointName(target, id));
  if (stray) return `it lists ${stray.name}, which is none of this backup's names.`;
  const foreign = manifest.points.find(
    (one) => one.sourceResourceId !== undefined && one.sourceResourceId !== manifest.settings.resourceId,
  );
  if (foreign)
    return `${foreign.arn} is of ${foreign.sourceResourceId}, the settings of ${manifest.settings.resourceId}.`;
  return undefined;
}

/** What in the service's own words is not as the manifest says. */
function difference(
  expected: RecoveryPoint,
  found: RecoveryPoint | undefined,
  stateWord: string | undefined,
): string | undefined {
  if (!found) return stateWord === undefined ? 'it is not there.' : `it is '${stateWord}'.`;
  for (const key of ['kind', 'name', 'region', 'at', 'encrypted', 'keyArn'] as const)
    if (JSON.stringify(canonical(found[key])) !== JSON.stringify(canonical(expected[key])))
      return `its ${key} is ${String(found[key])}, the manifest says ${String(expected[key])}.`;
  return undefined;
}

export const handler = wire.lambda(() =>
  makeVerifyPoint({ catalog: wire.catalog(), vault: wire.vault(), services: wire.services() }),
);
