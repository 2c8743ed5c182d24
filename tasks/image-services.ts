/** Secrets Manager and DynamoDB as far as the image's test needs them, on loopback. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dumpTargetSchema } from '../core/config.ts';
import { TASK_ENV } from '../core/environment.ts';
import { writeJob, type Progress } from '../core/job.ts';

/** Takes the progress of a probe of this target as DynamoDB does, and answers for Secrets Manager as it is told. */
export async function pretendServices(secrets: 'missing' | 'silent', target: object) {
  const words: Progress[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      const call = String(request.headers['x-amz-target']);
      if (call.endsWith('.PutItem')) {
        words.push(plainItem((JSON.parse(body) as { Item: Item }).Item) as Progress);
        response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}');
      } else if (secrets === 'missing') {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
        response.end(JSON.stringify({ __type: 'ResourceNotFoundException', message: 'There is no such secret.' }));
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'example',
    AWS_SECRET_ACCESS_KEY: 'example',
    [TASK_ENV.catalog]: 'catalog',
    [TASK_ENV.vault]: 'vault',
    [TASK_ENV.attempt]: '1',
    [TASK_ENV.job]: writeJob({
      kind: 'probe',
      id: '01KDVHM5G00000000000000003',
      idleMinutes: 5,
      target: dumpTargetSchema.parse(target),
    }),
  };
  const options = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { words, options, close };
}

interface Value {
  readonly S?: string;
  readonly N?: string;
  readonly M?: Item;
  readonly L?: readonly Value[];
}
type Item = Readonly<Record<string, Value>>;
const plain = ({ S, N, M, L }: Value): unknown => S ?? (M ? plainItem(M) : L ? L.map(plain) : Number(N));
const plainItem = (item: Item): unknown =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)]));
