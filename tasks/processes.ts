/**
 * Child processes that can not outlive the task. Each runs in a process group of its own, so that a tool's workers go
 * with it: a parent killed alone leaves children that hold locks on the server.
 */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { NightjarError } from '../core/errors.ts';

/** How much of a tool's last words is kept, in bytes. */
const STDERR_KEPT = 8 * 1024;
/** Between the polite signal and the one that can't be refused. */
const PATIENCE_MS = 10_000;

export interface ProcessOptions {
  /** All of the child's environment; nothing of ours is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Its abort ends the whole group: SIGTERM, and SIGKILL after 10 seconds. */
  readonly signal: AbortSignal;
  /** `ignore` by default. */
  readonly stdin?: 'pipe' | 'ignore';
  /** `ignore` by default. */
  readonly stdout?: 'pipe' | 'ignore';
  readonly cwd?: string;
}

export interface ProcessEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last 8 KiB. */
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where tools are looked for: all that a helper such as zstd is given. */
export const pathOnly = (env: Environment): Record<'PATH', string> => ({
  PATH: env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
});

/** What a server's tool is given besides its login: no file of a user's (.pgpass, .my.cnf, .psqlrc) has a say. */
export const toolEnvironment = (env: Environment, scratch: string): Record<string, string> => ({
  ...pathOnly(env),
  HOME: scratch,
  TMPDIR: scratch,
  LC_ALL: 'C.UTF-8',
});

/** In words, such as `ended with 1`. */
export const howEnded = ({ code, signal }: ProcessEnd): string =>
  code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with ${code}`;

export interface RunningProcess {
  /** With `stdin: 'pipe'`. A child that ends early breaks it with EPIPE: listen for its errors. */
  readonly stdin: Writable | null;
  /** With `stdout: 'pipe'`. Read it to its end, else the child waits for you. */
  readonly stdout: Readable | null;
  /**
   * Resolves when the child has ended and its output is read, however it ended: the caller judges code and signal, and
   * after an abort throws the abort's reason. Rejects with UNEXPECTED only when the command could not be started.
   */
  readonly done: Promise<ProcessEnd>;
  /** Signals the whole group; SIGTERM by default. Nothing happens when it is gone. */
  kill(signal?: NodeJS.Signals): void;
  readonly pid: number | undefined;
}

/** Groups that are alive: whatever ends this process ends them. */
const groups = new Set<number>();
process.on('exit', () => {
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
});

/** @throws the signal's reason when it is aborted already. */
export function startProcess(command: string, args: readonly string[], options: ProcessOptions): RunningProcess {
  options.signal.throwIfAborted();
  const child = spawn(command, args, {
    env: options.env,
    cwd: options.cwd,
    detached: true,
    stdio: [options.stdin ?? 'ignore', options.stdout ?? 'ignore', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) groups.add(pid);

  const kill = (signal: NodeJS.Signals = 'SIGTERM'): void => {
    if (pid !== undefined && groups.has(pid)) signalGroup(pid, signal);
  };
  let lastResort: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    kill('SIGTERM');
    lastResort = setTimeout(() => kill('SIGKILL'), PATIENCE_MS);
  };
  options.signal.addEventListener('abort', onAbort, { once: true });

  const words = lastWords(child.stderr);
  const done = new Promise<ProcessEnd>((resolve, reject) => {
    const settle = (): void => {
      options.signal.removeEventListener('abort', onAbort);
      clearTimeout(lastResort);
    };
    child.once('error', (cause) => {
      // A later error, such as a signal that could not be sent, is no end: 'exit' tells of that.
      if (pid !== undefined) return;
      settle();
      reject(new NightjarError('UNEXPECTED', { operation: `start ${command}`, detail: cause.message, cause }));
    });
    // Workers whose leader is gone would keep the pipes open, and 'close' would never come.
    child.once('exit', () => {
      kill('SIGKILL');
      if (pid !== undefined) groups.delete(pid);
    });
    child.once('close', (code, signal) => {
      settle();
      resolve({ code, signal, stderr: words() });
    });
  });
  // Whoever awaits `done` still gets the rejection; a caller that threw before must not crash the task by it.
  done.catch(() => undefined);
  return { stdin: child.stdin, stdout: child.stdout, done, kill, pid };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (cause) {
    // ESRCH: the group is gone, which is what was wanted.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}

/** Resolves with the child's last words when it ended with 0. @throws the abort's reason, or what `failure` makes of its end. */
export async function endedWell(
  running: RunningProcess,
  signal: AbortSignal,
  failure: (end: ProcessEnd) => NightjarError,
): Promise<string> {
  const end = await running.done;
  if (end.code === 0) return end.stderr;
  signal.throwIfAborted();
  throw failure(end);
}

/** Reads all, keeps the end. */
function lastWords(stderr: Readable | null): () => string {
  let kept = Buffer.alloc(0);
  stderr?.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-STDERR_KEPT);
  });
  return () => kept.toString('utf8');
}
