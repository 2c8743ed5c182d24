/** A module of the tests in one file, as the task's own is, in a directory that any user may read. */
import { chmod, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../local/child.ts';
import { REPO } from '../../../local/paths.ts';

/** Path of the bundle of `test/tasks/duckdb/<name>.ts` in the directory, with DuckDB's session and library beside it. */
export async function bundled(name: string, into: string): Promise<string> {
  const outfile = join(into, `${name}.mjs`);
  await run(process.execPath, [join(REPO, 'tasks/build.mjs'), outfile, join(REPO, 'test/tasks/duckdb', `${name}.ts`)]);
  await mkdir(join(into, 'node_modules'), { recursive: true });
  await cp(join(REPO, 'node_modules/@duckdb'), join(into, 'node_modules/@duckdb'), { recursive: true });
  await chmod(into, 0o755);
  return outfile;
}
