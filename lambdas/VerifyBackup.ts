/** Proves what was stored: the manifest says what it should, and every object is there as it was written. */
import { dumpManifest, type Manifest, type VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { OutcomeOf } from '../core/job.ts';
import { backupPrefix, manifestKey } from '../core/names.ts';
import type { CloseEvent, VerifiedBackup } from '../core/payloads.ts';
import { proveStored } from '../stores/stored-objects.ts';
import { outcomeOf } from './shared/outcome.ts';
import type { Parts } from './shared/parts.ts';
import { atOnce } from './shared/at-once.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'vault' | 'vaultKeyArn'>;

export const makeVerifyBackup =
  (parts: Needs) =>
  async ({ id, target, attempt }: CloseEvent): Promise<VerifiedBackup> => {
    const outcome = await outcomeOf(parts.catalog, 'dump', id, attempt);
    if (outcome.manifestKey !== manifestKey(target, id))
      throw wrong(`The task named the manifest ${outcome.manifestKey}; it should be ${manifestKey(target, id)}.`);
    const { manifest, versionId } = await manifestOf(parts, outcome);
    const problem = contradiction(manifest, outcome, { id, target, attempt });
    if (problem) throw wrong(`${outcome.manifestKey}: ${problem}`);
    await atOnce(manifest.objects, (object) => proveStored(parts.vault, object, parts.vaultKeyArn));
    return { objects: manifest.objects.length, storedBytes: manifest.storedBytes, manifestVersionId: versionId };
  };

/** The very manifest that the task wrote. One whose version was lost with S3's answer is known by its bytes. */
async function manifestOf(
  { vault }: Needs,
  outcome: OutcomeOf<'dump'>,
): Promise<{ manifest: Manifest; versionId: string }> {
  const { manifestKey: key } = outcome;
  const stored = await vault.readManifest(key, outcome.kind === 'dump' ? outcome.manifestVersionId : undefined);
  if (outcome.kind === 'dump' || stored.sha256 === outcome.manifestSha256)
    return { manifest: dumpManifest(stored.manifest), versionId: stored.versionId };
  throw wrong(
    `S3's answer to ${key} was lost, and what lies there is not what the task wrote: SHA-256 ${stored.sha256}, written was ${outcome.manifestSha256}. Take another backup.`,
  );
}

const wrong = (detail: string): NightjarError =>
  new NightjarError('MANIFEST_INVALID', { operation: 'verify manifest', detail });

/** What in the manifest can't be true of this backup. */
function contradiction(manifest: Manifest, outcome: OutcomeOf<'dump'>, event: CloseEvent): string | undefined {
  const { id, target, attempt } = event;
  if (manifest.backupId !== id || manifest.target !== target)
    return `it is of ${manifest.target} ${manifest.backupId}, not of ${target} ${id}.`;
  if (manifest.attempt !== attempt) return `it is of attempt ${manifest.attempt}, not of ${attempt}.`;
  const stray = manifest.objects.find((object) => !object.key.startsWith(backupPrefix(target, id)));
  if (stray) return `it lists ${stray.key}, which lies outside the backup.`;
  const stored = sum(manifest.objects);
  if (manifest.storedBytes !== stored || outcome.storedBytes !== stored)
    return `its objects have ${stored} bytes, it says ${manifest.storedBytes}, the task said ${outcome.storedBytes}.`;
  const archive = manifest.objects.filter((object) => object.role === 'archive');
  if (archive.length === 0 || manifest.archive.bytes !== sum(archive) || sum(archive) === 0)
    return `its archive has ${sum(archive)} bytes, it says ${manifest.archive.bytes}.`;
  for (const [database, of] of archivesIn(manifest)) {
    const objects = archive.filter((object) => object.database === database);
    if (of === undefined || of.bytes !== sum(objects) || of.bytes === 0)
      return `the archive of ${database ?? 'all'} has ${sum(objects)} bytes, it says ${of?.bytes ?? 'nothing'}.`;
    const parts = objects.map((object) => object.part).sort((left, right) => left - right);
    if (parts.some((part, index) => part !== index + 1)) return `its archive's parts are ${parts.join(', ')}.`;
  }
  if (manifest.snapshotAt !== outcome.snapshotAt)
    return `its snapshot is of ${manifest.snapshotAt}, the task said ${outcome.snapshotAt}.`;
  return undefined;
}

/** Every archive that is named, by the manifest or by an object, and what the manifest says of it. */
function archivesIn({
  databases = [],
  objects,
  archive,
}: Manifest): Map<string | undefined, Manifest['archive'] | undefined> {
  const named = objects.flatMap((object) => (object.role === 'archive' ? [object.database] : []));
  const own = databases.flatMap((one) => (one.archive ? [[one.database, one.archive] as const] : []));
  return new Map([
    ...named.map((database) => [database, database === undefined ? archive : undefined] as const),
    ...own,
  ]);
}

const sum = (objects: readonly VaultObject[]): number => objects.reduce((total, object) => total + object.bytes, 0);

export const handler = wire.lambda(() =>
  makeVerifyBackup({ catalog: wire.catalog(), vault: wire.vault(), vaultKeyArn: wire.vaultKeyArn() }),
);
