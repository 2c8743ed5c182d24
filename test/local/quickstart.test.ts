import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ERRORS } from '../../core/errors.ts';
import { REPO } from '../../local/paths.ts';

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs a script of local/ in a place of its own. */
function script(name: string, args: string[], home: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(REPO, 'local', 'bootstrap.mjs'), `local/${name}`, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NIGHTJAR_LOCAL_HOME: join(home, 'account') },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

async function inPlace<T>(work: (home: string) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'nightjar-home-'));
  try {
    return await work(home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface Result {
  ok: boolean;
  problems: string[];
  backup: { status: string };
  restore: { status: string; mode: string; comparison: { equal: boolean } };
  rows: Record<'before' | 'spoiled' | 'after', { rows: number }>;
  engines: Record<'reviews' | 'till', Pick<Result, 'restore' | 'rows'>>;
  mails: { to: string[]; subject: string; text: string; html: string }[];
  seconds: Record<string, number>;
}

test('the quickstart brings every row of three engines back, tells of the damaged one, and its account is kept, shown and stopped', async () => {
  await inPlace(async (home) => {
    const quickstart = await script('quickstart.ts', ['--json', '--keep', '--size', '10'], home);
    const result = JSON.parse(quickstart.out.trim().split('\n').at(-1) ?? '') as Result;
    try {
      expect(result.problems).toEqual([]);
      expect(quickstart.code).toBe(0);
      expect(result).toMatchObject({
        ok: true,
        backup: { status: 'COMPLETED' },
        restore: { status: 'COMPLETED', mode: 'swap', comparison: { equal: true } },
        mails: [{ to: ['you@example.org'] }],
      });
      expect(result.rows.spoiled.rows).toBeLessThan(result.rows.before.rows);
      expect(result.rows.after).toEqual(result.rows.before);
      for (const one of ['reviews', 'till'] as const) {
        const { rows, restore } = result.engines[one];
        expect(restore, one).toMatchObject({ status: 'COMPLETED', mode: 'swap', comparison: { equal: true } });
        expect(rows.spoiled.rows, one).toBeLessThan(rows.before.rows);
        expect(rows.after, one).toEqual(rows.before);
      }
      // The one that is damaged on purpose is told first, with what to do.
      const [{ subject, text }] = result.mails as [Result['mails'][number]];
      expect(subject).toMatch(/1 of \d+ backups FAILED/);
      expect(text).toContain(`till-old: ${ERRORS.DATABASE_DAMAGED.message}`);
      expect(text).toContain(ERRORS.DATABASE_DAMAGED.hint);
      expect(Object.keys(result.seconds)).toEqual(expect.arrayContaining(['account', 'deploy', 'backup', 'restore']));

      // Updated where the first deploy took longer than its night was away.
      const status = await script('main.ts', ['status', '--json'], home);
      expect(JSON.parse(status.out)).toMatchObject({
        up: true,
        stacks: { 'nightjar-backup': expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/) as string },
      });
      expect(status.out).not.toContain('password');
      const exports = await script('main.ts', ['env'], home);
      expect(exports.out).toMatch(/^export AWS_ENDPOINT_URL='https:\/\/127\.0\.0\.1:\d+'$/m);
    } finally {
      const down = await script('main.ts', ['down', '--json'], home);
      expect(JSON.parse(down.out)).toEqual({ stopped: true });
    }
    const after = await script('main.ts', ['status'], home);
    expect(after).toMatchObject({ code: 3, out: expect.stringContaining('local -- up') as unknown });
  });
}, 900_000);

test('a wrong command line is refused with what would be right', async () => {
  await inPlace(async (home) => {
    const { code, err } = await script('main.ts', ['up', '--nightly', '25:00'], home);
    expect(code).toBe(2);
    expect(err).toContain('--nightly is a time such as 02:30');
  });
});
