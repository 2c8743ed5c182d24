/** PostgreSQL: backup against both pipes, restore against the pipe that people have. */
import { ownBackup, ownRestore, type OwnBackup } from './ours.ts';
import { compare, type Case, type Contender } from './result.ts';
import { BEST, pipeBackup, pipeRestore, PLAIN, RESTORE_LABEL, type Pipe } from './rivals.ts';
import { takeTurns, type RoundOptions, type Turn } from './rounds.ts';
import type { World } from './world.ts';

const RESTORED = 'bench_restored';

export interface Direction {
  /** Engine and direction. */
  readonly name: string;
  readonly contenders: readonly Contender[];
  readonly cases: readonly Case[];
}

export async function benchPostgres(
  world: World,
  options: RoundOptions & { only?: 'backup' | 'restore' },
): Promise<Direction[]> {
  const { only } = options;
  const own = ownTurn(world);
  const plain = pipeTurn(world, PLAIN);
  const directions: Direction[] = [];
  if (only !== 'restore') {
    const contenders = await takeTurns(() => world.settle(), [own.turn, plain, pipeTurn(world, BEST)], options);
    directions.push(directionOf('postgres backup', contenders));
  } else {
    options.say('making the archives');
    await own.turn.run();
    await plain.run();
  }
  if (only !== 'backup')
    directions.push(
      directionOf('postgres restore', await takeTurns(() => world.settle(), restores(world, own.newest()), options)),
    );
  return directions;
}

/** Ours comes first. */
export function directionOf(name: string, contenders: readonly Contender[]): Direction {
  const [own, ...rivals] = contenders;
  return { name, contenders, cases: rivals.map((rival) => compare(name, rival, own!)) };
}

function ownTurn(world: World): { turn: Turn; newest: () => OwnBackup } {
  const { minio } = world;
  const target = world.target();
  let newest: OwnBackup | undefined;
  const run: Turn['run'] = async () => {
    if (newest) await minio.empty(newest.prefix);
    const { cost, backup } = await ownBackup(world, target);
    newest = backup;
    return { cost, storedBytes: await minio.storedBytes(backup.prefix) };
  };
  return { turn: { label: 'Nightjar', run }, newest: () => newest! };
}

const pipeTurn = (world: World, pipe: Pipe): Turn => ({
  label: pipe.label,
  run: async () => {
    await world.minio.empty(pipe.key);
    const cost = await pipeBackup(world, pipe);
    return { cost, storedBytes: await world.minio.storedBytes(pipe.key) };
  },
});

function restores(world: World, backup: OwnBackup): Turn[] {
  const { minio, postgres } = world;
  const drop = (): Promise<unknown> => postgres.query(`DROP DATABASE IF EXISTS ${RESTORED} WITH (FORCE)`);
  return [
    {
      label: 'Nightjar',
      run: async () => {
        const { cost } = await ownRestore(world, world.target(), backup, RESTORED);
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
  ];
}
