/** The few calls of the Docker Engine that the emulator's ECS makes, answered over HTTP. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { statusOf, type Container } from './container.ts';
import type { Stream } from './task-process.ts';

/** As far as ECS fills it in. */
export interface CreateRequest {
  readonly Image: string;
  readonly Cmd?: string[];
  readonly Entrypoint?: string[];
  readonly Env?: string[];
  readonly Labels?: Record<string, string>;
}

/** What runs the containers. */
export interface Runner {
  /** Oldest first, the removed ones too. */
  readonly containers: readonly Container[];
  /** @throws Refused. */
  create(name: string, request: CreateRequest): Container;
  start(container: Container): Promise<void>;
}

/** What the client asked for cannot be answered. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const NEVER = '0001-01-01T00:00:00Z';
const iso = (seconds?: number) => (seconds === undefined ? NEVER : new Date(seconds * 1000).toISOString());

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

function find(containers: readonly Container[], key: string): Container {
  const found = containers.find(
    (c) => !c.removed && (c.id === key || c.name === key || (key.length >= 12 && c.id.startsWith(key))),
  );
  if (!found) throw new Refused(404, `No such container: ${key}`);
  return found;
}

function listed(containers: readonly Container[], query: URLSearchParams) {
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

async function answer(runner: Runner, request: IncomingMessage, response: ServerResponse): Promise<void> {
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
  if (call === 'GET /containers/json') return send(200, listed(runner.containers, url.searchParams));
  if (call === 'POST /containers/create') {
    const name = url.searchParams.get('name') ?? randomBytes(8).toString('hex');
    return send(201, { Id: runner.create(name, JSON.parse(body) as CreateRequest).id, Warnings: [] });
  }
  // Every image is the bundle, so there is nothing to pull.
  if (call === 'POST /images/create') return send(200, { status: 'ok' });
  const image = /^\/images\/(.+)\/json$/.exec(path);
  if (image?.[1]) return send(200, { Id: `sha256:${'0'.repeat(64)}`, RepoTags: [decodeURIComponent(image[1])] });

  const [, key, action] = /^\/containers\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
  if (key === undefined) throw new Refused(404, `page not found: ${call}`);
  const c = find(runner.containers, key);
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
      await runner.start(c);
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

/** Does not listen yet. */
export const dockerServer = (runner: Runner): Server =>
  createServer((request, response) => {
    answer(runner, request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy();
      response.writeHead(error instanceof Refused ? error.status : 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: error instanceof Error ? error.message : String(error) }));
    });
  });
