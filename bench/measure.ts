/** One command, and what it cost. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../local/child.ts';
import { PYTHON } from '../local/paths.ts';

/** `measured.py` says what each number is. */
export interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly ownKib: number;
  readonly peaksKib: Readonly<Record<string, number>>;
  readonly sumKib: number;
  readonly treeKib: number;
}

/** A stop from outside ends what is being measured. */
const ended = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort());

export type Environment = Readonly<Record<string, string>>;

/** @throws CommandFailed with the end of what it said, unless it ended with 0. */
export async function measure(command: readonly string[], env: Environment): Promise<Cost> {
  const dir = await mkdtemp(join(tmpdir(), 'nightjar-bench-'));
  try {
    const out = join(dir, 'cost.json');
    await run(PYTHON, [fileURLToPath(new URL('measured.py', import.meta.url)), out, ...command], {
      env,
      cwd: dir,
      signal: ended.signal,
    });
    return JSON.parse(await readFile(out, 'utf8')) as Cost;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A pipeline of a shell fails when any of its commands does. */
export const shell = (script: string): string[] => ['bash', '-c', `set -euo pipefail; ${script}`];
