import { join } from 'node:path';
import { run } from './child.ts';
import { REPO, TASK_BUNDLE } from './paths.ts';

/** Bundles the task as its Dockerfile does, for the pretend account to run. Returns the bundle's path. */
export async function buildTask(outfile = TASK_BUNDLE): Promise<string> {
  await run(process.execPath, [join(REPO, 'tasks', 'build.mjs'), outfile], { cwd: REPO });
  return outfile;
}
