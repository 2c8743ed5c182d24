/** A directory of databases with the engine's bench, and sessions and writers that misbehave. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { duckdb } from '../../../tasks/engines/duckdb.ts';
import { SESSION_ENV } from '../../../tasks/engines/duckdb/session.ts';
import { benchOf, type Bench } from '../../contracts/engine-bench.ts';
import { startFiles, type DuckdbServer, type Fields } from './harness.ts';

const REPO = new URL('../../../', import.meta.url).pathname;
const SESSION = join(REPO, 'tasks/engines/duckdb/duckdb-session.mjs');

export interface Room {
  readonly server: DuckdbServer;
  readonly bench: Bench<'duckdb'>;
  file(name: string): string;
}

export async function room(fields: Fields = {}, more: Partial<DuckdbServer> = {}): Promise<Room> {
  const server = { ...(await startFiles(fields)), ...more };
  const bench = await benchOf({ title: '', engine: duckdb, start: async () => Promise.resolve(server) });
  return { server, bench, file: (name) => join(server.directory, name) };
}
export const leave = async ({ server, bench }: Room): Promise<void> => {
  await server.stop();
  await rm(bench.scratch, { recursive: true, force: true });
};

/** The engine's session, in which this expression of JavaScript over `sql`, a statement, is run instead of it. */
export async function brokenSession({ server }: Room, expression: string): Promise<Record<string, string>> {
  const directory = join(dirname(server.directory), 'broken');
  await mkdir(directory, { recursive: true });
  await symlink(join(REPO, 'node_modules'), join(directory, 'node_modules')).catch(() => undefined);
  const text = await readFile(SESSION, 'utf8');
  const asked = 'JSON.parse(request).sql';
  if (text.split(asked).length !== 2) throw new Error('The session has changed.');
  const script = join(directory, `${randomUUID()}.mjs`);
  await writeFile(script, text.replace(asked, `((sql) => ${expression})(${asked})`));
  return { ...server.env, [SESSION_ENV]: script };
}
/** One that is killed before such a statement. */
export const killedAt = (here: Room, words: string): Promise<Record<string, string>> =>
  brokenSession(here, `sql.includes(${JSON.stringify(words)}) ? process.kill(process.pid, 'SIGKILL') : sql`);

const writing = (file: string, statements: readonly string[], then: string): string => `
  const { DuckDBInstance } = require('@duckdb/node-api');
  (async () => {
    const connection = await (await DuckDBInstance.create(${JSON.stringify(file)})).connect();
    for (const statement of ${JSON.stringify(statements)}) await connection.run(statement);
    ${then}
  })();`;

/** A process that writes and is killed before its checkpoint: leaves a `.wal`. */
export function crashedWriter(file: string, statements: readonly string[]): void {
  const script = writing(file, statements, "process.kill(process.pid, 'SIGKILL');");
  const { signal, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: REPO, encoding: 'utf8' });
  if (signal !== 'SIGKILL') throw new Error(stderr);
}

/** A process that has the file open for writing until it is ended. */
export async function writer(
  file: string,
  statements: readonly string[] = [],
): Promise<{ pid: number; end(): Promise<void> }> {
  const script = writing(file, statements, "console.log('open'); setInterval(() => undefined, 1000);");
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    cwd: REPO,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return {
    pid: child.pid!,
    async end() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
