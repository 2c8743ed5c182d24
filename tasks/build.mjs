/**
 * Bundles the task into one module, as the image and the pretend account run it:
 *
 *   node tasks/build.mjs [OUTFILE] [ENTRY]        by default dist/tasks/main.mjs of tasks/main.ts
 */
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const [outfile = at('dist/tasks/main.mjs'), entry = at('tasks/main.ts')] = process.argv.slice(2);

await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: 'linked',
  // Half of what a task without work holds was its own text: traces say lines and names, and who reads them has the source.
  sourcesContent: false,
  minifyWhitespace: true,
  legalComments: 'none',
  // An optional native part of pg that nobody installs.
  external: ['pg-native'],
  // CommonJS dependencies call require(), which a module does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
});

// A process of its own, which finds its native library in node_modules beside or above it.
await copyFile(at('tasks/engines/duckdb/duckdb-session.mjs'), join(dirname(outfile), 'duckdb-session.mjs'));
