/** What the benchmark needs besides Nightjar: the S3 server and the rivals' uploader, in pinned versions. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../local/child.ts';
import { PYTHON, TOOLS } from '../local/paths.ts';

/** A released state of MinIO as a Go module: its own tags are none that Go knows. */
const MINIO = 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c';
const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Does a step unless its stamp says that it was done from this very input. */
async function once(name: string, key: string, say: (text: string) => void, make: () => Promise<void>): Promise<void> {
  const stamp = join(TOOLS, `${name}.stamp`);
  if ((await readFile(stamp, 'utf8').catch(() => '')) === key) return;
  say(`installing ${name}`);
  await rm(stamp, { force: true });
  await make();
  await writeFile(stamp, key);
}

/** Path of MinIO's program; built when it is missing, which takes a few minutes. @throws Error without Go. */
export async function minioProgram(say: (text: string) => void): Promise<string> {
  const dir = join(TOOLS, 'minio');
  await once('minio', MINIO, say, async () => {
    await mkdir(dir, { recursive: true });
    await run('go', ['version']).catch((cause: unknown) => {
      throw new Error(
        'The benchmark needs a real S3 server and builds MinIO for that: install Go 1.24 or newer, so that "go version" works.',
        { cause },
      );
    });
    await run('go', ['install', MINIO], { env: { ...process.env, GOBIN: dir, GOFLAGS: '-buildvcs=false' } });
  });
  return join(dir, 'minio');
}

/** Path of the AWS command line, in an environment of its own. */
export async function awsProgram(say: (text: string) => void): Promise<string> {
  const dir = join(TOOLS, 'awscli');
  const pinned = await readFile(REQUIREMENTS);
  await once('awscli', createHash('sha256').update(pinned).digest('hex'), say, async () => {
    await rm(dir, { recursive: true, force: true });
    await run(PYTHON, ['-m', 'venv', dir]);
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps'];
    await run(join(dir, 'bin', 'python'), ['-m', 'pip', 'install', ...quiet, '-r', REQUIREMENTS]);
  });
  return join(dir, 'bin', 'aws');
}
