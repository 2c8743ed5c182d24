/** The engines besides PostgreSQL: the backup of each against the plain pipe that people have for it. */
import type { DumpTarget } from '../core/config.ts';
import type { Ground } from './ground.ts';
import { measure, shell, type Environment } from './measure.ts';
import { ownBackup } from './ours.ts';
import { directionOf, type Direction } from './postgres.ts';
import { takeTurns, type RoundOptions, type Turn } from './rounds.ts';
import { makeDuckdb } from './sites/duckdb.ts';
import { makeMongodb } from './sites/mongodb.ts';
import { makeMysql } from './sites/mysql.ts';
import { makeSqlite } from './sites/sqlite.ts';

/** One filled database, and what its rival needs to back it up. */
export interface Site {
  /** For people: server, size. */
  readonly data: string;
  readonly target: DumpTarget;
  /** Of the task, besides what all have. */
  readonly taskEnv?: Environment;
  readonly pipe: {
    readonly label: string;
    /** Of a shell; `url` is where its bytes go, without a slash at its end. */
    script(url: string): string;
    readonly env?: Environment;
  };
  settle?(): Promise<unknown>;
  /** Before the next engine's turn, which shall have the memory for itself. */
  stop(): Promise<void>;
}

export interface SiteOptions {
  readonly sizeMiB: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

/** Not MyDuck: its server writes the file to S3 itself, so there is no rival, and here it would be our stand-in. */
export const SITES = {
  mariadb: makeMysql('mariadb'),
  mysql: makeMysql('mysql'),
  mongodb: makeMongodb,
  sqlite: makeSqlite,
  duckdb: makeDuckdb,
} as const satisfies Record<string, (ground: Ground, options: SiteOptions) => Promise<Site>>;
export type SiteName = keyof typeof SITES;
export const isSite = (name: string): name is SiteName => Object.hasOwn(SITES, name);

export async function benchSite(
  ground: Ground,
  engine: SiteName,
  options: SiteOptions & RoundOptions,
): Promise<{ data: string; direction: Direction }> {
  options.say(`making the rows of ${engine}`);
  const site = await SITES[engine](ground, options);
  // A second stop, at the end of all, is harmless: this one may never be reached.
  ground.onStop(() => site.stop());
  const turns = [ownTurn(ground, site), pipeTurn(ground, engine, site)];
  const contenders = await takeTurns(async () => site.settle?.(), turns, options);
  await site.stop();
  return { data: site.data, direction: directionOf(`${engine} backup`, contenders) };
}

function ownTurn(ground: Ground, { target, taskEnv }: Site): Turn {
  return {
    label: 'Nightjar',
    run: async () => {
      const { cost, backup } = await ownBackup(ground, target, taskEnv);
      const storedBytes = await ground.minio.storedBytes(backup.prefix);
      await ground.minio.empty(backup.prefix);
      return { cost, storedBytes };
    },
  };
}

function pipeTurn({ minio, rivalEnv }: Ground, engine: SiteName, { pipe }: Site): Turn {
  const key = `rivals/${engine}`;
  return {
    label: pipe.label,
    run: async () => {
      const cost = await measure(shell(pipe.script(`s3://${minio.bucket}/${key}`)), { ...rivalEnv, ...pipe.env });
      const storedBytes = await minio.storedBytes(key);
      await minio.empty(key);
      if (storedBytes === 0) throw new Error(`${pipe.label} stored nothing`);
      return { cost, storedBytes };
    },
  };
}
