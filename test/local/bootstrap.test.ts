import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPO, TOOLS } from '../../local/paths.ts';

const bootstrap = (...args: string[]) =>
  spawnSync(process.execPath, [join(REPO, 'local', 'bootstrap.mjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, NIGHTJAR_TOOLS: TOOLS },
  });

test('a second start finds the tools and takes less than two seconds', () => {
  expect(bootstrap().status).toBe(0);
  const started = Date.now();
  const { status, stderr } = bootstrap();
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(Date.now() - started).toBeLessThan(2_000);
});

test('a version of PostgreSQL that there is not is refused with those that there are', () => {
  const { status, stderr } = bootstrap('--tools', '17,13');
  expect(status).toBe(1);
  expect(stderr).toContain('mariadb, 14, 15, 16, 17, 18, not "13"');
});

test('it runs a script with its arguments and passes its exit code on', () => {
  const dir = mkdtempSync(join(REPO, '.local', 'test-'));
  try {
    writeFileSync(join(dir, 'script.ts'), 'const code: number = Number(process.argv[2]); process.exit(code);');
    expect(bootstrap(join(dir, 'script.ts').slice(REPO.length + 1), '7').status).toBe(7);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('tools that are half made are made again', () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightjar-tools-'));
  try {
    const env = { ...process.env, NIGHTJAR_TOOLS: dir };
    const start = () =>
      execFileSync(process.execPath, [join(REPO, 'local', 'bootstrap.mjs'), '--tools', '14'], {
        env,
        stdio: 'ignore',
      });
    start();
    const stamp = join(dir, 'postgres-14.stamp');
    copyFileSync(stamp, join(dir, 'kept'));
    rmSync(stamp);
    rmSync(join(dir, 'postgres', '14', 'bin', 'psql'));
    start();
    expect(existsSync(stamp) && existsSync(join(dir, 'postgres', '14', 'bin', 'psql'))).toBe(true);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
