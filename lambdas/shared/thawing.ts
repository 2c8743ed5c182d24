import { dumpManifest, type Manifest } from '../../core/backup.ts';
import { NightjarError } from '../../core/errors.ts';
import type { ThawEvent, ThawState } from '../../core/payloads.ts';
import { manifestOfDatabase } from '../../core/server-backup.ts';
import type { Access } from '../../stores/vault.ts';
import { atOnce } from './at-once.ts';
import type { Parts } from './parts.ts';

export interface Looked {
  readonly object: Manifest['objects'][number];
  readonly access: Access;
}

/** Every object that the restore needs of a backup, and whether it can be read. */
export async function lookAt(
  parts: Pick<Parts, 'catalog' | 'vault'>,
  { source, backupId, fromDatabase }: ThawEvent,
): Promise<Looked[]> {
  const record = await parts.catalog.getBackup(source, backupId);
  if (!record?.manifestKey)
    throw new NightjarError('BACKUP_UNKNOWN', { operation: 'thaw', detail: `${source} has no backup ${backupId}.` });
  const stored = await parts.vault.readManifest(record.manifestKey, record.manifestVersionId);
  const whole = dumpManifest(stored.manifest);
  const { objects } = typeof fromDatabase === 'string' ? manifestOfDatabase(whole, fromDatabase) : whole;
  return atOnce(objects, async (object) => {
    const stored = await parts.vault.head(object);
    if (stored) return { object, access: stored.access };
    throw new NightjarError('OBJECT_MISSING', {
      operation: 'thaw',
      detail: `${object.key} has no version ${object.versionId}.`,
    });
  });
}

export function thawStateOf(looked: readonly { readonly access: Access }[]): ThawState {
  const ready = looked.filter((one) => one.access === 'here').length;
  return { thawed: ready === looked.length, objects: looked.length, ready };
}
