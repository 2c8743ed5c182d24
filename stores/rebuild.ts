/** Rebuilds a lost catalog from the bucket alone. */
import type { BackupRecord } from '../core/backup.ts';
import type { Catalog } from '../core/catalog.ts';
import { NightjarError, toNightjarError, type Failure } from '../core/errors.ts';
import { manifestKey, parseVaultKey } from '../core/names.ts';
import { recordOfManifest } from '../core/recover.ts';
import { proveStored } from './stored-objects.ts';
import type { Vault } from './vault.ts';

/** What is needed of a vault to read it. */
export type ReadableVault = Pick<Vault, 'readManifest' | 'head' | 'listManifests'>;

export interface Rebuilt {
  /** Backups that the catalog had lost; of a plan, those that it would get back. */
  readonly recovered: readonly BackupRecord[];
  /** How many it knew, whatever became of them. */
  readonly known: number;
  /** Manifests that can't be read, or promise what is not there; the others are recovered all the same. */
  readonly unreadable: readonly { readonly key: string; readonly failure: Failure }[];
}

export interface RebuildOptions {
  /** Only looks. */
  readonly plan?: boolean;
  /** Told now and then how many manifests were looked at. */
  readonly onProgress?: (manifests: number) => void;
}

/** Enough to read ten thousand manifests in minutes, few enough for one client's sockets. */
const AT_ONCE = 20;

/**
 * Records that are there already stay as they are, except that a target learns of its newest good one again. It can be
 * run again.
 */
export async function rebuildCatalog(
  vault: ReadableVault,
  catalog: Catalog,
  { plan = false, onProgress }: RebuildOptions = {},
): Promise<Rebuilt> {
  const rebuilt = { recovered: [] as BackupRecord[], known: 0, unreadable: [] as { key: string; failure: Failure }[] };
  const look = async (key: string): Promise<void> => {
    const { target, backupId } = parseVaultKey(key)!;
    const there = await catalog.getBackup(target, backupId);
    if (there) rebuilt.known += 1;
    try {
      const record = there ?? (await recordIn(vault, key));
      if (!plan) await catalog.recoverBackup(record);
      if (!there) rebuilt.recovered.push(record);
    } catch (error) {
      if (there) throw error;
      rebuilt.unreadable.push({ key, failure: toNightjarError(error, 'rebuild catalog').toFailure() });
    }
  };
  let seen = 0;
  let batch: string[] = [];
  const work = async (): Promise<void> => {
    await Promise.all(batch.map(look));
    seen += batch.length;
    batch = [];
    onProgress?.(seen);
  };
  for await (const key of vault.listManifests()) {
    batch.push(key);
    if (batch.length === AT_ONCE) await work();
  }
  await work();
  rebuilt.recovered.sort((left, right) => (left.backupId < right.backupId ? 1 : -1));
  rebuilt.unreadable.sort((left, right) => (left.key < right.key ? -1 : 1));
  return rebuilt;
}

/** @throws NightjarError MANIFEST_INVALID also when the manifest lies where another's should; OBJECT_… */
export async function recoverFrom(vault: ReadableVault, catalog: Catalog, key: string): Promise<void> {
  await catalog.recoverBackup(await recordIn(vault, key));
}

/**
 * A manifest is written before its backup is proven, so what it promises of the vault is looked at first. Recovery points
 * are their service's: a restore looks at them before it touches anything.
 */
async function recordIn(vault: ReadableVault, key: string): Promise<BackupRecord> {
  const { manifest, versionId } = await vault.readManifest(key);
  if (manifestKey(manifest.target, manifest.backupId) !== key)
    throw new NightjarError('MANIFEST_INVALID', {
      operation: 'rebuild catalog',
      detail: `${key} is the manifest of ${manifest.target} ${manifest.backupId}.`,
    });
  for (const object of manifest.method === 'dump' ? manifest.objects : []) await proveStored(vault, object);
  return recordOfManifest(manifest, { key, versionId });
}
