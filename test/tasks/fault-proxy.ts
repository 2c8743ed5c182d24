/** Stands between an S3 client and an S3 server and does to chosen requests what networks and services do. */
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as forwardTls } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly operation: 'Create' | 'Part' | 'Complete' | 'Abort' | 'Put' | 'Get' | 'other';
  /** How often this operation was asked for before, over all keys. */
  readonly before: number;
}

export type Fault =
  /** Answered without asking the server. */
  | { readonly status: number; readonly code: string }
  /** The connection breaks after some of the request was read. */
  | 'drop'
  /** The server does it, and its answer is lost. */
  | 'lose answer'
  /** The answer breaks off after so many bytes of its body. */
  | { readonly cutAfter: number };

export interface FaultProxy {
  readonly endpoint: string;
  /** Everything asked for so far. */
  readonly asked: Asked[];
  /** Decides over each request; undefined lets it pass. */
  fault: (asked: Asked) => Fault | undefined;
  stop(): Promise<void>;
}

function operationOf(method: string, url: URL): Asked['operation'] {
  const has = (name: string): boolean => url.searchParams.has(name);
  if (method === 'POST' && has('uploads')) return 'Create';
  if (method === 'PUT' && has('partNumber')) return 'Part';
  if (method === 'POST' && has('uploadId')) return 'Complete';
  if (method === 'DELETE' && has('uploadId')) return 'Abort';
  if (method === 'PUT') return 'Put';
  return method === 'GET' ? 'Get' : 'other';
}

export async function startFaultProxy(target: string, ca?: string): Promise<FaultProxy> {
  const agent = ca === undefined ? undefined : new Agent({ ca, keepAlive: true });
  const send = target.startsWith('https:') ? forwardTls : forward;
  const proxy = { asked: [] as Asked[], fault: ((): Fault | undefined => undefined) as FaultProxy['fault'] };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', target);
    const operation = operationOf(request.method ?? '', url);
    const before = proxy.asked.filter((one) => one.operation === operation).length;
    const asked: Asked = { method: request.method ?? '', url: request.url ?? '/', operation, before };
    proxy.asked.push(asked);
    const fault = proxy.fault(asked);
    if (fault === 'drop') {
      request.once('data', () => request.socket.destroy());
      request.once('end', () => request.socket.destroy());
    } else if (typeof fault === 'object' && 'status' in fault) {
      refuse(request, response, fault);
    } else {
      const onward = send(url, { method: asked.method, headers: request.headers, agent }, (answer) => {
        if (fault === 'lose answer') {
          answer.resume();
          answer.on('end', () => request.socket.destroy());
          return;
        }
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        if (fault) cut(answer, response, fault.cutAfter);
        else answer.pipe(response);
      });
      onward.on('error', () => request.socket.destroy());
      request.on('error', () => onward.destroy());
      request.pipe(onward);
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return Object.assign(proxy, {
    endpoint: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise<void>((stopped) => {
        agent?.destroy();
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  });
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, code }: { status: number; code: string },
) {
  request.resume();
  request.on('end', () => {
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>Made up.</Message></Error>`);
  });
}

function cut(answer: IncomingMessage, response: ServerResponse, after: number): void {
  let left = after;
  answer.on('data', (bytes: Buffer) => {
    if (left <= 0) return;
    response.write(bytes.subarray(0, left), () => {
      if (left <= 0) response.destroy();
    });
    left -= bytes.length;
  });
  answer.on('end', () => response.destroy());
}
