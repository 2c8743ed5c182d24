import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AssumeRoleCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';

export interface TaskIdentity {
  /** Last part of the path the task asks at. */
  id: string;
  /** What the task must send as `Authorization`. */
  token: string;
  roleArn: string;
  session: string;
}

export interface CredentialsEndpoint {
  /** Makes the role's credentials available to one task; returns the address to give it. */
  register(identity: TaskIdentity): string;
  forget(id: string): void;
  /** How many times each task has been handed credentials, by its id. */
  readonly handedOut: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/**
 * The endpoint that Fargate has at 169.254.170.2: temporary credentials of the task's role, new ones whenever the SDK
 * asks again before the old ones run out. Listens on 127.0.0.1.
 *
 * @param sts How to reach STS with a right to assume the roles.
 * @param lifetimeSeconds After how long the credentials say they expire; the SDK asks again five minutes before.
 */
export async function startCredentialsEndpoint(
  sts: STSClientConfig,
  lifetimeSeconds = 3600,
): Promise<CredentialsEndpoint> {
  const client = new STSClient(sts);
  const identities = new Map<string, TaskIdentity>();
  const handedOut = new Map<string, number>();

  async function credentials(identity: TaskIdentity) {
    const { Credentials } = await client.send(
      new AssumeRoleCommand({ RoleArn: identity.roleArn, RoleSessionName: identity.session, DurationSeconds: 3600 }),
    );
    handedOut.set(identity.id, (handedOut.get(identity.id) ?? 0) + 1);
    return {
      RoleArn: identity.roleArn,
      AccessKeyId: Credentials?.AccessKeyId,
      SecretAccessKey: Credentials?.SecretAccessKey,
      Token: Credentials?.SessionToken,
      Expiration: new Date(Date.now() + lifetimeSeconds * 1000).toISOString(),
    };
  }

  const server = createServer((request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const identity = identities.get(request.url?.split('/').pop() ?? '');
    if (!identity) return answer(404, { message: 'no such task' });
    if (request.headers.authorization !== identity.token) return answer(403, { message: 'wrong token' });
    credentials(identity).then(
      (document) => answer(200, document),
      (error: unknown) => answer(500, { message: String(error) }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    handedOut,
    register(identity) {
      identities.set(identity.id, identity);
      return `http://127.0.0.1:${port}/credentials/${identity.id}`;
    },
    forget: (id) => void identities.delete(id),
    stop() {
      client.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
