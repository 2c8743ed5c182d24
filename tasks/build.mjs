/**
 * Bundles the task into one module, as the image and the pretend account run it:
 *
 *   node tasks/build.mjs [OUTFILE]        by default dist/tasks/main.mjs
 */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

await build({
  entryPoints: [at('tasks/main.ts')],
  outfile: process.argv[2] ?? at('dist/tasks/main.mjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: 'linked',
  legalComments: 'none',
  // An optional native part of pg that nobody installs.
  external: ['pg-native'],
  // CommonJS dependencies call require(), which a module does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
});
