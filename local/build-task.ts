import { build } from 'esbuild';
import { join } from 'node:path';
import { REPO, TASK_BUNDLE } from './paths.ts';

/** Bundles the task as its Dockerfile does, for the pretend account to run. Returns the bundle's path. */
export async function buildTask(entry = join(REPO, 'tasks', 'main.ts'), outfile = TASK_BUNDLE): Promise<string> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: 'linked',
    // An optional native part of pg that nobody installs.
    external: ['pg-native'],
    // CommonJS dependencies call require(), which a module does not have.
    banner: { js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  return outfile;
}
