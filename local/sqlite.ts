/** Databases of one file, made and read by the shell of SQLite: there is no server to start. */
import { spawn } from 'node:child_process';

/** Runs statements on a file, which is made if it is missing. Resolves with what they print. */
export function sqlite(file: string, statements: string, options: readonly string[] = []): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sqlite3', ['-batch', '-bail', ...options, file], { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let words = '';
    child.stdout.on('data', (chunk: Buffer) => void out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
    child.on('error', reject);
    // A shell that stops at an error reads no further.
    child.stdin.on('error', () => undefined);
    child.on('close', (code) =>
      code === 0 ? resolve(Buffer.concat(out).toString('utf8')) : reject(new Error(`sqlite3 ${file}: ${words.trim()}`)),
    );
    child.stdin.end(statements);
  });
}

export interface Holder {
  /** Whether it was ended by somebody else. */
  isOver(): boolean;
  /** Asks one more thing; rejects with the shell's words. */
  ask(statements: string): Promise<string>;
  /** SIGKILL, as a crash: a journal stays behind. */
  kill(): Promise<void>;
}

/** A process that has the file open and keeps what the statements took, such as a lock. Resolves once it has it. */
export async function holdSqlite(file: string, statements: string): Promise<Holder> {
  const child = spawn('sqlite3', ['-batch', '-bail', file], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [heard, words] = ['', ''];
  let listen: () => void = () => undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
    listen();
  });
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  child.stdin.on('error', () => undefined);
  const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let asked = 0;
  const ask = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const mark = `done-${(asked += 1)}`;
      heard = '';
      listen = () => {
        if (heard.includes(mark)) resolve(heard.slice(0, heard.indexOf(mark)));
      };
      void over.then(() => reject(new Error(words.trim())));
      child.stdin.write(`${text}\n.print ${mark}\n`);
    });
  await ask(statements);
  return {
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    ask,
    async kill() {
      child.kill('SIGKILL');
      await over;
    },
  };
}
