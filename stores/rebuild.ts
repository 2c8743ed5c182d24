/** Rebuilds a lost catalog from the bucket alone. */
import type { Catalog } from '../core/catalog.ts';
import { NightjarError, toNightjarError, type Failure } from '../core/errors.ts';
import { manifestKey } from '../core/names.ts';
import { recordOfManifest } from '../core/recover.ts';
import type { Vault } from './vault.ts';

export interface Rebuilt {
  readonly recovered: number;
  /** Manifests that can't be read; the others are recovered all the same. */
  readonly unreadable: readonly { readonly key: string; readonly failure: Failure }[];
}

/** Records that are there already stay as they are; it can be run again. */
export async function rebuildCatalog(vault: Vault, catalog: Catalog): Promise<Rebuilt> {
  let recovered = 0;
  const unreadable: { key: string; failure: Failure }[] = [];
  for await (const key of vault.listManifests()) {
    try {
      await recoverFrom(vault, catalog, key);
      recovered += 1;
    } catch (error) {
      unreadable.push({ key, failure: toNightjarError(error, 'rebuild catalog').toFailure() });
    }
  }
  return { recovered, unreadable };
}

/** @throws NightjarError MANIFEST_INVALID also when the manifest lies where another's should. */
export async function recoverFrom(vault: Vault, catalog: Catalog, key: string): Promise<void> {
  const { manifest, versionId } = await vault.readManifest(key);
  if (manifestKey(manifest.target, manifest.backupId) !== key)
    throw new NightjarError('MANIFEST_INVALID', {
      operation: 'rebuild catalog',
      detail: `${key} is the manifest of ${manifest.target} ${manifest.backupId}.`,
    });
  await catalog.recoverBackup(recordOfManifest(manifest, { key, versionId }));
}
