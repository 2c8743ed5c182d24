/** The way to one MongoDB deployment: sessions through the driver, and the same login and TLS for the tools. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient, type Db, type Document } from 'mongodb';
import { NightjarError } from '../../../core/errors.ts';
import type { EngineContext, Login } from '../../engine.ts';
import { toolEnvironment } from '../../processes.ts';
import { codeOf, isTls, sessionError } from './errors.ts';
import { tlsOf } from './tls.ts';

export type MongodbContext = EngineContext<'mongodb'>;

/** As long as a replica set takes to choose another primary. */
const CONNECT_MS = 15_000;
/** A server without TLS just hangs up; whether it has some is found out sooner. */
const TRY_TLS_MS = 5_000;
/** CommandNotFound: `hello` is there from 4.4.2 on. */
const UNKNOWN_COMMAND = 59;

/** `sharded`: behind mongos. */
export type Topology = 'standalone' | 'replicaSet' | 'sharded';

export interface Server {
  readonly context: MongodbContext;
  /** Such as `7.0.12`. */
  readonly version: string;
  readonly major: number;
  readonly topology: Topology;
  /** Of the replica set, where there is one. */
  readonly setName: string | undefined;
  /** What the server takes for now. */
  readonly clock: Date | undefined;
  readonly tlsVerified: boolean;
  readonly encrypted: boolean;
  readonly username: string;
  database(name: string): Db;
  /** Whatever it does with the driver, in the registry's words. @throws NightjarError. */
  ask<T>(operation: string, work: () => Promise<T>): Promise<T>;
  /** Of the tools: all that they need to come in. */
  readonly configFile: string;
  /** A tool's whole environment. */
  environment(): Record<string, string>;
  /** Ends every session. Never throws. */
  close(): Promise<void>;
}

/** Connects and learns who the server is. `lasting`: an abort of the context ends nothing. @throws CONNECT_FAILED, …. */
export async function reachServer(context: MongodbContext, { lasting = false } = {}): Promise<Server> {
  const { target, scratch, env, signal } = context;
  signal.throwIfAborted();
  const tls = await tlsOf(context);
  const appName = `nightjar-${randomBytes(4).toString('hex')}`;
  let encrypted = true;
  let login = await context.login();

  const uri = (): string => uriOf(target, login, { appName, ...(encrypted ? tls.options : { tls: 'false' }) });
  const attempt = async (): Promise<MongoClient> => {
    const client = new MongoClient(uri(), {
      serverSelectionTimeoutMS: tls.verified || !encrypted ? CONNECT_MS : TRY_TLS_MS,
      connectTimeoutMS: CONNECT_MS,
      maxPoolSize: 8,
      // What fails is to be heard, not tried again behind our back.
      retryWrites: false,
    });
    try {
      return await Promise.race([client.connect(), refusedByTls(client)]);
    } catch (thrown) {
      await client.close().catch(() => undefined);
      throw sessionError(thrown, 'connect', { connecting: true });
    }
  };
  let client: MongoClient;
  try {
    client = await attempt();
  } catch (thrown) {
    signal.throwIfAborted();
    const code = thrown instanceof NightjarError ? thrown.code : undefined;
    if (code === 'AUTH_FAILED') login = await context.login();
    else if (!tls.verified && (code === 'TLS_FAILED' || code === 'CONNECT_FAILED')) encrypted = false;
    else throw thrown;
    client = await attempt();
  }

  const onAbort = (): void => void client.close(true).catch(() => undefined);
  if (!lasting) signal.addEventListener('abort', onAbort, { once: true });
  const ask = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    if (!lasting) signal.throwIfAborted();
    try {
      return await work();
    } catch (thrown) {
      if (!lasting) signal.throwIfAborted();
      throw sessionError(thrown, operation);
    }
  };
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', onAbort);
    await client.close().catch(() => undefined);
  };

  try {
    const hello = await ask('hello', () => helloOf(client.db('admin')));
    const build = await ask('buildInfo', () => client.db('admin').command({ buildInfo: 1 }));
    const version = String(build.version);
    const configFile = join(scratch, `tools-${appName}.yaml`);
    await writeFile(configFile, `uri: ${JSON.stringify(uri())}\n`, { mode: 0o600 });
    return {
      context,
      version,
      major: Number.parseInt(version, 10),
      topology: topologyOf(hello),
      setName: typeof hello.setName === 'string' ? hello.setName : undefined,
      clock: hello.localTime instanceof Date ? hello.localTime : undefined,
      tlsVerified: tls.verified,
      encrypted,
      username: login.username,
      database: (name) => client.db(name),
      ask,
      configFile,
      environment: () => toolEnvironment(env, scratch),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Does it with a connection that ends with it. */
export async function within<T>(context: MongodbContext, work: (server: Server) => Promise<T>): Promise<T> {
  const server = await reachServer(context);
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

/** Rejects as soon as a certificate is refused: the driver would try that again and again. Never resolves. */
const refusedByTls = (client: MongoClient): Promise<never> =>
  new Promise((_resolve, reject) => {
    client.on('serverHeartbeatFailed', ({ failure }) => {
      if (isTls(failure)) reject(failure);
    });
  });

/** A minute is enough to put things in order after an abort. */
const LAST_MS = 60_000;

/** The same with a connection that an abort does not end: what is begun is brought to an end. */
export async function steadily<T>(context: MongodbContext, work: (server: Server) => Promise<T>): Promise<T> {
  const { signal } = context;
  const server = await reachServer(signal.aborted ? { ...context, signal: AbortSignal.timeout(LAST_MS) } : context, {
    lasting: true,
  });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

async function helloOf(admin: Db): Promise<Document> {
  try {
    return await admin.command({ hello: 1 });
  } catch (thrown) {
    if (codeOf(thrown) !== UNKNOWN_COMMAND) throw thrown;
    return admin.command({ isMaster: 1 });
  }
}

/** Source: MongoDB manual, `hello`: mongos says `isdbgrid`, members of a set its name. */
export function topologyOf(hello: Document): Topology {
  if (hello.msg === 'isdbgrid') return 'sharded';
  return typeof hello.setName === 'string' ? 'replicaSet' : 'standalone';
}

type Where = Pick<MongodbContext['target'], 'host' | 'port' | 'srv' | 'authDatabase' | 'replicaSet'>;

/** For the driver and the tools alike; `more`: further options, as they are named there. */
export function uriOf(
  { host, port, srv, authDatabase, replicaSet }: Where,
  { username, password }: Login,
  more: Readonly<Record<string, string>>,
): string {
  const options = {
    authSource: authDatabase,
    ...(replicaSet === undefined ? {} : { replicaSet }),
    // One host is meant as it is named: what else a replica set has may not be reachable from here.
    ...(srv || replicaSet !== undefined ? {} : { directConnection: 'true' }),
    ...more,
  };
  const words = Object.entries(options).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const who = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
  return `${srv ? 'mongodb+srv' : 'mongodb'}://${who}@${srv ? host : `${bracketed(host)}:${port}`}/?${words.join('&')}`;
}
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
