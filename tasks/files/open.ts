/** Where a target's files lie, as a place to work with. */
import { isAbsolute, join } from 'node:path';
import type { FileStorage } from '../../core/engine-fields.ts';
import { TASK_ENV } from '../../core/environment.ts';
import { MOUNT_ROOT, mountPath } from '../../core/names.ts';
import type { EngineContext } from '../engine.ts';
import { mountedPlace } from './mounted.ts';
import { objectsPlace } from './objects.ts';
import type { FilePlace } from './place.ts';

export type PlaceContext = Pick<EngineContext, 'env' | 's3' | 'signal' | 'report'> & {
  readonly target: { readonly storage: FileStorage };
};

export function openPlace({ target: { storage }, env, s3, signal, report }: PlaceContext): FilePlace {
  const alive = (): void => report.moved(0);
  if ('s3' in storage) return objectsPlace({ s3, ...storage.s3, signal, alive });
  const { fileSystem, directory } = storage.efs;
  // A leading slash is the access point's own directory, not the task's.
  const below = isAbsolute(directory) ? directory.slice(1) : directory;
  return mountedPlace({
    directory: join(mountPath(env[TASK_ENV.mounts] ?? MOUNT_ROOT, fileSystem), below),
    words: below === '' ? fileSystem : `${fileSystem}/${below}`,
    signal,
    alive,
    warn: (text) => report.warn(text),
  });
}
