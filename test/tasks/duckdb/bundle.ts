/** A module of the tests in one file, as the task's own is, in a directory that any user may read. */
import { chmod, copyFile, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const REPO = new URL('../../../', import.meta.url).pathname;

/** Path of the bundle of `test/tasks/duckdb/<name>.ts` in the directory, with DuckDB's session and library beside it. */
export async function bundled(name: string, into: string): Promise<string> {
  const outfile = join(into, `${name}.mjs`);
  await build({
    entryPoints: [join(REPO, 'test/tasks/duckdb', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: 'linked',
    sourcesContent: false,
    minifyWhitespace: true,
    external: ['pg-native'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  await copyFile(join(REPO, 'tasks/engines/duckdb/duckdb-session.mjs'), join(into, 'duckdb-session.mjs'));
  await mkdir(join(into, 'node_modules'), { recursive: true });
  await cp(join(REPO, 'node_modules/@duckdb'), join(into, 'node_modules/@duckdb'), { recursive: true });
  await chmod(into, 0o755);
  return outfile;
}
