/** PostgreSQL: backup against both pipes, restore against the pipe that people have. */
import { ownBackup, ownRestore, type OwnBackup } from './ours.ts';
import { compare, type Case, type Contender } from './result.ts';
import { BEST, pipeBackup, pipeRestore, PLAIN, RESTORE_LABEL, type Pipe } from './rivals.ts';
import { takeTurns, type RoundOptions } from './rounds.ts';
import type { World } from './world.ts';

const RESTORED = 'bench_restored';

export async function benchPostgres(
  world: World,
  options: RoundOptions,
): Promise<{ backups: Contender[]; restores: Contender[]; cases: Case[] }> {
  const { minio, postgres } = world;
  const target = world.target();
  let newest: OwnBackup | undefined;
  const byPipe = (pipe: Pipe) => ({
    label: pipe.label,
    run: async () => {
      await minio.empty(pipe.key);
      const cost = await pipeBackup(world, pipe);
      return { cost, storedBytes: await minio.storedBytes(pipe.key) };
    },
  });
  const backups = await takeTurns(
    world,
    [
      {
        label: 'Nightjar',
        run: async () => {
          if (newest) await minio.empty(newest.prefix);
          const { cost, backup } = await ownBackup(world, target);
          newest = backup;
          return { cost, storedBytes: await minio.storedBytes(backup.prefix) };
        },
      },
      byPipe(PLAIN),
      byPipe(BEST),
    ],
    options,
  );
  const backup = newest!;

  const drop = (): Promise<unknown> => postgres.query(`DROP DATABASE IF EXISTS ${RESTORED} WITH (FORCE)`);
  const restores = await takeTurns(
    world,
    [
      {
        label: 'Nightjar',
        run: async () => {
          const cost = await ownRestore(world, target, backup, RESTORED);
          await drop();
          return { cost, storedBytes: await minio.storedBytes(backup.prefix) };
        },
      },
      {
        label: RESTORE_LABEL,
        run: async () => {
          const cost = await pipeRestore(world, PLAIN, RESTORED);
          await drop();
          return { cost, storedBytes: await minio.storedBytes(PLAIN.key) };
        },
      },
    ],
    options,
  );

  const [own, plain, best] = backups;
  const [ownBack, plainBack] = restores;
  return {
    backups,
    restores,
    cases: [
      compare('postgres backup', plain!, own!),
      compare('postgres backup', best!, own!),
      compare('postgres restore', plainBack!, ownBack!),
    ],
  };
}
