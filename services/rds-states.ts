/** RDS's words for how a resource is, in four. Source: AWS, RDS User Guide, "Viewing DB instance status"; the same of clusters. */
import type { NativeResource } from '../core/native.ts';

/** Serves, and takes modifications. */
const READY = new Set(['available', 'storage-optimization', 'storage-config-upgrade', 'storage-initialization']);
/** Will not come by itself. */
const FAILED =
  /^(failed|restore-error|storage-full|insufficient-capacity|inaccessible-encryption-credentials.*|incompatible-.+|cloning-failed|migration-failed|inconsistent)$/;

export function stateOf(status: string): NativeResource['state'] {
  if (READY.has(status)) return 'ready';
  if (status === 'stopped') return 'stopped';
  return FAILED.test(status) ? 'failed' : 'busy';
}
