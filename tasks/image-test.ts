/**
 * Proves the task's image: builds it and runs it as Fargate would.   npm run image:test
 *
 * With a Docker engine, or with buildah and podman (on a base made by debootstrap, this machine's Node and its Go, so that no
 * registry of images is needed; as root). Where neither is there it says so and ends well.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../core/job.ts';
import { MOUNT_ROOT, mountPath } from '../core/names.ts';
import { builder, IMAGE, type Builder } from './image-builder.ts';
import { pretendServices } from './image-services.ts';

const MAJORS = ['14', '15', '16', '17', '18'];
const TOOLS = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'];
/** Each says its version, which goes into manifests; of DuckDB the library answers. */
const OTHERS: Readonly<Record<string, RegExp>> = {
  'mariadb-dump --version': /\d+\.\d+\.\d+-MariaDB/,
  'mariadb --version': /\d+\.\d+\.\d+-MariaDB/,
  'mongodump --version': /mongodump version: 100\.\d+\.\d+/,
  'mongorestore --version': /mongorestore version: 100\.\d+\.\d+/,
  'sqlite3 --version': /^3\.\d+\.\d+/m,
  'zstd --version': /v\d+\.\d+/,
};

let failed = 0;
function check(title: string, good: boolean, seen: string): void {
  console.log(`${good ? '✓' : '✗'} ${title}${good ? '' : `\n    saw: ${seen}`}`);
  if (!good) failed += 1;
}

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** As Fargate runs it: nothing but the volume may be written. */
function start(by: Builder, options: readonly string[], command: readonly string[] = []) {
  const [program, ...args] = [...by.run, '--read-only', ...options, IMAGE, ...command];
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const done = new Promise<Ended>((resolveDone, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolveDone({ status, output }));
  });
  return { done };
}
const shell = (by: Builder, script: string): Promise<Ended> =>
  start(by, ['--entrypoint', '/bin/sh'], ['-c', script]).done;

const FILE_SYSTEM = 'fs-0123456789abcdef0';
const ACCESS_POINT = 'fsap-0123456789abcdef0';
const SHOP = {
  name: 'shop',
  engine: 'postgres',
  host: 'db.example.org',
  database: 'shop',
  secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
};
const fileTarget = (engine: 'sqlite' | 'duckdb', database: string): object => ({
  name: 'shop',
  engine,
  database,
  storage: { efs: { fileSystem: FILE_SYSTEM, accessPoint: ACCESS_POINT } },
});

async function testTools(by: Builder): Promise<void> {
  const versions = await shell(
    by,
    MAJORS.flatMap((m) => TOOLS.map((t) => `/opt/postgresql/${m}/bin/${t} --version`)).join(';'),
  );
  for (const major of MAJORS) {
    const seen = TOOLS.filter((tool) => new RegExp(`^${tool} \\(PostgreSQL\\) ${major}\\.`, 'm').test(versions.output));
    check(`every client of PostgreSQL ${major} starts`, seen.length === TOOLS.length, versions.output);
  }
  for (const [command, words] of Object.entries(OTHERS)) {
    const { status, output } = await shell(by, command);
    check(`${command} says what it is`, status === 0 && words.test(output), output);
  }
  const servers = await shell(by, 'ls /opt/postgresql/*/bin/postgres; command -v mariadbd mysqld mongod');
  check('no server is there', !/^\//m.test(servers.output), servers.output);
  const who = await shell(
    by,
    'id -u; touch /scratch/x && echo scratch; touch /opt/x /tmp/x 2>/dev/null || echo sealed',
  );
  check(
    'it runs without root, writes to /scratch and nowhere else',
    who.output.trim().split('\n').join(' ') === '10001 scratch sealed',
    who.output,
  );
}

/** Of a probe that has succeeded. */
const found = (words: readonly Progress[]): string => {
  const outcome = words.at(-1)?.outcome;
  return outcome?.kind === 'probe' ? outcome.findings.map((one) => `${one.level}: ${one.what}`).join('\n') : '';
};

/** Databases that are files, mounted as EFS is: the shell and the library at work, not only there. */
async function testFiles(by: Builder): Promise<void> {
  const mount = mkdtempSync(join(tmpdir(), 'nightjar-mount-'));
  chmodSync(mount, 0o777);
  const volume = ['--volume', `${mount}:${mountPath(MOUNT_ROOT, FILE_SYSTEM)}`];
  const held = `held-${process.pid}.db`;
  const made = 'CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1);';
  const duck = `import('/opt/nightjar/node_modules/@duckdb/node-api/lib/index.js').then(async ({ default: { DuckDBInstance } }) => {
    const instance = await DuckDBInstance.create('${mountPath(MOUNT_ROOT, FILE_SYSTEM)}/lake.duckdb');
    const connection = await instance.connect();
    await connection.run('${made} CHECKPOINT');
    connection.closeSync(); instance.closeSync();
  })`;
  try {
    const prepared = await start(
      by,
      [...volume, '--entrypoint', '/bin/sh'],
      ['-ec', `umask 0; sqlite3 ${mountPath(MOUNT_ROOT, FILE_SYSTEM)}/${held} '${made}'; node -e "${duck}"`],
    ).done;
    check('SQLite’s shell and DuckDB’s library make databases on a mount', prepared.status === 0, prepared.output);
    for (const [engine, database, words] of [
      ['sqlite', held, /ok: The image has SQLite 3\.\d+\.\d+\.[^]*can be read/],
      ['duckdb', 'lake.duckdb', /ok: DuckDB v?\d+\.\d+\.\d+ reads the file/],
    ] as const) {
      const services = await pretendServices('missing', fileTarget(engine, database));
      const { status, output } = await start(by, [...volume, ...services.options]).done;
      services.close();
      const said = found(services.words);
      check(
        `a probe of ${engine} on a mount finds it well`,
        status === 0 && words.test(said),
        `${status} ${said} ${output}`,
      );
    }
    await testStop(by, { volume, file: join(mount, held), database: held });
  } finally {
    rmSync(mount, { recursive: true, force: true });
  }
}

/** Processes of this machine, containers' among them, whose command names the file. */
const users = (file: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(file);
    } catch {
      return false;
    }
  });
const until = async (holds: () => boolean, seconds: number): Promise<boolean> => {
  for (const deadline = Date.now() + seconds * 1_000; Date.now() < deadline;) {
    if (holds()) return true;
    await new Promise((tick) => setTimeout(tick, 200));
  }
  return holds();
};

/** A task that is told to stop while its child waits for a lock. */
async function testStop(
  by: Builder,
  { volume, file, database }: { volume: string[]; file: string; database: string },
): Promise<void> {
  const writer = spawn('sqlite3', ['-batch', file], { stdio: ['pipe', 'pipe', 'ignore'] });
  writer.stdin.write('BEGIN EXCLUSIVE;\n.print locked\n');
  await new Promise((locked) => writer.stdout.once('data', locked));
  const services = await pretendServices('missing', { ...fileTarget('sqlite', database), busyTimeoutSeconds: 600 });
  const name = `nightjar-test-${process.pid}-child`;
  const path = join(mountPath(MOUNT_ROOT, FILE_SYSTEM), database);
  const running = start(by, ['--name', name, ...volume, ...services.options]);
  const waits = await until(() => users(path).length > 0, 60);
  spawnSync(by.run[0]!, ['kill', '--signal', 'TERM', name], { stdio: 'ignore' });
  const stopped = await running.done;
  const left = users(path);
  services.close();
  writer.kill('SIGKILL');
  const last = services.words.at(-1);
  check(
    'a job that is stopped while its child waits says so, and the child ends with it',
    waits && stopped.status === 1 && last?.failure?.code === 'TASK_STOPPED' && left.length === 0,
    `${waits} ${stopped.status} ${JSON.stringify(last)} ${left.join()} ${stopped.output}`,
  );
}

async function testJobs(by: Builder): Promise<void> {
  const missing = await pretendServices('missing', SHOP);
  const ended = await start(by, missing.options).done;
  missing.close();
  const last = missing.words.at(-1);
  check(
    'a job that fails says why in the catalog and by its exit status',
    ended.status === 1 && last?.status === 'failed' && last.failure?.code === 'SECRET_MISSING',
    `${ended.status} ${JSON.stringify(last)} ${ended.output}`,
  );

  const silent = await pretendServices('silent', SHOP);
  const name = `nightjar-test-${process.pid}`;
  const running = start(by, ['--name', name, ...silent.options]);
  await until(() => silent.words.length > 0, 60);
  spawnSync(by.run[0]!, ['kill', '--signal', 'TERM', name], { stdio: 'ignore' });
  const stopped = await running.done;
  silent.close();
  check(
    'a job that is stopped says so',
    stopped.status === 1 && silent.words.at(-1)?.failure?.code === 'TASK_STOPPED',
    `${stopped.status} ${JSON.stringify(silent.words.at(-1))} ${stopped.output}`,
  );
}

const by = builder();
if (by) {
  console.log(`building with ${by.name} …`);
  by.build();
  check('the image builds', true, '');
  await testTools(by);
  await testJobs(by);
  await testFiles(by);
  console.log(failed === 0 ? 'the image holds' : `${failed} did not hold`);
  process.exitCode = failed === 0 ? 0 : 1;
} else {
  console.log(
    'skipped: no Docker engine, and not root with buildah, podman, runc, debootstrap and go: the image was not built',
  );
}
