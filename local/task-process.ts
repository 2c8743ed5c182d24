import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { exitCodeOf, signal } from './child.ts';
import { mountBelow, type Mounts } from './mounts.ts';

/** Enough of a task's output to read its story; older output is dropped. */
const KEPT_OUTPUT = 4 * 1024 * 1024;

/** Which of the two output streams, numbered as Docker numbers them. */
export type Stream = 1 | 2;

export interface TaskCommand {
  /** Command and arguments. */
  command: readonly string[];
  /** The whole environment, but for `HOME`, `TMPDIR`, `NIGHTJAR_SCRATCH` and `NIGHTJAR_MOUNTS`, which are made here. */
  env: Readonly<Record<string, string>>;
  /** File systems that it mounts. */
  mounts?: Mounts;
}

/** One task's main process, leader of its own process group, with a scratch directory that goes when it does. */
export class TaskProcess {
  readonly output: { stream: Stream; bytes: Buffer }[] = [];
  /** Seconds since the epoch, once there. */
  startedAt?: number;
  endedAt?: number;
  /** 0–255; 137 for SIGKILL, 143 for SIGTERM; undefined while it runs. */
  exitCode?: number;
  private child?: ChildProcess;
  private kept = 0;
  private readonly listeners = new Set<(stream: Stream, bytes: Buffer) => void>();
  private readonly endListeners = new Set<() => void>();

  get pid(): number | undefined {
    return this.exitCode === undefined ? this.child?.pid : undefined;
  }

  async start({ command, env, mounts = {} }: TaskCommand): Promise<void> {
    const scratch = await mkdtemp(join(tmpdir(), 'nightjar-task-'));
    const mounted = await mountBelow(scratch, mounts);
    const [program, ...args] = command;
    if (program === undefined) throw new Error('a task needs a command');
    const child = spawn(program, args, {
      cwd: scratch,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
        ...env,
        HOME: scratch,
        TMPDIR: scratch,
        NIGHTJAR_SCRATCH: scratch,
        ...(mounted === undefined ? {} : { NIGHTJAR_MOUNTS: mounted }),
      },
    });
    this.child = child;
    this.startedAt = Date.now() / 1000;
    child.stdout?.on('data', (bytes: Buffer) => this.hear(1, bytes));
    child.stderr?.on('data', (bytes: Buffer) => this.hear(2, bytes));
    const end = (code: number) => {
      if (this.exitCode !== undefined) return;
      this.exitCode = code;
      this.endedAt = Date.now() / 1000;
      void rm(scratch, { recursive: true, force: true, maxRetries: 5 });
      this.endListeners.forEach((listener) => listener());
    };
    child.once('error', (error) => {
      this.hear(2, Buffer.from(`${error.message}\n`));
      end(127);
    });
    // What the main process leaves behind ends with its container, which also closes the pipes it holds.
    child.once('exit', () => child.pid !== undefined && signal(child.pid, 'SIGKILL', true));
    child.once('close', (code, name) => end(exitCodeOf(code, name)));
  }

  /** SIGTERM to the main process as Docker does, then SIGKILL to the whole group. */
  async stop(graceSeconds: number): Promise<void> {
    if (!this.child || this.exitCode !== undefined) return;
    const gone = this.end();
    const pid = this.child.pid;
    if (pid === undefined) return gone;
    signal(pid, 'SIGTERM');
    const timer = setTimeout(() => signal(pid, 'SIGKILL', true), graceSeconds * 1000);
    await gone;
    clearTimeout(timer);
  }

  /** Signals the whole group at once, and tells nobody. */
  kill(name: NodeJS.Signals): void {
    if (this.pid !== undefined) signal(this.pid, name, true);
  }

  end(): Promise<void> {
    if (this.exitCode !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.endListeners.add(resolve));
  }

  /** Hears what comes from now on; returns how to stop hearing. */
  listen(listener: (stream: Stream, bytes: Buffer) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private hear(stream: Stream, bytes: Buffer): void {
    this.output.push({ stream, bytes });
    this.kept += bytes.length;
    while (this.kept > KEPT_OUTPUT) this.kept -= this.output.shift()?.bytes.length ?? 0;
    this.listeners.forEach((listener) => listener(stream, bytes));
  }
}
