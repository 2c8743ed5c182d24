/** A program that serves until it is ended: started with its words in a log, and waited for until it answers. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { stopChild } from './child.ts';

export interface Program {
  /** For people, such as `PostgreSQL 18`. */
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** All that it says is appended here. */
  readonly log: string;
  /** Another user than this process's own. */
  readonly as?: { readonly uid?: number; readonly gid?: number };
}

/** A database server that listens on 127.0.0.1, as its clients know it. */
export interface LocalServer {
  /** As its certificate has it. */
  readonly host: string;
  readonly port: number;
  /** May everything. */
  readonly user: string;
  readonly password: string;
  /** The authority that signed the server's certificate; empty without TLS. */
  readonly caPem: string;
  readonly log: string;
  readonly pid: number;
}

const PATIENCE_MS = 60_000;
const PAUSE_MS = 50;

/**
 * Starts it and asks again and again until `answers` resolves. The caller ends it, by `stopChild`.
 *
 * @throws Error with the end of its log if it ended, or did not answer within 60 s; it does not run any more then.
 */
export async function startServing(program: Program, answers: () => Promise<unknown>): Promise<ChildProcess> {
  const { title, command, args, env, cwd, log, as = {} } = program;
  const out = openSync(log, 'a');
  // Not in the terminal's process group: Ctrl-C must not reach it before its owner has decided.
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', out, out], detached: true, ...as });
  closeSync(out);
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await answers();
      return child;
    } catch (error) {
      if (failure || child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
        await stopChild(child, 'SIGKILL', 1);
        const said = (await readFile(log, 'utf8').catch(() => '')).slice(-2_000);
        throw new Error(`${title} did not start: ${String(failure ?? error)}\n${said}`, { cause: error });
      }
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  }
}
