/** Runs what an engine's page tells people to type: its commands as they stand there, from a directory in place of the vault. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PAGES = resolve(import.meta.dirname, '../../docs/engines');

/** The blocks of commands below a heading of the page, in their order. @throws Error when there is none. */
export async function blocksOf(page: string, heading: string, language: 'sh' | 'js' = 'sh'): Promise<string[]> {
  const text = await readFile(join(PAGES, page), 'utf8');
  const section = text.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((one) => one[1]!);
  if (blocks.length === 0) throw new Error(`${page} has no commands under "${heading}"`);
  return blocks;
}

/** The commands of a block whose every line is one. */
export const linesOf = (block: string): string[] =>
  block.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

export interface Desk {
  /** Directory whose files `aws s3 cp` fetches, whatever the key before their names, and `aws s3 ls` lists. */
  readonly vault: string;
  readonly cwd: string;
  /** More commands that are not what they are elsewhere: text of an executable, by its name. */
  readonly doubles?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const AWS = `#!/bin/sh
case "$1 $2" in
's3 ls') exec ls "$BY_HAND_VAULT";;
's3 cp') [ "$4" = - ] && exec cat "$BY_HAND_VAULT/$(basename "$3")"; exec cp "$BY_HAND_VAULT/$(basename "$3")" "$4";;
esac
echo "aws $*: not here" >&2; exit 9
`;

/** Resolves with what was printed. @throws Error with its words when a command, also one of a pipe, fails. */
export async function typed(
  script: string,
  { vault, cwd, doubles, env = process.env }: Desk,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const bin = await mkdtemp(join(tmpdir(), 'nightjar-by-hand-'));
  try {
    await writeFile(join(bin, 'package.json'), '{"type":"module"}');
    for (const [name, text] of Object.entries({ aws: AWS, ...doubles }))
      await writeFile(join(bin, name), text, { mode: 0o755 });
    return await run('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
      cwd,
      env: { ...env, PATH: `${bin}:${env.PATH ?? process.env.PATH ?? ''}`, BY_HAND_VAULT: vault },
    });
  } finally {
    await rm(bin, { recursive: true, force: true });
  }
}
