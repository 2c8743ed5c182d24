import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { makeCertificate } from './certificates.ts';
import { stopChild } from './child.ts';
import { freePort } from './free-port.ts';
import { TOOLS } from './paths.ts';
import { startServing, type LocalServer } from './serving.ts';

/** Holds `bin/mongodump` and `bin/mongorestore`. */
export const MONGO_TOOLS = join(TOOLS, 'mongo');

export interface Mongodb extends LocalServer {
  /** A client of that user's, connected; the caller closes it. */
  connect(): Promise<MongoClient>;
  /** Starts it again after kill, on the same port, with nothing in it: it keeps all in memory. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends the server at once, as a crash does. */
  kill(): Promise<void>;
}

/**
 * Starts a server that speaks MongoDB's wire (mongo-java-server with `mongodb/Server.java` around it) on 127.0.0.1.
 * `replicaSet`: it has an oplog, and is the only member of the set of this name.
 *
 * @throws Error with the server's log if it does not accept connections within 60 s.
 */
export async function startMongodb({
  tls = true,
  heapMiB = 1024,
  replicaSet = undefined as string | undefined,
} = {}): Promise<Mongodb> {
  const server = join(MONGO_TOOLS, 'server');
  await stat(join(server, 'Server.class')).catch(() => {
    throw new Error('MongoDB’s stand-in is not installed: node local/bootstrap.mjs --tools all');
  });
  const base = await mkdtemp(join(tmpdir(), 'nightjar-mongodb-'));
  const certificate = tls ? await makeCertificate(join(base, 'tls')) : undefined;
  const [user, password] = ['admin', randomBytes(24).toString('base64url')];
  const port = await freePort();
  const log = join(base, 'server.log');
  let child: ChildProcess | undefined;

  const connect = (): Promise<MongoClient> =>
    new MongoClient(`mongodb://localhost:${port}/`, {
      auth: { username: user, password },
      authSource: 'admin',
      directConnection: true,
      serverSelectionTimeoutMS: 5_000,
      ...(certificate ? { tls: true, ca: certificate.caPem } : {}),
    }).connect();

  async function start(): Promise<void> {
    const files = certificate ? [certificate.certFile, certificate.keyFile] : [];
    child = await startServing(
      {
        title: 'MongoDB’s stand-in',
        command: 'java',
        args: [`-Xmx${heapMiB}m`, '-cp', `${server}:${join(server, '*')}`, 'Server', String(port), user, ...files],
        cwd: base,
        env: {
          PATH: process.env.PATH ?? '/usr/bin:/bin',
          NIGHTJAR_MONGO_PASSWORD: password,
          ...(replicaSet === undefined ? {} : { NIGHTJAR_MONGO_SET: replicaSet }),
        },
        log,
      },
      async () => {
        const said = await readFile(log, 'utf8');
        // A client that is refused waits for seconds.
        if (!said.trimEnd().endsWith('ready')) throw new Error('not ready');
        await (await connect()).close();
      },
    );
  }

  const stop = async (): Promise<void> => {
    if (child) await stopChild(child, 'SIGTERM', 10);
    await rm(base, { recursive: true, force: true, maxRetries: 5 });
  };
  await start().catch(async (failure: unknown) => {
    await stop();
    throw failure;
  });
  return {
    host: 'localhost',
    port,
    user,
    password,
    caPem: certificate?.caPem ?? '',
    log,
    get pid() {
      return child?.pid ?? 0;
    },
    connect,
    start,
    stop,
    async kill() {
      if (child) await stopChild(child, 'SIGKILL', 1);
    },
  };
}

/** A server that somebody else started, `mongodb://user:password@host:port/`; without TLS, or with one that nobody verifies. */
export function outsideMongodb(uri: string): Mongodb {
  const { hostname, port, username, password } = new URL(uri);
  const nothing = async (): Promise<void> => Promise.resolve();
  return {
    host: hostname,
    port: Number(port || 27_017),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    caPem: '',
    log: '',
    pid: 0,
    connect: () => new MongoClient(uri, { directConnection: true }).connect(),
    start: nothing,
    stop: nothing,
    kill: nothing,
  };
}
