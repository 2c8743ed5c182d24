/**
 * Whether a backup and its restore stay small, however much there is to carry: the very task that Fargate runs, with a real
 * server, a real S3, and a gibibyte that hardly compresses, or many tiny tables.
 *
 *   npm run load [-- --engine postgres,mysql] [--gib 1] [--tables 10000] [--limit 256] [--with '{"format":"sql"}']
 *
 * `--with` changes fields of the target. Prints a line for each engine; exits with 1 when the task with all its tools held more
 * than `--limit` MiB at one moment, or anything failed. Takes up to six times the gibibytes on disk for a while, and of memory five times
 * for MongoDB's stand-in.
 */
import { parseArgs } from 'node:util';
import { makeGround, type Ground } from '../../bench/ground.ts';
import { ownBackup, ownRestore } from '../../bench/ours.ts';
import { dumpTargetSchema } from '../../core/config.ts';
import { DUMP_ENGINES, type DumpEngine } from '../../core/engines.ts';
import { MIB, type Load, type MakePlace } from './place.ts';
import { makeDuckdb, makeSqlite } from './places/files.ts';
import { makeMongodb } from './places/mongodb.ts';
import { makeMyduck } from './places/myduck.ts';
import { makeMysql } from './places/mysql.ts';
import { makePostgres } from './places/postgres.ts';
import { HEADINGS, lineOf, tooMuch, type Loaded } from './result.ts';

const PLACES: Readonly<Record<DumpEngine, MakePlace>> = {
  postgres: makePostgres,
  mysql: makeMysql('mysql'),
  mariadb: makeMysql('mariadb'),
  mongodb: makeMongodb,
  sqlite: makeSqlite,
  duckdb: makeDuckdb,
  myduck: makeMyduck,
};

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: DUMP_ENGINES.join() },
    gib: { type: 'string', default: '1' },
    tables: { type: 'string', default: '0' },
    limit: { type: 'string', default: '256' },
    with: { type: 'string', default: '{}' },
  },
});
const number = (name: 'gib' | 'tables' | 'limit'): number => {
  const value = Number(values[name]);
  if (!(value >= 0)) throw new Error(`--${name} takes a number`);
  return value;
};
const load: Load = { bytes: number('gib') * 1024 * MIB, tables: number('tables') };
const limitMiB = number('limit');
const engines = values.engine.split(',').map((name) => {
  const known = DUMP_ENGINES.find((one) => one === name);
  if (known === undefined) throw new Error(`--engine takes a list of ${DUMP_ENGINES.join(', ')}, not ${name}`);
  return known;
});
const changes = JSON.parse(values.with) as Record<string, unknown>;

const began = Date.now();
const say = (text: string): void => console.error(`${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}`);

async function under(ground: Ground, engine: DumpEngine): Promise<Loaded> {
  say(`${engine}: making its rows`);
  const place = await PLACES[engine](ground, load);
  // A second stop, at the end of all, is harmless: this one may never be reached.
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= place.stop());
  ground.onStop(stop);
  try {
    const target = dumpTargetSchema.parse({ ...place.target, ...changes });
    const before = await place.digest(target.database);
    say(`${engine}: backing up`);
    const { cost: backup, backup: made } = await ownBackup(ground, target, place.taskEnv);
    const storedBytes = await ground.minio.storedBytes(made.prefix);
    say(`${engine}: restoring`);
    const { cost: restore, outcome } = await ownRestore(ground, target, made, place.copy, place.taskEnv);
    if (load.tables > 0 && outcome.comparison.tablesCompared !== load.tables)
      throw new Error(`${outcome.comparison.tablesCompared} tables were compared, not ${load.tables}`);
    say(`${engine}: comparing`);
    const after = await place.digest(place.copy);
    if (after !== before) throw new Error(`the copy has other rows:\n${after}\ninstead of\n${before}`);
    await ground.minio.empty(made.prefix);
    return { engine, title: place.title, bytes: await place.bytes(), storedBytes, backup, restore };
  } finally {
    await stop();
  }
}

const wrong: string[] = [];
const ground = await makeGround(say);
try {
  HEADINGS.forEach((line) => console.log(line));
  for (const engine of engines)
    try {
      const loaded = await under(ground, engine);
      console.log(lineOf(loaded));
      wrong.push(...tooMuch(loaded, limitMiB));
    } catch (error) {
      wrong.push(`${engine}: ${(error as Error).message}`);
    }
} finally {
  say('stopping the servers');
  await ground.stop();
}
for (const line of wrong) console.log(`✗ ${line}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
