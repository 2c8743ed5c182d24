/**
 * Nightjar against what people run today, in the same run, on the same servers.
 *
 *   npm run bench [-- --json] [--rounds 3] [--mib 1536] [--seed 1] [--only backup|restore] [--costs]
 *
 * `--only` leaves the other direction out, which saves most of the time. `--costs` measures what the fingerprint, the read-through and the compression levels cost instead. `--json` prints
 * `{cases: […]}` last on stdout; `docs/benchmarks.md` says what the numbers mean. Progress goes to stderr.
 */
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { costsOf } from './costs.ts';
import { benchPostgres } from './postgres.ts';
import { ratioTable, tableOf } from './result.ts';
import { makeWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    costs: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    mib: { type: 'string', default: '1536' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const began = Date.now();
const say = (text: string): void => console.error(`${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const whole = (name: 'rounds' | 'mib' | 'seed'): number => {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on`);
  return value;
};

const { only } = values;
if (only !== undefined && only !== 'backup' && only !== 'restore') throw new Error('--only takes backup or restore');
const rounds = whole('rounds');
const world = await makeWorld({ sizeMiB: whole('mib'), seed: whole('seed'), say });
try {
  const { bytes, rows } = world.database;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const data = `PostgreSQL ${world.postgres.major}, ${(bytes / 2 ** 30).toFixed(2)} GiB, ${rows.toLocaleString('en')} rows`;
  const heading = `${data}; ${machine}; ${rounds} rounds; Node ${process.versions.node}`;
  if (values.costs) {
    const contenders = await costsOf(world, { rounds, say });
    if (values.json) console.log(JSON.stringify({ costs: contenders }));
    else console.log([heading, tableOf('one backup', contenders)].join('\n\n'));
  } else {
    const results = await benchPostgres(world, { rounds, say, ...(only ? { only } : {}) });
    const cases = results.flatMap((one) => one.cases);
    const tables = [...results.map((one) => tableOf(one.name, one.contenders)), ratioTable(cases)];
    if (values.json) console.error([heading, ...tables].join('\n\n'));
    else console.log([heading, ...tables].join('\n\n'));
    if (values.json) console.log(JSON.stringify({ cases }));
  }
} finally {
  say('stopping the servers');
  await world.stop();
}
