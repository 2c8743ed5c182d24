/** What people run today, as they type it. */
import { measure, shell, type Cost } from './measure.ts';
import type { World } from './world.ts';

/** A plain pipe of pg_dump into the AWS command line. */
export interface Pipe {
  readonly label: string;
  /** pg_dump's arguments besides the database. */
  readonly args: readonly string[];
  readonly key: string;
}

/** What people run: pg_dump compresses with gzip unless told otherwise. */
export const PLAIN: Pipe = { label: 'pg_dump -Fc | aws s3 cp -', args: ['-Fc'], key: 'rivals/gzip.dump' };
/** The best that a plain pipe does. */
export const BEST: Pipe = {
  label: 'pg_dump -Fc -Z zstd:3 | aws s3 cp -',
  args: ['-Fc', '-Z', 'zstd:3'],
  key: 'rivals/zstd.dump',
};
export const RESTORE_LABEL = 'aws s3 cp - | pg_restore';

const url = (world: World, pipe: Pipe): string => `s3://${world.minio.bucket}/${pipe.key}`;

export const pipeBackup = (world: World, pipe: Pipe): Promise<Cost> =>
  measure(
    shell(`pg_dump ${pipe.args.join(' ')} ${world.database.name} | aws s3 cp --quiet - ${url(world, pipe)}`),
    world.rivalEnv,
  );

export const pipeRestore = (world: World, pipe: Pipe, database: string): Promise<Cost> =>
  measure(
    shell(`createdb ${database}; aws s3 cp --quiet ${url(world, pipe)} - | pg_restore -d ${database}`),
    world.rivalEnv,
  );
