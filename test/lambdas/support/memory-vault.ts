/** A vault in memory, with the faults that a test asks for. */
import { createHash } from 'node:crypto';
import { parseManifest, type AnyManifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import { backupPrefix, manifestKey, parseVaultKey } from '../../../core/names.ts';
import type { Access, FoundPrefix, ObjectVersion, Refusal, StoredObject, Vault } from '../../../stores/vault.ts';

export interface Held {
  body: string;
  bytes: number;
  crc32: string | undefined;
  keyArn: string | undefined;
  access: Access;
  /** Under Object Lock. */
  locked?: boolean;
}

export const VAULT_KEY = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555';

export interface MemoryVault extends Vault {
  readonly objects: Map<string, Held>;
  /** Keys in the order in which they were deleted. */
  readonly deletions: string[];
  readonly thawed: string[];
  /** Thrown by the next deletion. */
  breakDelete: Error | undefined;
  put(key: string, held?: Partial<Held>): ObjectVersion;
}

const at = ({ key, versionId }: ObjectVersion): string => `${key}@${versionId}`;
export const crcOf = (text: string): string => createHash('md5').update(text).digest('base64').slice(0, 8);

export function memoryVault(): MemoryVault {
  const objects = new Map<string, Held>();
  let version = 0;
  const keysOf = (): string[] => [...objects.keys()].map((one) => one.slice(0, one.lastIndexOf('@'))).sort();
  const vault: MemoryVault = {
    objects,
    deletions: [],
    thawed: [],
    breakDelete: undefined,
    put(key, held = {}) {
      const body = held.body ?? `bytes of ${key}`;
      const object = { key, versionId: `v${(version += 1)}` };
      objects.set(at(object), {
        body,
        bytes: Buffer.byteLength(body),
        crc32: crcOf(body),
        keyArn: VAULT_KEY,
        access: 'here',
        ...held,
      });
      return object;
    },
    readManifest(key, versionId) {
      const found = [...objects.keys()].filter((one) => one.startsWith(`${key}@`)).at(-1);
      const name = versionId === undefined ? found : at({ key, versionId });
      const held = name === undefined ? undefined : objects.get(name);
      if (!held)
        return Promise.reject(new NightjarError('MANIFEST_INVALID', { detail: `${key} is not in the vault.` }));
      const parse = (): AnyManifest => parseManifest(held.body, key);
      const sha256 = createHash('sha256').update(held.body).digest('hex');
      return Promise.resolve().then(() => ({ manifest: parse(), versionId: name!.slice(key.length + 1), sha256 }));
    },
    writeManifest(manifest) {
      const key = manifestKey(manifest.target, manifest.backupId);
      const cause = Object.assign(new Error('412'), { name: 'PreconditionFailed' });
      if ([...objects.keys()].some((one) => one.startsWith(`${key}@`)))
        return Promise.reject(
          new NightjarError('VAULT_DENIED', { operation: 'PutObject', detail: `${key} is there.`, cause }),
        );
      return Promise.resolve(vault.put(key, { body: JSON.stringify(manifest) }));
    },
    head(object) {
      const held = objects.get(at(object));
      const stored: StoredObject | undefined = held && {
        bytes: held.bytes,
        crc32: held.crc32,
        keyArn: held.keyArn,
        access: held.access,
      };
      return Promise.resolve(stored);
    },
    deleteBackup(target, backupId) {
      const prefix = backupPrefix(target, backupId);
      const names = [...objects.keys()].filter((one) => one.startsWith(prefix));
      const isManifest = (name: string): boolean => name.includes('manifest.json@');
      const refused: Refusal[] = [];
      for (const name of [...names.filter(isManifest), ...names.filter((one) => !isManifest(one))]) {
        if (vault.breakDelete && !isManifest(name)) {
          const error = vault.breakDelete;
          vault.breakDelete = undefined;
          return Promise.reject(error);
        }
        const [key, versionId] = name.split('@') as [string, string];
        if (objects.get(name)!.locked) refused.push({ key, versionId, why: 'AccessDenied: locked' });
        else {
          objects.delete(name);
          vault.deletions.push(key);
        }
      }
      return Promise.resolve({ deleted: names.length - refused.length, refused });
    },
    listUploads: () => Promise.resolve([]),
    thaw(object) {
      vault.thawed.push(object.key);
      objects.get(at(object))!.access = 'thawing';
      return Promise.resolve();
    },
    listPrefixes({ after }) {
      const found = new Map<string, FoundPrefix>();
      for (const key of keysOf().filter((one) => after === undefined || one > after)) {
        const parsed = parseVaultKey(key);
        if (!parsed) continue;
        const { target, backupId, isManifest } = parsed;
        found.set(backupId, {
          target,
          backupId,
          manifestKey: isManifest ? key : found.get(backupId)?.manifestKey,
        });
      }
      return Promise.resolve({ found: [...found.values()], next: undefined });
    },
    async *listManifests() {
      await Promise.resolve();
      yield* keysOf().filter((key) => parseVaultKey(key)?.isManifest);
    },
  };
  return vault;
}
