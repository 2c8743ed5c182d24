/** The sample databases of a stage: a shop in PostgreSQL, its reviews in MariaDB, its tills in SQLite files on EFS. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSystemsOf } from './account.ts';
import { makeReviews, REVIEWS, type MariadbFacts } from './mariadb-sample.ts';
import { startMysql } from './mysql.ts';
import { startPostgres, type Postgres, type PostgresMajor } from './postgres.ts';
import { makeSample } from './sample.ts';
import { makeDamagedTill, makeTill } from './sqlite-sample.ts';

/** The file system of the tills, as the sample's config names it. */
export const TILL_STORAGE = {
  fileSystem: 'fs-0123456789abcdef0',
  accessPoint: 'fsap-0123456789abcdef0',
  directory: 'data',
} as const;
/** Files there, by target. */
export const TILL_FILES = { till: 'till.db', 'till-old': 'till-2019.db' } as const;

const DATABASE = 'shop';

export interface Databases {
  readonly postgres: Postgres;
  readonly database: string;
  /** Of the shop. */
  readonly bytes: number;
  readonly mariadb: MariadbFacts;
  /** Where the tills lie on this machine. */
  readonly tills: string;
}

export interface DatabasesOptions {
  /** Of the stage. */
  dir: string;
  /** Of the account. */
  accountDir: string;
  major: PostgresMajor;
  sizeMiB: number;
  say: (text: string) => void;
  /** Told how to stop each server as soon as it runs. */
  onStarted: (stop: () => Promise<void>) => void;
}

/** Makes all three side by side; a second or two longer than the shop alone. */
export async function makeDatabases(options: DatabasesOptions): Promise<Databases> {
  const made = await Promise.allSettled([makeShop(options), makeMariadb(options), makeTills(options)]);
  // Each has ended by now, so that whoever stops misses none.
  for (const one of made) if (one.status === 'rejected') throw one.reason;
  const [shop, mariadb, tills] = made as [
    Settled<typeof makeShop>,
    Settled<typeof makeMariadb>,
    Settled<typeof makeTills>,
  ];
  return { ...shop.value, mariadb: mariadb.value, tills: tills.value };
}
type Settled<F extends (...args: never[]) => unknown> = PromiseFulfilledResult<Awaited<ReturnType<F>>>;

async function makeShop({ dir, major, sizeMiB, say, onStarted }: DatabasesOptions) {
  const postgres = await startPostgres({ major, dir: join(dir, 'postgres') });
  onStarted(() => postgres.stop());
  await postgres.query(`CREATE DATABASE ${DATABASE}`);
  const client = await postgres.connect(DATABASE);
  await makeSample(client, { sizeMiB, onProgress: say });
  const { rows } = await client.query<{ size: string }>('SELECT pg_database_size(current_database()) AS size');
  await client.end();
  return { postgres, database: DATABASE, bytes: Number(rows[0]?.size) };
}

async function makeMariadb({ dir, onStarted }: DatabasesOptions): Promise<MariadbFacts> {
  const server = await startMysql({ flavour: 'mariadb', dir: join(dir, 'mariadb') });
  onStarted(() => server.stop());
  await makeReviews(server);
  const { port, user, password, caPem } = server;
  return { port, user, password, caPem, database: REVIEWS };
}

async function makeTills({ accountDir }: DatabasesOptions): Promise<string> {
  const tills = join(fileSystemsOf(accountDir), TILL_STORAGE.accessPoint, TILL_STORAGE.directory);
  await mkdir(tills, { recursive: true });
  await makeTill(join(tills, TILL_FILES.till));
  await makeDamagedTill(join(tills, TILL_FILES['till-old']));
  return tills;
}
