/** The sqlite3 shell as a session: statements go in, and each answer ends with a word of ours. */
import { randomUUID } from 'node:crypto';
import { NightjarError } from '../../../core/errors.ts';
import { childOutlet } from '../../pipes/pipes.ts';
import { startProcess, type ProcessEnd } from '../../processes.ts';
import { shellError, type Meaning } from './errors.ts';
import type { Work } from './work.ts';

export interface ShellOptions extends Meaning {
  readonly readonly?: boolean;
  /** Of statements that are not ours: they can't leave the file. */
  readonly safe?: boolean;
  /** Instead of the work's. */
  readonly signal?: AbortSignal;
}

export interface Shell {
  /** Runs statements and commands of the shell; resolves with what they printed. @throws what the shell's words mean. */
  ask(statements: string): Promise<string>;
  /** The rows of one SELECT. */
  rows<Row extends object>(select: string): Promise<Row[]>;
  /** Ends it; a transaction that is open is rolled back. */
  close(): Promise<void>;
}

export const args = (file: string, options: Pick<ShellOptions, 'readonly' | 'safe'>): string[] => [
  '-batch',
  '-bail',
  ...(options.readonly ? ['-readonly'] : []),
  ...(options.safe ? ['-safe'] : []),
  file,
];

export function openShell(work: Pick<Work, 'env' | 'signal'>, file: string, options: ShellOptions): Shell {
  const signal = options.signal ?? work.signal;
  const child = startProcess('sqlite3', args(file, options), {
    env: work.env,
    signal,
    stdin: 'pipe',
    stdout: 'pipe',
  });
  const input = childOutlet(child.stdin!);
  let pieces: Buffer[] = [];
  let heard: () => void = () => undefined;
  child.stdout!.on('data', (chunk: Buffer) => {
    pieces.push(chunk);
    heard();
  });

  const ended = (end: ProcessEnd): Error => {
    if (signal.aborted) return signal.reason as Error;
    if (end.code !== 0) return shellError(end, options);
    const detail = 'The shell ended well and did not answer.';
    return new NightjarError(options.fallback, { operation: options.operation, detail });
  };

  const ask = async (statements: string): Promise<string> => {
    signal.throwIfAborted();
    const mark = `end-${randomUUID()}`;
    pieces = [];
    const answered = new Promise<string>((resolve) => {
      heard = () => {
        if (!tailOf(pieces, mark.length + 2).includes(mark)) return;
        const text = Buffer.concat(pieces).toString('utf8');
        resolve(text.slice(0, text.lastIndexOf(mark)));
      };
    });
    const dead = child.done.then((end) => {
      throw ended(end);
    });
    dead.catch(() => undefined);
    await input.write(Buffer.from(`${statements}\n.print ${mark}\n`));
    return Promise.race([answered, dead]);
  };

  return {
    ask,
    async rows<Row extends object>(select: string) {
      const text = (await ask(`.mode json\n${select};\n.mode list`)).trim();
      return text === '' ? [] : (JSON.parse(text) as Row[]);
    },
    async close() {
      await input.end();
      await child.done;
    },
  };
}

function tailOf(pieces: readonly Buffer[], bytes: number): string {
  let tail = Buffer.alloc(0);
  for (let at = pieces.length - 1; at >= 0 && tail.length < bytes; at -= 1) tail = Buffer.concat([pieces[at]!, tail]);
  return tail.subarray(-bytes).toString('utf8');
}

/** One session for one piece of work. */
export async function withShell<T>(
  work: Pick<Work, 'env' | 'signal'>,
  file: string,
  options: ShellOptions,
  use: (shell: Shell) => Promise<T>,
): Promise<T> {
  const shell = openShell(work, file, options);
  try {
    return await use(shell);
  } finally {
    await shell.close();
  }
}

export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
/** A path as an argument of the shell's own commands, which read escapes as C does. */
export const argument = (path: string): string => `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** Of the shell in the image. */
export async function toolVersion(work: Work, fallback: Meaning['fallback']): Promise<string> {
  return withShell(work, ':memory:', { operation: 'sqlite3', fallback }, async (shell) =>
    (await shell.ask('SELECT sqlite_version();')).trim(),
  );
}
