import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { LABEL, statusOf, type Container, type TaskContainer } from './container.ts';
import { dockerServer, Refused, type CreateRequest } from './docker-calls.ts';
import { startCredentialsEndpoint, type CredentialsEndpoint } from './task-credentials.ts';
import { mountsFor } from './mounts.ts';
import { TaskProcess } from './task-process.ts';
import type { STSClientConfig } from '@aws-sdk/client-sts';

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

/**
 * Answers the emulator's ECS as a Docker Engine, with each container a process of this machine:
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

  function create(name: string, request: CreateRequest): Container {
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

  const server = dockerServer({ containers, create, start });
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
