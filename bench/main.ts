/**
 * Nightjar against what people run today, in the same run, on the same servers.
 *
 *   npm run bench [-- --json] [--engine postgres,mariadb] [--rounds 3] [--mib 1536] [--seed 1] [--only backup|restore] [--costs]
 *
 * `--engine` names those to measure, all by default; of the others than PostgreSQL the backup only, with 256 MiB. `--only` leaves the other direction out, which saves most of the time. `--costs` measures what the fingerprint, the read-through and the compression levels cost instead. `--json` prints
 * `{cases: […]}` last on stdout; `docs/benchmarks.md` says what the numbers mean. Progress goes to stderr.
 */
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { costsOf } from './costs.ts';
import { benchPostgres, type Direction } from './postgres.ts';
import { ratioTable, tableOf } from './result.ts';
import { makeGround } from './ground.ts';
import { benchSite, isSite, SITES, type SiteName } from './sites.ts';
import { makeWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    costs: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    mib: { type: 'string' },
    engine: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const began = Date.now();
const say = (text: string): void => console.error(`${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const whole = (name: 'rounds' | 'mib' | 'seed', unasked?: number): number => {
  const value = Number(values[name] ?? unasked);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on`);
  return value;
};

const { only } = values;
if (only !== undefined && only !== 'backup' && only !== 'restore') throw new Error('--only takes backup or restore');
const rounds = whole('rounds');
const seed = whole('seed');
const KNOWN = ['postgres', ...(Object.keys(SITES) as SiteName[])];
const engines = values.engine?.split(',') ?? (values.costs || only === 'restore' ? ['postgres'] : KNOWN);
const unknown = engines.find((one) => !KNOWN.includes(one));
if (unknown !== undefined) throw new Error(`--engine takes a list of ${KNOWN.join(', ')}, not ${unknown}`);
if ((values.costs || only === 'restore') && engines.join() !== 'postgres')
  throw new Error(`${values.costs ? '--costs' : '--only restore'} measures postgres only`);

const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
const headings = [`${machine}; ${rounds} rounds; Node ${process.versions.node}`];
const directions: Direction[] = [];
const ground = await makeGround(say);
try {
  if (engines.includes('postgres')) {
    const world = await makeWorld(ground, { sizeMiB: whole('mib', 1_536), seed, say });
    const { bytes, rows } = world.database;
    headings.push(
      `PostgreSQL ${world.postgres.major}, ${(bytes / 2 ** 30).toFixed(2)} GiB, ${rows.toLocaleString('en')} rows`,
    );
    if (values.costs) {
      const contenders = await costsOf(world, { rounds, say });
      if (values.json) console.log(JSON.stringify({ costs: contenders }));
      else console.log([...headings, tableOf('one backup', contenders)].join('\n\n'));
    } else directions.push(...(await benchPostgres(world, { rounds, say, ...(only ? { only } : {}) })));
  }
  for (const engine of engines.filter(isSite)) {
    const { data, direction } = await benchSite(ground, engine, { sizeMiB: whole('mib', 256), seed, rounds, say });
    headings.push(data);
    directions.push(direction);
  }
  if (!values.costs) {
    const cases = directions.flatMap((one) => one.cases);
    const tables = [...directions.map((one) => tableOf(one.name, one.contenders)), ratioTable(cases)];
    (values.json ? console.error : console.log)([...headings, ...tables].join('\n\n'));
    if (values.json) console.log(JSON.stringify({ cases }));
  }
} finally {
  say('stopping the servers');
  await ground.stop();
}
