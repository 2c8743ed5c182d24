#!/usr/bin/env node
/** Bundles the command line into `dist/nightjar.mjs`, the package's bin. */
import { chmod } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const from = (path) => fileURLToPath(new URL(path, import.meta.url));
const outfile = from('../dist/nightjar.mjs');

await build({
  entryPoints: [from('./main.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minifySyntax: true,
  // CommonJS dependencies call require(), which a module does not have.
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as nodeRequire } from 'node:module';\nconst require = nodeRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
await chmod(outfile, 0o755);
