/** The PostgreSQL of the rounds, beside what all engines share. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dumpTargetSchema, type DumpTarget } from '../core/config.ts';
import { POSTGRES_ROOT, TOOLS } from '../local/paths.ts';
import { startPostgres, type Postgres } from '../local/postgres.ts';
import { makeDatabase, type Database } from './data.ts';
import { serverTarget, type Ground } from './ground.ts';

const MAJOR = 18;

export interface World extends Ground {
  readonly postgres: Postgres;
  readonly database: Database;
  /** As a config names it, with these of its fields changed. */
  target(changes?: Partial<DumpTarget>): DumpTarget;
  /** So that no contender pays for another's writes. */
  settle(): Promise<unknown>;
}

export interface WorldOptions {
  readonly sizeMiB: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

export async function makeWorld(ground: Ground, { sizeMiB, seed, say }: WorldOptions): Promise<World> {
  say('starting PostgreSQL');
  const postgres = await startPostgres({
    major: MAJOR,
    // Kept, because its rows take longer to make than to measure.
    dir: join(dirname(TOOLS), 'bench', `postgres-${MAJOR}`),
    settings: { shared_buffers: '512MB', max_wal_size: '4GB', maintenance_work_mem: '256MB', autovacuum: 'off' },
  });
  ground.onStop(() => postgres.stop({ keep: true }));
  const serverCa = join(ground.dir, 'bench-server-ca.pem');
  await writeFile(serverCa, postgres.caPem);
  const login = {
    PGHOST: postgres.host,
    PGPORT: String(postgres.port),
    PGUSER: postgres.user,
    PGPASSWORD: postgres.password,
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: serverCa,
  };
  const database = await makeDatabase(postgres, login, { sizeMiB, seed, say });
  const target = await serverTarget(ground, 'bench', 'postgres', postgres, database.name);
  return {
    ...ground,
    postgres,
    database,
    target: (changes = {}) => dumpTargetSchema.parse({ ...target, ...changes }),
    rivalEnv: {
      ...ground.rivalEnv,
      ...login,
      PATH: [join(POSTGRES_ROOT, String(MAJOR), 'bin'), ground.rivalEnv.PATH].join(':'),
    },
    settle: () => postgres.query('CHECKPOINT'),
  };
}
