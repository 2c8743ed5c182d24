/** Whether the vault holds what a manifest promises. */
import type { VaultObject } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import type { Vault } from './vault.ts';

/**
 * Compares one object with what was written; `keyArn`, where it is known, with what it must be encrypted with.
 *
 * @throws NightjarError OBJECT_MISSING, OBJECT_DAMAGED, OBJECT_UNENCRYPTED, or what S3 said.
 */
export async function proveStored(vault: Pick<Vault, 'head'>, object: VaultObject, keyArn?: string): Promise<void> {
  const stored = await vault.head(object);
  const fail = (code: 'OBJECT_MISSING' | 'OBJECT_DAMAGED' | 'OBJECT_UNENCRYPTED', why: string): NightjarError =>
    new NightjarError(code, { operation: 'verify object', detail: `${object.key}: ${why}` });
  if (!stored) throw fail('OBJECT_MISSING', `there is no version ${object.versionId}.`);
  if (stored.bytes !== object.bytes)
    throw fail('OBJECT_DAMAGED', `${stored.bytes} bytes stored, ${object.bytes} written.`);
  if (stored.crc32 !== object.crc32)
    throw fail('OBJECT_DAMAGED', `CRC32 ${stored.crc32 ?? 'unknown'} stored, ${object.crc32} written.`);
  if (keyArn !== undefined && stored.keyArn !== keyArn)
    throw fail('OBJECT_UNENCRYPTED', `the key is ${stored.keyArn ?? 'none of KMS'}, it should be ${keyArn}.`);
}
