/**
 * Holds a stage: the account, its tasks and the sample database live as long as this process. Started by
 * `supervise.ts`, which it tells its progress over the IPC channel; ends on SIGTERM, and when its starter goes
 * without having said "keep".
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startStage, type Stage, type StageOptions } from './stage.ts';
import { STATE_FILE, type FromSupervisor, type SupervisorState, type ToSupervisor } from './supervisor-protocol.ts';

let starting: Promise<Stage> | undefined;
let dir = '';
let kept = false;
let ending = false;
const early = new AbortController();

const tell = (message: FromSupervisor) => {
  if (process.connected) process.send?.(message);
};

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  // What is half started stops by itself what it has started.
  early.abort();
  const stage = await starting?.catch(() => undefined);
  if (dir) await rm(join(dir, STATE_FILE), { force: true });
  await stage?.stop();
  process.exit(code);
}

async function start(options: StageOptions): Promise<void> {
  dir = options.dir;
  try {
    starting = startStage(options, (phase, event, text) => tell({ phase, event, text }), early.signal);
    const { facts } = await starting;
    if (ending) return;
    const state: SupervisorState = { pid: process.pid, facts };
    await writeFile(join(dir, STATE_FILE), JSON.stringify(state), { mode: 0o600 });
    tell({ ready: facts });
  } catch (error) {
    tell({ failed: error instanceof Error ? error.message : String(error) });
    await end(1);
  }
}

if (process.send) {
  process.on('message', (message: ToSupervisor) => {
    if (message.do === 'keep') kept = true;
    else void start(message.options);
  });
  process.on('disconnect', () => {
    if (!kept) void end(0);
  });
  process.on('SIGTERM', () => void end(0));
  // A terminal's Ctrl-C is for the starter to decide about.
  process.on('SIGINT', () => undefined);
}
