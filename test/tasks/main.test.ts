import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TASK_ENV } from '../../core/environment.ts';
import { probeJobSchema, writeJob } from '../../core/job.ts';
import { dumpJob } from './support.ts';

const { target, id } = dumpJob();
const JOB = writeJob(probeJobSchema.parse({ kind: 'probe', id, target, idleMinutes: 30 }));
const MAIN = fileURLToPath(new URL('../../tasks/main.ts', import.meta.url));

/** Stands for DynamoDB, Secrets Manager (which never answers) and ECS's metadata. */
let server: Server;
let words: string[];
beforeEach(async () => {
  words = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      if (request.url === '/metadata/task') response.end('{"TaskARN":"arn:aws:ecs:task/example"}');
      else if (String(request.headers['x-amz-target']).endsWith('.PutItem')) {
        words.push(body);
        response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}');
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function startTask(more: Record<string, string> = {}) {
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      AWS_ENDPOINT_URL: endpoint,
      ECS_CONTAINER_METADATA_URI_V4: `${endpoint}/metadata`,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'example',
      AWS_SECRET_ACCESS_KEY: 'example',
      [TASK_ENV.catalog]: 'catalog',
      [TASK_ENV.vault]: 'vault',
      [TASK_ENV.attempt]: '1',
      [TASK_ENV.job]: JOB,
      ...more,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const done = once(child, 'exit').then(([status]) => ({ status: status as number | null, output }));
  return { child, done };
}

describe('the task', () => {
  it('that gets SIGTERM writes TASK_STOPPED with its ARN and ends by itself', async () => {
    const { child, done } = startTask();
    while (words.length === 0) await new Promise((tick) => setTimeout(tick, 50));
    child.kill('SIGTERM');
    expect((await done).status).toBe(1);
    expect(words.at(-1)).toContain('TASK_STOPPED');
    expect(words.at(-1)).toContain('arn:aws:ecs:task/example');
    expect(words.at(-1)).toContain('"failed"');
  });

  it('writes UNEXPECTED for an error that nobody caught', async () => {
    const before = words.length;
    const told = 'data:text/javascript,process.once("SIGUSR2", () => { throw new Error("out of the blue") })';
    const { child, done } = startTask({
      NODE_OPTIONS: `--import "${told.replaceAll(' ', '%20').replaceAll('"', '%22')}"`,
    });
    while (words.length === before) await new Promise((tick) => setTimeout(tick, 50));
    child.kill('SIGUSR2');
    const { status, output } = await done;
    expect(status, output).toBe(1);
    expect(words.at(-1)).toContain('UNEXPECTED');
    expect(words.at(-1)).toContain('out of the blue');
  });

  it('without a job that can be read says so by its exit status', async () => {
    const { status, output } = await startTask({ [TASK_ENV.job]: '{"kind":"nothing"}' }).done;
    expect(status).toBe(2);
    expect(output).toContain('INPUT_INVALID');
    expect(words).toEqual([]);
  });
});
