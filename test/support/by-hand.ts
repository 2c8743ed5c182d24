/** Runs what an engine's page tells people to type: its commands as they stand there, from a directory in place of the vault. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PAGES = resolve(import.meta.dirname, '../../docs/engines');

/** The blocks of commands below a heading of the page, in their order. @throws Error when there is none. */
export async function blocksOf(page: string, heading: string): Promise<string[]> {
  const text = await readFile(join(PAGES, page), 'utf8');
  const section = text.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
  const blocks = [...section.matchAll(/^```\w*\n(.*?)^```$/gms)].map((one) => one[1]!);
  if (blocks.length === 0) throw new Error(`${page} has no commands under "${heading}"`);
  return blocks;
}

/**
 * `aws s3 cp s3://…/NAME -` writes the file of that name in `vault`; all else is as it is typed. Resolves with what was printed.
 *
 * @throws Error with its words when a command of a pipe fails.
 */
export async function typed(script: string, { vault, cwd }: { vault: string; cwd: string }): Promise<string> {
  const bin = await mkdtemp(join(tmpdir(), 'nightjar-by-hand-'));
  try {
    const aws = `#!/bin/sh\n[ "$1 $2 $4" = "s3 cp -" ] && exec cat '${vault}'/"$(basename "$3")"\necho "aws $*: not here" >&2; exit 9\n`;
    await writeFile(join(bin, 'aws'), aws);
    await chmod(join(bin, 'aws'), 0o755);
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` };
    const { stdout } = await run('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd, env });
    return stdout;
  } finally {
    await rm(bin, { recursive: true, force: true });
  }
}
