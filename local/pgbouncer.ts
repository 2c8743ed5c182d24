import { spawn } from 'node:child_process';
import { chmod, chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopChild } from './child.ts';
import { freePort } from './free-port.ts';
import { TOOLS } from './paths.ts';
import type { Postgres } from './postgres.ts';

/** PgBouncer refuses to run as root. */
const NOBODY = 65_534;

export interface Pgbouncer {
  readonly port: number;
  stop(): Promise<void>;
}

/** A pooler without TLS in front of a server, for its superuser, on 127.0.0.1. @throws Error with its log when it does not start in 20 s. */
export async function startPgbouncer(server: Postgres, mode: 'transaction' | 'session'): Promise<Pgbouncer> {
  const work = await mkdtemp(join(tmpdir(), 'nightjar-pgbouncer-'));
  const port = await freePort();
  // Where a parent directory is closed to its user, only a copy can be started.
  await cp(join(TOOLS, 'pgbouncer'), join(work, 'bin'), { recursive: true });
  const users = join(work, 'users.txt');
  const settings = join(work, 'pgbouncer.ini');
  await writeFile(users, `"${server.user}" "${server.password}"\n`);
  await writeFile(
    settings,
    `[databases]\n* = host=127.0.0.1 port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\n` +
      `auth_type = scram-sha-256\nauth_file = ${users}\npool_mode = ${mode}\nserver_tls_sslmode = require\nunix_socket_dir =\n`,
  );
  const asNobody = process.getuid?.() === 0;
  if (asNobody) {
    await chmod(work, 0o711);
    await Promise.all([users, settings].map((file) => chown(file, NOBODY, NOBODY)));
  }
  let log = '';
  const child = spawn(join(work, 'bin', 'pgbouncer'), [settings], {
    cwd: work,
    env: { PATH: '/usr/bin:/bin', LD_LIBRARY_PATH: join(work, 'bin') },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    ...(asNobody ? { uid: NOBODY, gid: NOBODY } : {}),
  });
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const stop = async (): Promise<void> => {
    await stopChild(child, 'SIGTERM', 10);
    await rm(work, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + 20_000; !(await listens(port));) {
    if (child.exitCode === null && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    await stop();
    throw new Error(`PgBouncer did not start:\n${log.slice(-2_000)}`);
  }
  return { port, stop };
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
