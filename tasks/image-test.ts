/**
 * Proves the task's image: builds it and runs it as Fargate would.   npm run image:test
 *
 * With a Docker engine, or with buildah and podman (on a base made by debootstrap and this machine's Node, so that no
 * registry of images is needed; as root). Where neither is there it says so and ends well.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TASK_ENV } from '../core/environment.ts';
import { writeJob, type Progress } from '../core/job.ts';

const REPO = resolve(fileURLToPath(new URL('..', import.meta.url)));
const IMAGE = 'localhost/nightjar-task:test';
const BASE = 'localhost/nightjar-base:test';
const GO_BASE = 'localhost/nightjar-go:test';
const MAJORS = ['14', '15', '16', '17', '18'];
const TOOLS = ['pg_dump', 'pg_dumpall', 'pg_restore', 'psql'];

interface Builder {
  readonly name: string;
  readonly build: () => void;
  /** Command and arguments that run a container; options, image and command follow. */
  readonly run: readonly string[];
}

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Runs it, shows its end when it fails. */
function must(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0)
    throw new Error(
      `${command} ${args[0] ?? ''} ended with ${status}: ${error?.message ?? ''}\n${`${stdout}${stderr}`.slice(-4_000)}`,
    );
  return stdout;
}

const CONTEXT = ['-f', join(REPO, 'tasks', 'Dockerfile'), '-t', IMAGE];

function builder(): Builder | undefined {
  if (works('docker', 'info'))
    return {
      name: 'docker',
      build: () => must('docker', ['build', ...CONTEXT, REPO]),
      run: ['docker', 'run', '--rm', '--network', 'host'],
    };
  const tools = ['buildah', 'podman', 'runc', 'debootstrap'].every((tool) => works(tool, '--version'));
  if (!tools || !works('go', 'version') || process.getuid?.() !== 0) return undefined;
  const plain = [
    'build',
    '--layers',
    '--isolation',
    'chroot',
    '--network',
    'host',
    ...['--build-arg', `BASE_IMAGE=${BASE}`],
    ...['--build-arg', `GO_IMAGE=${GO_BASE}`],
  ];
  return {
    name: 'buildah and podman',
    build() {
      if (!works('podman', 'image', 'exists', BASE)) makeBase();
      if (!works('podman', 'image', 'exists', GO_BASE)) makeGoBase();
      must('buildah', [...plain, ...CONTEXT, REPO]);
    },
    run: [
      ...['podman', '--runtime', 'runc', 'run', '--rm', '--network', 'host'],
      ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', '--read-only-tmpfs=false'],
    ],
  };
}

/** Debian with this machine's Node and npm, in place of the official image. */
function makeBase(): void {
  const work = mkdtempSync(join(tmpdir(), 'nightjar-base-'));
  const root = join(work, 'root');
  try {
    must('debootstrap', ['--variant=minbase', '--include=ca-certificates,libstdc++6', 'bookworm', root]);
    const local = join(root, 'usr', 'local');
    cpSync(process.execPath, join(local, 'bin', 'node'));
    mkdirSync(join(local, 'lib', 'node_modules'), { recursive: true });
    cpSync(
      join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm'),
      join(local, 'lib', 'node_modules', 'npm'),
      {
        recursive: true,
      },
    );
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin', 'npm'));
    // A network whose TLS ends at a proxy has a CA of its own; the machine that builds knows it.
    const ca = '/etc/ssl/certs/ca-certificates.crt';
    if (existsSync(ca)) cpSync(ca, join(root, ca));
    const tar = join(work, 'base.tar');
    must('tar', ['-C', root, '-cf', tar, '.']);
    must('podman', ['import', '--change', `ENV NODE_EXTRA_CA_CERTS=${ca}`, tar, BASE]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The same with this machine's Go: only to build with, nothing of it is in the image. */
function makeGoBase(): void {
  const root = must('go', ['env', 'GOROOT']).trim();
  const container = must('buildah', ['from', BASE]).trim();
  try {
    must('buildah', ['copy', container, root, '/usr/local/go']);
    must('buildah', ['config', '--env', 'PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin', container]);
    must('buildah', ['commit', container, GO_BASE]);
  } finally {
    must('buildah', ['rm', container]);
  }
}

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

/** Takes the task's progress as DynamoDB does, and answers for Secrets Manager as it is told. */
async function pretendServices(secrets: 'missing' | 'silent') {
  const words: Progress[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      const call = String(request.headers['x-amz-target']);
      if (call.endsWith('.PutItem')) {
        words.push(plainItem((JSON.parse(body) as { Item: Item }).Item) as Progress);
        response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}');
      } else if (secrets === 'missing') {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
        response.end(JSON.stringify({ __type: 'ResourceNotFoundException', message: 'There is no such secret.' }));
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'example',
    AWS_SECRET_ACCESS_KEY: 'example',
    [TASK_ENV.catalog]: 'catalog',
    [TASK_ENV.vault]: 'vault',
    [TASK_ENV.attempt]: '1',
    [TASK_ENV.job]: writeJob({
      kind: 'probe',
      id: '01KDVHM5G00000000000000003',
      idleMinutes: 5,
      target: {
        name: 'shop',
        engine: 'postgres',
        frequency: 'daily',
        host: 'db.example.org',
        port: 5432,
        database: 'shop',
        secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
        tls: { verify: 'full', ca: 'rds' },
        fingerprint: 'counts',
        compression: { algorithm: 'zstd', level: 2 },
        format: 'custom',
        lockTimeoutSeconds: 300,
        restoreJobs: 'auto',
      },
    }),
  };
  const options = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { words, options, close };
}

type Item = Readonly<Record<string, { S?: string; N?: string; M?: Item }>>;
const plainItem = (item: Item): unknown =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, value.S ?? (value.M ? plainItem(value.M) : Number(value.N))]),
  );

async function testImage(by: Builder): Promise<void> {
  const versions = await shell(
    by,
    MAJORS.flatMap((m) => TOOLS.map((t) => `/opt/postgresql/${m}/bin/${t} --version`)).join(';'),
  );
  for (const major of MAJORS) {
    const seen = TOOLS.filter((tool) => new RegExp(`^${tool} \\(PostgreSQL\\) ${major}\\.`, 'm').test(versions.output));
    check(`every client of PostgreSQL ${major} starts`, seen.length === TOOLS.length, versions.output);
  }
  const zstd = await shell(by, 'zstd --version && ! ls /opt/postgresql/*/bin/postgres');
  check('zstd is there, and no server is', zstd.status === 0, zstd.output);
  const who = await shell(
    by,
    'id -u; touch /scratch/x && echo scratch; touch /opt/x /tmp/x 2>/dev/null || echo sealed',
  );
  check(
    'it runs without root, writes to /scratch and nowhere else',
    who.output.trim().split('\n').join(' ') === '10001 scratch sealed',
    who.output,
  );

  const missing = await pretendServices('missing');
  const ended = await start(by, missing.options).done;
  missing.close();
  const last = missing.words.at(-1);
  check(
    'a job that fails says why in the catalog and by its exit status',
    ended.status === 1 && last?.status === 'failed' && last.failure?.code === 'SECRET_MISSING',
    `${ended.status} ${JSON.stringify(last)} ${ended.output}`,
  );

  const silent = await pretendServices('silent');
  const name = `nightjar-test-${process.pid}`;
  const running = start(by, ['--name', name, ...silent.options]);
  const deadline = Date.now() + 60_000;
  while (silent.words.length === 0 && Date.now() < deadline) await new Promise((tick) => setTimeout(tick, 200));
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
  await testImage(by);
  console.log(failed === 0 ? 'the image holds' : `${failed} did not hold`);
  process.exitCode = failed === 0 ? 0 : 1;
} else {
  console.log(
    'skipped: no Docker engine, and not root with buildah, podman, runc and debootstrap: the image was not built',
  );
}
