import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startProcess } from '../../tasks/processes.ts';

const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' };
const signal = new AbortController().signal;

/** Whether it runs: a zombie has ended. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && alive(pid); tries += 1) await pause(50);
  return !alive(pid);
}
async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  const [bytes] = (await once(stream, 'data')) as [Buffer];
  return bytes.toString().split('\n')[0]!;
}

describe('a child process', () => {
  it('gets what is written, gives what it writes, and tells its exit code and last words', async () => {
    const child = startProcess('sh', ['-c', 'cat; echo oh no >&2; exit 3'], {
      env,
      signal,
      stdin: 'pipe',
      stdout: 'pipe',
    });
    child.stdin!.end('hello');
    expect(await firstLine(child.stdout!)).toBe('hello');
    expect(await child.done).toEqual({ code: 3, signal: null, stderr: 'oh no\n' });
  });

  it('keeps only the last 8 KiB of what a tool complains', async () => {
    const child = startProcess('sh', ['-c', 'yes complaint | head -c 100000 >&2; echo last >&2'], { env, signal });
    const { stderr } = await child.done;
    expect(stderr.length).toBe(8 * 1024);
    expect(stderr.endsWith('last\n')).toBe(true);
  });

  it('sees nothing of our environment', async () => {
    const child = startProcess('env', [], { env: { ...env, ONLY: 'this' }, signal, stdout: 'pipe' });
    let seen = '';
    child.stdout!.on('data', (bytes: Buffer) => (seen += bytes.toString()));
    await child.done;
    expect(seen.trim().split('\n').sort()).toEqual(['ONLY=this', `PATH=${env.PATH}`]);
  });

  it('takes its own children with it when the task is told to stop', async () => {
    const stop = new AbortController();
    const child = startProcess('sh', ['-c', 'sleep 300 & echo $!; wait'], { env, signal: stop.signal, stdout: 'pipe' });
    const grandchild = Number(await firstLine(child.stdout!));
    stop.abort();
    expect((await child.done).signal).toBe('SIGTERM');
    expect(await gone(grandchild)).toBe(true);
  });

  it('that ends leaves no worker behind', async () => {
    const child = startProcess('sh', ['-c', 'sleep 300 & echo $!'], { env, signal, stdout: 'pipe' });
    const worker = Number(await firstLine(child.stdout!));
    expect((await child.done).code).toBe(0);
    expect(await gone(worker)).toBe(true);
  });

  it('that refuses to stop is killed after ten seconds', async () => {
    const stop = new AbortController();
    const stubborn = "trap '' TERM; echo ready; while :; do sleep 1; done";
    const child = startProcess('sh', ['-c', stubborn], { env, signal: stop.signal, stdout: 'pipe' });
    await firstLine(child.stdout!);
    stop.abort();
    expect((await child.done).signal).toBe('SIGKILL');
  });

  it('does not outlive us, however we exit', async () => {
    const script = `
      import { startProcess } from ${JSON.stringify(new URL('../../tasks/processes.ts', import.meta.url).href)};
      const child = startProcess('sleep', ['300'], { env: process.env, signal: new AbortController().signal });
      console.log(child.pid);
      setTimeout(() => process.exit(1), 100);`;
    const us = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: 'pipe' });
    const child = Number(await firstLine(us.stdout));
    await once(us, 'exit');
    expect(child).toBeGreaterThan(0);
    expect(await gone(child)).toBe(true);
  });

  it('is not started when the task has been told to stop, and says so when it can not be', async () => {
    const stop = new AbortController();
    stop.abort(new Error('told to stop'));
    expect(() => startProcess('true', [], { env, signal: stop.signal })).toThrow('told to stop');
    const nowhere = startProcess('/nowhere/pg_dump', [], { env, signal });
    await expect(nowhere.done).rejects.toMatchObject({ code: 'UNEXPECTED', operation: 'start /nowhere/pg_dump' });
  });
});
