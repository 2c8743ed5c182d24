import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { createWriteStream } from 'node:fs';

/** How a process ended: its exit code, or 128 + the number of the signal that ended it, as a shell says it. */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGQUIT: 3,
    SIGABRT: 6,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGPIPE: 13,
    SIGTERM: 15,
  };
  return 128 + ((signal && numbers[signal]) ?? 9);
}

/** Resolves when the process has ended; never rejects. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

/** Signals a process, or with `group` all of the process group it leads; a process that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals, group = false): void {
  try {
    process.kill(group ? -pid : pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks a process to end, and ends it after `graceSeconds`. */
export async function stopChild(
  child: ChildProcess,
  first: NodeJS.Signals,
  graceSeconds: number,
  group = false,
): Promise<void> {
  if (child.pid === undefined) return;
  const pid = child.pid;
  const end = ended(child);
  if (child.exitCode === null && child.signalCode === null) signal(pid, first, group);
  const timer = setTimeout(() => signal(pid, 'SIGKILL', group), graceSeconds * 1000);
  await end;
  clearTimeout(timer);
}

/** Thrown by `run` for a command that did not end with 0; `output` is the end of what it said. */
export class CommandFailed extends Error {
  readonly output: string;
  constructor(command: string, code: number, output: string) {
    super(`${command} ended with ${code}\n${output}`);
    this.name = 'CommandFailed';
    this.output = output;
  }
}

export interface RunOptions extends SpawnOptions {
  /** Everything the command says is appended here. */
  log?: string;
  /** Called with each line the command says. */
  onLine?: (line: string) => void;
}

/**
 * Runs a command to its end. Returns what it wrote to stdout.
 *
 * @throws CommandFailed with the last 4,000 characters of both streams.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { log, onLine, ...rest } = options;
  const child = spawn(command, args, { ...rest, stdio: ['ignore', 'pipe', 'pipe'] });
  const file = log ? createWriteStream(log, { flags: 'a' }) : undefined;
  let out = '';
  let tail = '';
  let line = '';
  const hear = (bytes: Buffer) => {
    file?.write(bytes);
    const text = bytes.toString();
    tail = (tail + text).slice(-4_000);
    if (!onLine) return;
    const lines = (line + text).split(/\r?\n/);
    line = lines.pop() ?? '';
    lines.forEach(onLine);
  };
  child.stdout?.on('data', (bytes: Buffer) => {
    out += bytes.toString();
    hear(bytes);
  });
  child.stderr?.on('data', hear);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (c, s) => resolve(exitCodeOf(c, s)));
  });
  file?.end();
  if (line && onLine) onLine(line);
  if (code !== 0) throw new CommandFailed([command, ...args].join(' '), code, tail);
  return out;
}
