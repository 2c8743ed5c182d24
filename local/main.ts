/** `npm run local -- up | status | env | down`: the pretend account kept alive. `--json` prints one JSON object last. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { makeDisplay } from './display.ts';
import { POSTGRES_MAJORS } from './postgres.ts';
import type { Login } from './secrets.ts';
import { clientsOf, type StageFacts } from './stage-facts.ts';
import { findSupervisor, HOME, startSupervisor, stopSupervisor } from './supervise.ts';

const USAGE = `npm run local -- COMMAND [OPTION …]
  up      start the account, deploy the stacks, make the sample databases
            --size MIB       of the shop in PostgreSQL (128)
            --major N        of its server: ${POSTGRES_MAJORS.join(', ')} (17; first: node local/bootstrap.mjs --tools N,mariadb)
            --nightly HH:MM  when the schedule fires, UTC, or "soon" (02:00)
            --config FILE    deploy this config instead, with databases of your own; no sample is made
            --logins FILE    their logins: {"<target>": {"username": "…", "password": "…"}}
  status  what runs
  env     the exports with which any AWS client, nightjar and npx cdk work on it
  down    stop everything and remove its data
All take --json.`;

class Usage extends Error {}

/** Exit codes: a person's mistake, and "nothing runs". */
const EXIT_USAGE = 2;
const EXIT_NOT_UP = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: '128' },
    major: { type: 'string', default: '17' },
    nightly: { type: 'string' },
    config: { type: 'string' },
    logins: { type: 'string' },
  },
});

const out = (text: string) => process.stdout.write(`${text}\n`);

/** For a person the text, for a program the object. */
function answer(object: object, text: string): void {
  out(values.json ? JSON.stringify(object) : text);
}

function upOptions() {
  const sizeMiB = Number(values.size);
  if (!(sizeMiB >= 8)) throw new Usage('--size is a number of MiB from 8 on');
  const major = POSTGRES_MAJORS.find((one) => String(one) === values.major);
  if (!major) throw new Usage(`--major is one of ${POSTGRES_MAJORS.join(', ')}`);
  if (values.nightly !== undefined && !/^(soon|([01]\d|2[0-3]):[0-5]\d)$/.test(values.nightly))
    throw new Usage('--nightly is a time such as 02:30, or soon');
  if (values.logins !== undefined && values.config === undefined) throw new Usage('--logins goes with --config');
  return { sizeMiB, major, nightly: values.nightly, config: values.config };
}

async function up(): Promise<void> {
  const options = upOptions();
  const running = await findSupervisor();
  if (running) {
    answer(
      { up: true, already: true, pid: running.pid, ...said(running.facts) },
      'It is up already: npm run local -- status',
    );
    return;
  }
  const logins = values.logins
    ? (JSON.parse(await readFile(values.logins, 'utf8')) as Record<string, Login>)
    : undefined;
  const display = makeDisplay();
  const supervised = await startSupervisor({ ...options, logins }, (_, event, text) => {
    if (event === 'begin') display.begin(text);
    else if (event === 'end') display.end();
    else display.say(text);
  }).catch((error: unknown) => {
    display.end(undefined, false);
    throw error;
  });
  await supervised.keep();
  const { facts } = supervised;
  answer(
    { up: true, already: false, pid: supervised.pid, ...said(facts) },
    `The account is up at ${facts.endpoint}; the nightly run is due at ${facts.nightly} UTC.\n` +
      `  eval "$(npm run -s local -- env)"   then: npx nightjar status, npx nightjar backup shop, npx cdk diff, aws s3 ls …\n` +
      `  npm run local -- down               stops it and removes its data`,
  );
}

/** What may be shown of the facts: no secrets. */
function said({ endpoint, region, accountId, sample, outputs, nightly, config, logs, seconds, startedAt }: StageFacts) {
  const database = sample && { host: sample.host, port: sample.port, database: sample.database, bytes: sample.bytes };
  return { endpoint, region, accountId, database, outputs, nightly, config, logs, seconds, startedAt };
}

async function status(): Promise<number> {
  const running = await findSupervisor();
  if (!running) {
    answer({ up: false }, 'Nothing is up: npm run local -- up');
    return EXIT_NOT_UP;
  }
  const { facts, pid } = running;
  const clients = clientsOf(facts);
  const cloudFormation = new CloudFormationClient(clients.clientConfig);
  const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({}));
  const stacks = Object.fromEntries(Stacks.map((one) => [one.StackName ?? '', one.StackStatus ?? '']));
  const mails = (await clients.mails()).map(({ at, to, subject }) => ({ at, to, subject }));
  cloudFormation.destroy();
  clients.close();
  const lines = [
    `up since ${facts.startedAt} (pid ${pid})`,
    `endpoint  ${facts.endpoint}`,
    ...(facts.sample
      ? [
          `database  ${facts.sample.database} at 127.0.0.1:${facts.sample.port}, ${(facts.sample.bytes / 1048576).toFixed(0)} MiB`,
          `          ${facts.sample.mariadb.database} (MariaDB) at 127.0.0.1:${facts.sample.mariadb.port}`,
          `          SQLite files in ${facts.sample.tills}`,
        ]
      : []),
    `config    ${facts.config}`,
    ...Object.entries(stacks).map(([name, state]) => `stack     ${name}: ${state}`),
    ...mails.map((mail) => `mail      ${mail.at} to ${mail.to.join(', ')}: ${mail.subject}`),
    `log       ${facts.logs.account}`,
  ];
  answer({ up: true, pid, ...said(facts), stacks, mails }, lines.join('\n'));
  return 0;
}

/** As a shell reads it back, whatever is in it. */
const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

async function env(): Promise<number> {
  const running = await findSupervisor();
  if (!running) {
    process.stderr.write('Nothing is up: npm run local -- up\n');
    if (values.json) out(JSON.stringify({ up: false }));
    return EXIT_NOT_UP;
  }
  const exports = Object.entries(running.facts.env).map(([name, value]) => `export ${name}=${quoted(value)}`);
  answer(running.facts.env, exports.join('\n'));
  return 0;
}

async function down(): Promise<void> {
  const stopped = await stopSupervisor(HOME);
  answer({ stopped }, stopped ? 'Stopped, and its data removed.' : 'Nothing was up.');
}

async function main(): Promise<number> {
  const [command, ...rest] = positionals;
  if (rest.length > 0) throw new Usage(`unexpected "${rest.join(' ')}"`);
  switch (command) {
    case 'up':
      await up();
      return 0;
    case 'status':
      return status();
    case 'env':
      return env();
    case 'down':
      await down();
      return 0;
    default:
      throw new Usage(command === undefined ? 'which command?' : `there is no command "${command}"`);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(error instanceof Usage ? `${message}\n${USAGE}\n` : `✗ ${message}\n`);
  if (values.json) out(JSON.stringify({ error: message }));
  process.exitCode = error instanceof Usage ? EXIT_USAGE : 1;
}
