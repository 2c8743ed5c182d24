/** The one file that the image and the pretend account run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { REPO } from '../../local/paths.ts';

// Outside of the repository: no node_modules beside it or above.
const folder = mkdtempSync(join(tmpdir(), 'nightjar-bundle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('starts without any package beside it, with the drivers of every engine inside', () => {
  execFileSync(process.execPath, [join(REPO, 'tasks', 'build.mjs'), join(folder, 'main.mjs')], { stdio: 'pipe' });
  expect(readdirSync(folder).sort()).toEqual(['duckdb-session.mjs', 'main.mjs', 'main.mjs.map']);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'main.mjs')], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  // It has come as far as asking for its job.
  expect({ status, said: stdout + stderr }).toEqual({
    status: 2,
    said: expect.stringContaining('INPUT_INVALID') as unknown,
  });
  // And says where in the sources it was.
  expect(stdout).toMatch(/ at [^"]*\btasks\/main\.ts:\d+:\d+/);
  expect(stdout).not.toContain('main.mjs:');
});
