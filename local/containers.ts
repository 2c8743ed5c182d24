import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { rm } from 'node:fs/promises';
import { startCredentialsEndpoint, type CredentialsEndpoint } from './task-credentials.ts';
import { mountsFor } from './mounts.ts';
import { TaskProcess, type Stream } from './task-process.ts';
import type { STSClientConfig } from '@aws-sdk/client-sts';

/** One container ECS has asked for, also after it has ended. */
export interface TaskContainer {
  id: string;
  taskArn: string;
  /** `family:revision` of the task definition. */
  definition: string;
  /** The container's name in the task definition. */
  name: string;
  image: string;
  status: 'created' | 'running' | 'exited';
  /** Only while it runs. */
  pid?: number;
  /** Only once it has ended. */
  exitCode?: number;
  env: Readonly<Record<string, string>>;
  /** Both streams, as far as they are kept (4 MiB). */
  output: string;
}

export interface ContainersOptions {
  /** Path of the unix socket to listen on. */
  socket: string;
  /** Where the AWS API answers. */
  endpoint: string;
  region: string;
  /** How the runner itself reaches STS, as one who may assume the task roles. */
  sts: STSClientConfig;
  /** File that stands for every image's entry point. */
  bundle: string;
  /** What the image's ENV says. */
  imageEnv: Readonly<Record<string, string>>;
  /** Holds what tasks see through an access point of EFS, as `<access point>/`. */
  fileSystems: string;
  /** Trusted by every AWS client in the task. */
  caFile?: string;
  /** After how many seconds a task's credentials say they expire (3600). */
  credentialSeconds?: number;
}

export interface Containers {
  /** The Docker host URL of the socket. */
  readonly host: string;
  /** Given to every task started from now on, over all else: for a test's faults. */
  readonly env: Record<string, string>;
  readonly credentials: CredentialsEndpoint;
  /** Every container asked for, oldest first. */
  list(): TaskContainer[];
  /** Sends a signal to every process of the running containers of one task, or to the one with this pid; returns how many. */
  kill(task: string | number, signal?: NodeJS.Signals): number;
  /** Makes every start fail with this message until called with nothing. */
  refuse(reason?: string): void;
  /** Ends all tasks and stops listening. */
  stop(): Promise<void>;
}

interface Container {
  id: string;
  name: string;
  image: string;
  labels: Record<string, string>;
  given: Record<string, string>;
  env: Record<string, string>;
  command: string[];
  created: string;
  process: TaskProcess;
  removed: boolean;
}

/** What the client asked for cannot be answered. */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const NEVER = '0001-01-01T00:00:00Z';
const LABEL = {
  task: 'com.amazonaws.ecs.task-arn',
  container: 'com.amazonaws.ecs.container-name',
  family: 'com.amazonaws.ecs.task-definition-family',
  revision: 'com.amazonaws.ecs.task-definition-version',
  role: 'nightjar.task-role',
  mounts: 'nightjar.mounts',
} as const;

const iso = (seconds?: number) => (seconds === undefined ? NEVER : new Date(seconds * 1000).toISOString());

function statusOf({ process }: Container): TaskContainer['status'] {
  if (process.exitCode !== undefined) return 'exited';
  return process.startedAt === undefined ? 'created' : 'running';
}

/** Docker's multiplexed stream: a stream number and a length before each piece. */
function frame(stream: Stream, bytes: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

function inspect(c: Container) {
  const status = statusOf(c);
  return {
    Id: c.id,
    Name: `/${c.name}`,
    Created: c.created,
    Image: `sha256:${'0'.repeat(64)}`,
    Path: c.command[0] ?? '',
    Args: c.command.slice(1),
    State: {
      Status: status,
      Running: status === 'running',
      ExitCode: c.process.exitCode ?? 0,
      Pid: c.process.pid ?? 0,
      StartedAt: iso(c.process.startedAt),
      FinishedAt: iso(c.process.endedAt),
      Error: '',
    },
    Config: { Image: c.image, Labels: c.labels, Tty: false, Env: [] },
    HostConfig: { LogConfig: { Type: 'json-file' } },
    NetworkSettings: { Networks: {}, Ports: {} },
    Mounts: [],
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/**
 * Answers the few Docker Engine calls that the emulator's ECS makes, with each container a process of this machine:
 * the task's bundle under Node, its environment what ECS gave, what Fargate adds, and what the image sets.
 */
export async function startContainers(options: ContainersOptions): Promise<Containers> {
  const credentials = await startCredentialsEndpoint(options.sts, options.credentialSeconds);
  const containers: Container[] = [];
  const extra: Record<string, string> = {};
  let refusal: string | undefined;

  /** Fargate's part of the environment. */
  function environment(c: Container): Record<string, string> {
    const fargate: Record<string, string> = {
      AWS_REGION: options.region,
      AWS_DEFAULT_REGION: options.region,
      AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE',
      AWS_ENDPOINT_URL: options.endpoint,
      // The emulator writes addresses for containers with a network of their own, without TLS.
      ECS_CONTAINER_METADATA_URI_V4: (c.given.ECS_CONTAINER_METADATA_URI_V4 ?? '').replace(
        /^https?:\/\/[^/]+/,
        options.endpoint,
      ),
      ...(options.caFile ? { NODE_EXTRA_CA_CERTS: options.caFile, AWS_CA_BUNDLE: options.caFile } : {}),
    };
    const given = Object.fromEntries(Object.entries(c.given).filter(([name]) => !name.startsWith('AWS_CONTAINER_')));
    const role = c.labels[LABEL.role];
    if (role) {
      const token = randomBytes(24).toString('base64url');
      const session = (c.labels[LABEL.task] ?? c.id).split('/').pop()?.slice(0, 64) ?? 'task';
      fargate.AWS_CONTAINER_CREDENTIALS_FULL_URI = credentials.register({ id: c.id, token, roleArn: role, session });
      fargate.AWS_CONTAINER_AUTHORIZATION_TOKEN = token;
    }
    return { ...options.imageEnv, ...given, ...fargate, ...extra };
  }

  function create(
    name: string,
    request: { Image: string; Cmd?: string[]; Entrypoint?: string[]; Env?: string[]; Labels?: Record<string, string> },
  ): Container {
    if (refusal) throw new Refused(500, refusal);
    const given = Object.fromEntries(
      (request.Env ?? []).map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    );
    const container: Container = {
      id: randomBytes(32).toString('hex'),
      name,
      image: request.Image,
      labels: request.Labels ?? {},
      given,
      env: {},
      // The image's entry point runs with the task definition's command as its arguments.
      command: [process.execPath, options.bundle, ...(request.Cmd ?? [])],
      created: new Date().toISOString(),
      process: new TaskProcess(),
      removed: false,
    };
    containers.push(container);
    return container;
  }

  async function start(c: Container): Promise<void> {
    c.env = environment(c);
    const mounts = await mountsFor(c.labels[LABEL.mounts], options.fileSystems);
    await c.process.start({ command: c.command, env: c.env, mounts });
    void c.process.end().then(() => credentials.forget(c.id));
  }

  function find(key: string): Container {
    const found = containers.find(
      (c) => !c.removed && (c.id === key || c.name === key || (key.length >= 12 && c.id.startsWith(key))),
    );
    if (!found) throw new Refused(404, `No such container: ${key}`);
    return found;
  }

  function logs(c: Container, query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/vnd.docker.multiplexed-stream' });
    const tail = Number(query.get('tail') ?? NaN);
    const kept = Number.isInteger(tail) ? c.process.output.slice(-tail) : c.process.output;
    kept.forEach(({ stream, bytes }) => response.write(frame(stream, bytes)));
    if (!['1', 'true', 'True'].includes(query.get('follow') ?? '') || c.process.exitCode !== undefined)
      return void response.end();
    response.flushHeaders();
    const quiet = c.process.listen((stream, bytes) => response.write(frame(stream, bytes)));
    response.once('close', quiet);
    void c.process.end().then(() => response.end());
  }

  function listed(query: URLSearchParams) {
    const all = ['1', 'true', 'True'].includes(query.get('all') ?? '');
    const filters = JSON.parse(query.get('filters') ?? '{}') as { label?: string[] };
    const wanted = (filters.label ?? []).map((entry) => entry.split('=', 2));
    return containers
      .filter((c) => !c.removed && (all || statusOf(c) === 'running'))
      .filter((c) =>
        wanted.every(
          ([key, value]) => key !== undefined && key in c.labels && (value === undefined || c.labels[key] === value),
        ),
      )
      .map((c) => ({
        Id: c.id,
        Names: [`/${c.name}`],
        Image: c.image,
        Labels: c.labels,
        State: statusOf(c),
        Status: statusOf(c),
        NetworkSettings: { Networks: {} },
      }));
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://runner');
    const path = url.pathname.replace(/^\/v1\.\d+/, '');
    const body = await bodyOf(request);
    const send = (status: number, document?: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'api-version': '1.47' });
      response.end(document === undefined ? undefined : JSON.stringify(document));
    };
    const call = `${request.method} ${path}`;

    if (path === '/_ping') return send(200, {});
    if (path === '/version')
      return send(200, { Version: '27.0', ApiVersion: '1.47', MinAPIVersion: '1.24', Os: 'linux', Arch: 'amd64' });
    if (path === '/info') return send(200, { ID: 'nightjar', OSType: 'linux', Architecture: 'x86_64' });
    if (call === 'GET /containers/json') return send(200, listed(url.searchParams));
    if (call === 'POST /containers/create') {
      const name = url.searchParams.get('name') ?? randomBytes(8).toString('hex');
      return send(201, { Id: create(name, JSON.parse(body) as Parameters<typeof create>[1]).id, Warnings: [] });
    }
    // Every image is the bundle, so there is nothing to pull.
    if (call === 'POST /images/create') return send(200, { status: 'ok' });
    const image = /^\/images\/(.+)\/json$/.exec(path);
    if (image?.[1]) return send(200, { Id: `sha256:${'0'.repeat(64)}`, RepoTags: [decodeURIComponent(image[1])] });

    const [, key, action] = /^\/containers\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (key === undefined) throw new Refused(404, `page not found: ${call}`);
    const c = find(key);
    if (request.method === 'DELETE') {
      await c.process.stop(1);
      c.removed = true;
      return send(204);
    }
    switch (action) {
      case 'json':
        return send(200, inspect(c));
      case 'logs':
        return logs(c, url.searchParams, response);
      case 'start':
        await start(c);
        return send(204);
      case 'stop':
        await c.process.stop(Number(url.searchParams.get('t') ?? 10));
        return send(204);
      case 'kill':
        c.process.kill('SIGKILL');
        return send(204);
      case 'wait':
        await c.process.end();
        return send(200, { StatusCode: c.process.exitCode, Error: null });
      default:
        throw new Refused(404, `page not found: ${call}`);
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy();
      response.writeHead(error instanceof Refused ? error.status : 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: error instanceof Error ? error.message : String(error) }));
    });
  });
  await rm(options.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, resolve);
  });

  return {
    host: `unix://${options.socket}`,
    env: extra,
    credentials,
    list: () =>
      containers.map((c) => ({
        id: c.id,
        taskArn: c.labels[LABEL.task] ?? '',
        definition: `${c.labels[LABEL.family] ?? ''}:${c.labels[LABEL.revision] ?? ''}`,
        name: c.labels[LABEL.container] ?? '',
        image: c.image,
        status: statusOf(c),
        pid: c.process.pid,
        exitCode: c.process.exitCode,
        env: c.env,
        output: Buffer.concat(c.process.output.map(({ bytes }) => bytes)).toString(),
      })),
    kill(task, name = 'SIGKILL') {
      const hit = containers.filter(
        (c) =>
          statusOf(c) === 'running' &&
          (typeof task === 'number' ? c.process.pid === task : c.labels[LABEL.task] === task),
      );
      hit.forEach((c) => c.process.kill(name));
      return hit.length;
    },
    refuse(reason) {
      refusal = reason;
    },
    async stop() {
      await Promise.all(containers.map((c) => c.process.stop(5)));
      await credentials.stop();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(options.socket, { force: true });
    },
  };
}
