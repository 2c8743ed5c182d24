import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { signal } from './child.ts';
import { REPO } from './paths.ts';
import type { OnPhase, StageOptions } from './stage.ts';
import { STATE_FILE, type FromSupervisor, type SupervisorState, type ToSupervisor } from './supervisor-protocol.ts';

/** Where `local up` and `quickstart` keep what runs, one at a time; tests have a place of their own. */
export const HOME = process.env.NIGHTJAR_LOCAL_HOME ?? join(REPO, '.local', 'account');

export interface Supervised extends SupervisorState {
  /** Let it live on when this process ends. */
  keep(): Promise<void>;
  /** Stops everything and removes its directory. */
  stop(): Promise<void>;
}

/** Stopping ends running tasks first, which may take their stop time. */
const STOP_SECONDS = 60;

async function gone(pid: number): Promise<void> {
  for (let waited = 0; ; waited += 100) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (waited > STOP_SECONDS * 1000) signal(pid, 'SIGKILL');
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Whether a pid is a supervisor of this clone: pids are used again. */
async function isSupervisor(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes(join(REPO, 'local', 'supervisor.ts'));
}

/** What runs in this clone, if anything does. */
export async function findSupervisor(dir = HOME): Promise<SupervisorState | undefined> {
  const text = await readFile(join(dir, STATE_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const state = JSON.parse(text) as SupervisorState;
  return (await isSupervisor(state.pid)) ? state : undefined;
}

/** Stops what runs in this clone and removes its data. Returns whether anything ran. */
export async function stopSupervisor(dir = HOME): Promise<boolean> {
  const state = await findSupervisor(dir);
  if (state) {
    signal(state.pid, 'SIGTERM');
    await gone(state.pid);
  }
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  return state !== undefined;
}

/**
 * Starts a stage in a process of its own, in a clean directory.
 *
 * @throws Error with what the stage said; nothing is left running then.
 */
export async function startSupervisor(
  options: Omit<StageOptions, 'dir'>,
  onPhase: OnPhase,
  dir = HOME,
): Promise<Supervised> {
  if (await findSupervisor(dir)) throw new Error('a pretend account is running already: npm run local -- down');
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  await mkdir(dir, { recursive: true });
  const log = openSync(join(dir, 'supervisor.log'), 'a');
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), join(REPO, 'local', 'supervisor.ts')],
    { cwd: REPO, detached: true, stdio: ['ignore', log, log, 'ipc'] },
  );
  closeSync(log);
  const pid = child.pid ?? 0;
  const send = (message: ToSupervisor) => new Promise<void>((done) => child.send(message, () => done()));

  let failure: string | undefined;
  const facts = await new Promise<SupervisorState['facts']>((resolve, reject) => {
    child.on('message', (message: FromSupervisor) => {
      if ('phase' in message) onPhase(message.phase, message.event, message.text);
      else if ('ready' in message) resolve(message.ready);
      else failure = message.failed;
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(failure ?? `the supervisor ended with ${code}; see ${join(dir, 'supervisor.log')}`));
    });
    void send({ do: 'start', options: { ...options, dir } });
  });
  return {
    pid,
    facts,
    async keep() {
      await send({ do: 'keep' });
      child.disconnect();
      child.unref();
    },
    async stop() {
      signal(pid, 'SIGTERM');
      await gone(pid);
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
