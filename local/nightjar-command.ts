import { join } from 'node:path';
import { CommandFailed, run } from './child.ts';
import { REPO } from './paths.ts';

/** What every `nightjar` command prints last with `--json`. */
export interface CommandAnswer {
  command: string;
  ok: boolean;
}

/**
 * Calls the `nightjar` command as a person does, with `--json`.
 *
 * @param env The exports of the account.
 * @param onLine Hears what the command says while it works.
 * @throws Error with the command's own words if it did not succeed.
 */
export async function nightjar<Answer extends CommandAnswer>(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine?: (line: string) => void,
): Promise<Answer> {
  const command = [...args, '--json'];
  const options = {
    cwd: REPO,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', ...env },
    onLine: (line: string) => {
      if (!line.startsWith('{')) onLine?.(line);
    },
  };
  try {
    const out = await run(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), join(REPO, 'cli', 'main.ts'), ...command],
      options,
    );
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as Answer;
  } catch (error) {
    if (error instanceof CommandFailed)
      throw new Error(`nightjar ${args.join(' ')} failed:\n${error.output}`, { cause: error });
    throw error;
  }
}
