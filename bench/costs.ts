/** What a backup's own care costs: the fingerprint, the read-through, and each level of compression. */
import { mkdtemp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TASK_ENV } from '../core/environment.ts';
import type { DumpTarget } from '../core/config.ts';
import { POSTGRES_ROOT } from '../local/paths.ts';
import type { Environment } from './measure.ts';
import { ownBackup } from './ours.ts';
import type { Contender } from './result.ts';
import { BEST, pipeBackup } from './rivals.ts';
import { takeTurns, type RoundOptions } from './rounds.ts';
import type { World } from './world.ts';

export async function costsOf(world: World, options: RoundOptions): Promise<Contender[]> {
  const { minio } = world;
  const blind = await blindTools(world.postgres.major);
  const own = (label: string, changes: Partial<DumpTarget>, more: Environment = {}) => ({
    label,
    run: async () => {
      const { cost, backup } = await ownBackup(world, world.target(changes), more);
      const storedBytes = await minio.storedBytes(backup.prefix);
      await minio.empty(backup.prefix);
      return { cost, storedBytes };
    },
  });
  try {
    return await takeTurns(
      () => world.settle(),
      [
        own('as it comes (counts, zstd:2)', {}),
        own('fingerprint: none', { fingerprint: 'none' }),
        own('fingerprint: checksums', { fingerprint: 'checksums' }),
        own('without the read-through', {}, { [TASK_ENV.postgresRoot]: blind }),
        own('without the read-through, fingerprint: none', { fingerprint: 'none' }, { [TASK_ENV.postgresRoot]: blind }),
        own('zstd level 1', { compression: { algorithm: 'zstd', level: 1 } }),
        own('zstd level 3', { compression: { algorithm: 'zstd', level: 3 } }),
        {
          label: BEST.label,
          run: async () => {
            const cost = await pipeBackup(world, BEST);
            const storedBytes = await minio.storedBytes(BEST.key);
            await minio.empty(BEST.key);
            return { cost, storedBytes };
          },
        },
      ],
      options,
    );
  } finally {
    await rm(blind, { recursive: true, force: true });
  }
}

/** The server's own tools, but for a pg_restore that reads an archive through without looking at it. */
async function blindTools(major: number): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'nightjar-blind-'));
  const real = join(POSTGRES_ROOT, String(major));
  const bin = join(root, String(major), 'bin');
  await mkdir(bin, { recursive: true });
  await symlink(join(real, 'lib'), join(root, String(major), 'lib'));
  await symlink(join(real, 'share'), join(root, String(major), 'share'));
  for (const name of await readdir(join(real, 'bin')))
    if (name !== 'pg_restore') await symlink(join(real, 'bin', name), join(bin, name));
  const script = `#!/bin/sh\ncase "$1" in --file=/dev/null) exec cat > /dev/null ;; esac\nexec ${join(real, 'bin', 'pg_restore')} "$@"\n`;
  await writeFile(join(bin, 'pg_restore'), script, { mode: 0o755 });
  return root;
}
