/** Proves what was stored: the manifest says what it should, and every object is there as it was written. */
import { dumpManifest, type Manifest, type VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { DumpOutcome } from '../core/job.ts';
import { backupPrefix, manifestKey } from '../core/names.ts';
import type { CloseEvent, VerifiedBackup } from '../core/payloads.ts';
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
    const manifest = dumpManifest(
      (await parts.vault.readManifest(outcome.manifestKey, outcome.manifestVersionId)).manifest,
    );
    const problem = contradiction(manifest, outcome, { id, target, attempt });
    if (problem) throw wrong(`${outcome.manifestKey}: ${problem}`);
    await atOnce(manifest.objects, (object) => verifyObject(parts, object));
    return { objects: manifest.objects.length, storedBytes: manifest.storedBytes };
  };

const wrong = (detail: string): NightjarError =>
  new NightjarError('MANIFEST_INVALID', { operation: 'verify manifest', detail });

/** What in the manifest can't be true of this backup. */
function contradiction(manifest: Manifest, outcome: DumpOutcome, event: CloseEvent): string | undefined {
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
  const parts = archive.map((object) => object.part).sort((left, right) => left - right);
  if (parts.some((part, index) => part !== index + 1)) return `its archive's parts are ${parts.join(', ')}.`;
  if (manifest.snapshotAt !== outcome.snapshotAt)
    return `its snapshot is of ${manifest.snapshotAt}, the task said ${outcome.snapshotAt}.`;
  return undefined;
}

const sum = (objects: readonly VaultObject[]): number => objects.reduce((total, object) => total + object.bytes, 0);

async function verifyObject({ vault, vaultKeyArn }: Needs, object: VaultObject): Promise<void> {
  const stored = await vault.head(object);
  const fail = (code: 'OBJECT_MISSING' | 'OBJECT_DAMAGED' | 'OBJECT_UNENCRYPTED', why: string): NightjarError =>
    new NightjarError(code, { operation: 'verify object', detail: `${object.key}: ${why}` });
  if (!stored) throw fail('OBJECT_MISSING', `there is no version ${object.versionId}.`);
  if (stored.bytes !== object.bytes)
    throw fail('OBJECT_DAMAGED', `${stored.bytes} bytes stored, ${object.bytes} written.`);
  if (stored.crc32 !== object.crc32)
    throw fail('OBJECT_DAMAGED', `CRC32 ${stored.crc32 ?? 'unknown'} stored, ${object.crc32} written.`);
  if (stored.keyArn !== vaultKeyArn)
    throw fail('OBJECT_UNENCRYPTED', `the key is ${stored.keyArn ?? 'none of KMS'}, it should be ${vaultKeyArn}.`);
}

export const handler = wire.lambda(() =>
  makeVerifyBackup({ catalog: wire.catalog(), vault: wire.vault(), vaultKeyArn: wire.vaultKeyArn() }),
);
