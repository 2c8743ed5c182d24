/** The services of the pretend account that its emulator lacks: RDS with restores and renames, and Application Auto Scaling. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopChild } from './child.ts';
import { freePort } from './free-port.ts';
import { REPO, TOOLS } from './paths.ts';

export interface Moto {
  readonly endpoint: string;
  /** What makes any SDK ask here instead of AWS, for these services alone. */
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly log: string;
  stop(): Promise<void>;
}

/**
 * Starts it on a free port of 127.0.0.1; it ends with the calling process. Nothing is kept when it stops.
 *
 * @throws Error with the end of its log if it does not answer within 60 s.
 */
export async function startMoto(options: { readonly dir?: string } = {}): Promise<Moto> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'nightjar-moto-')));
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const log = join(dir, 'moto.log');
  const out = openSync(log, 'a');
  const python = join(TOOLS, 'moto', 'bin', 'python');
  const child = spawn(python, [join(REPO, 'local', 'account', 'moto_launcher.py'), String(port)], {
    cwd: dir,
    stdio: ['ignore', out, out],
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: dir,
      TMPDIR: dir,
      LANG: 'C.UTF-8',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  closeSync(out);
  const stop = async (): Promise<void> => {
    await stopChild(child, 'SIGTERM', 5);
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  let failed: Error | undefined;
  child.once('error', (error) => (failed = error));
  const deadline = Date.now() + 60_000;
  while (!(await answers(endpoint))) {
    const over = failed ?? child.exitCode !== null;
    if (over || Date.now() > deadline) {
      const words = (await readFile(log, 'utf8').catch(() => '')).slice(-3_000);
      await stop();
      throw new Error(`moto did not come up at ${endpoint}: ${failed?.message ?? ''}\n${words}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const env = { AWS_ENDPOINT_URL_RDS: endpoint, AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING: endpoint };
  return { endpoint, env, pid: child.pid!, log, stop };
}

const answers = (endpoint: string): Promise<boolean> =>
  fetch(`${endpoint}/moto-api/data.json`).then(
    ({ ok }) => ok,
    () => false,
  );
