/** Builds the task's image with what this machine has: a Docker engine, or buildah and podman. For the image's test. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPO = resolve(fileURLToPath(new URL('..', import.meta.url)));
export const IMAGE = 'localhost/nightjar-task:test';
const BASE = 'localhost/nightjar-base:test';
const GO_BASE = 'localhost/nightjar-go:test';

export interface Builder {
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

/** Undefined where neither is there. */
export function builder(): Builder | undefined {
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
