/** EFS of the pretend account: an access point is a directory, and a task sees those that its definition mounts. */
import { mkdir, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** Directories of this machine by the file system's id. */
export type Mounts = Readonly<Record<string, string>>;

/**
 * What a task mounts.
 *
 * @param label Of the container: JSON of paths in the container by access point.
 * @param fileSystems Holds `<access point>/`.
 * @throws Error for an access point that is not there, as Fargate ends such a task before it runs.
 */
export async function mountsFor(label: string | undefined, fileSystems: string): Promise<Mounts> {
  const mounts: Record<string, string> = {};
  for (const [accessPoint, path] of Object.entries(JSON.parse(label ?? '{}') as Record<string, string>)) {
    const directory = join(fileSystems, accessPoint);
    await stat(directory).catch(() => {
      throw new Error(`ResourceInitializationError: there is no access point ${accessPoint}`);
    });
    mounts[basename(path)] = directory;
  }
  return mounts;
}

/** Makes `<file system>/` below a root of a task's own. Returns the root, undefined of a task that mounts nothing. */
export async function mountBelow(scratch: string, mounts: Mounts): Promise<string | undefined> {
  const entries = Object.entries(mounts);
  if (entries.length === 0) return undefined;
  const root = join(scratch, 'mnt');
  await mkdir(root);
  for (const [fileSystem, directory] of entries) await symlink(directory, join(root, fileSystem));
  return root;
}
