/** Whether bytes that were read are those that were stored. */
import type { Manifest } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';

/** @throws CHECKSUM_MISMATCH, which names `what`, unless size and SHA-256 are the manifest's. */
export function prove(what: string, expected: Manifest['archive'], found: Manifest['archive']): void {
  if (expected.sha256 === found.sha256 && expected.bytes === found.bytes) return;
  const detail = `${what}: expected ${expected.bytes} bytes with SHA-256 ${expected.sha256}, read ${found.bytes} with ${found.sha256}.`;
  throw new NightjarError('CHECKSUM_MISMATCH', { operation: 'read backup', detail });
}
