/** IAM's access keys, for an S3 that knows one key only: every key that is made is that one. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Keys {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Source: IAM API reference, CreateAccessKey, ListAccessKeys, DeleteAccessKey. */
export async function startKeys({ id, secret }: { id: string; secret: string }): Promise<Keys> {
  const answers: Readonly<Record<string, string>> = {
    CreateAccessKey: `<AccessKey><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey><Status>Active</Status></AccessKey>`,
    ListAccessKeys: '<AccessKeyMetadata/><IsTruncated>false</IsTruncated>',
    DeleteAccessKey: '',
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      const action = new URLSearchParams(body).get('Action') ?? '';
      response.statusCode = action in answers ? 200 : 400;
      response.end(
        `<${action}Response><${action}Result>${answers[action] ?? ''}</${action}Result></${action}Response>`,
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
