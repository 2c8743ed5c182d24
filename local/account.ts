import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AttachUserPolicyCommand, CreateAccessKeyCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { makeCertificate, type Certificate } from './certificates.ts';
import { signal, stopChild } from './child.ts';
import { startContainers, type Containers } from './containers.ts';
import { clientConfigFor, getJson, receivedMails, type ClientConfig, type Mail } from './client.ts';
import { freePort } from './free-port.ts';
import { startMoto } from './moto.ts';
import { IMAGE_ENV, PYTHON, REPO, TASK_BUNDLE } from './paths.ts';

export const ACCOUNT_ID = '123456789012';
export const REGION = 'eu-west-1';

export interface AccountOptions {
  /** Holds the account's state, log and certificate; made if missing. Default: a temporary directory. */
  dir?: string;
  /** Leave the directory in place when the account stops (true if `dir` is given). */
  keep?: boolean;
  /** What runs as every ECS task. Default: `dist/tasks/main.mjs`, see `build-task.ts`. */
  bundle?: string;
  /** What the task image's ENV says. Default: the installed tools of every engine. */
  imageEnv?: Readonly<Record<string, string>>;
  /** Factor on the Wait states and retry intervals of Step Functions (1); tests make them short. */
  waitScale?: number;
  /** After how many seconds a task's credentials say they expire (3600). */
  credentialSeconds?: number;
  /** RDS and Application Auto Scaling answered by moto, which can restore to a moment and rename; off by default. */
  rds?: boolean;
  /** Where every authorized request is written down, one JSON a line; nowhere by default. */
  journal?: string;
}

export interface Account {
  readonly dir: string;
  readonly endpoint: string;
  readonly region: string;
  readonly accountId: string;
  /** Environment of an administrator, for any client or subprocess. */
  readonly env: Readonly<Record<string, string>>;
  /** The administrator again, for clients in this process, which has its trust store already. */
  readonly clientConfig: ClientConfig;
  /** PEM of the authority that signed the endpoint's certificate. */
  readonly caPem: string;
  /** The pid of the emulator. */
  readonly pid: number;
  readonly log: string;
  readonly containers: Containers;
  /** Where RDS answers, of an account that was asked for it. */
  readonly rdsEndpoint?: string;
  /** The mails accepted so far, oldest first. */
  messages(): Promise<Mail[]>;
  stop(): Promise<void>;
}

/** Where the account in this directory has its EFS access points, each a directory of its name. */
export const fileSystemsOf = (dir: string): string => join(dir, 'efs');

/** Waits until the emulator answers. */
async function ready(endpoint: string, agent: Agent, gone: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const status = await getJson(`${endpoint}/_ministack/health`, agent).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    if (gone()) throw new Error('the emulator ended while starting');
    if (Date.now() > deadline) throw new Error('the emulator did not answer within 60 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function makeAdministrator(root: ClientConfig): Promise<ClientConfig['credentials']> {
  const iam = new IAMClient(root);
  const UserName = 'administrator';
  await iam.send(new CreateUserCommand({ UserName })).catch((error: Error) => {
    if (error.name !== 'EntityAlreadyExistsException') throw error;
  });
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  iam.destroy();
  if (!AccessKey?.AccessKeyId || !AccessKey.SecretAccessKey) throw new Error('IAM gave no access key');
  return { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
}

/** The end of a log file, for an error message. */
async function tailOf(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).slice(-3_000);
}

/** Lambdas inherit the emulator's environment, so it gets what it needs and nothing of this shell. */
function emulatorEnv(
  dir: string,
  port: number,
  certificate: Certificate,
  dockerHost: string,
  endpoints: Readonly<Record<string, string>>,
  options: AccountOptions,
): Record<string, string> {
  return {
    PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HOME: join(dir, 'home'),
    TMPDIR: join(dir, 'tmp'),
    LANG: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    NODE_PATH: join(REPO, 'node_modules'),
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    MINISTACK_HOST: '127.0.0.1',
    MINISTACK_ACCOUNT_ID: ACCOUNT_ID,
    MINISTACK_REGION: REGION,
    MINISTACK_SSL_CERT: certificate.certFile,
    MINISTACK_SSL_KEY: certificate.keyFile,
    AUTH: 'true',
    USE_SSL: '1',
    PERSIST_STATE: '1',
    STATE_DIR: join(dir, 'state'),
    S3_PERSIST: '1',
    S3_DATA_DIR: join(dir, 's3'),
    SFN_WAIT_SCALE: String(options.waitScale ?? 1),
    // Nothing but ECS may find a container engine.
    DOCKER_HOST: 'unix:///nonexistent',
    HOSTNAME: 'ministack',
    NIGHTJAR_CONTAINERS: dockerHost,
    ...endpoints,
    ...(options.journal ? { NIGHTJAR_JOURNAL: options.journal } : {}),
  };
}

/**
 * Starts a pretend AWS account on loopback: an emulator with IAM enforced and TLS, whose ECS tasks are processes of
 * this machine. The calling process must stay responsive while tasks run: it is their container runner.
 *
 * @throws Error with the end of the emulator's log if it does not come up within 60 s.
 */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const keep = options.keep ?? options.dir !== undefined;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'nightjar-account-')));
  await Promise.all(['tmp', 'home', 'state', 's3'].map((name) => mkdir(join(dir, name), { recursive: true })));
  // Lambdas are unpacked there and must not be taken for parts of a package that the directory may lie in.
  await writeFile(join(dir, 'tmp', 'package.json'), '{}');
  // A unix socket's path may have about a hundred characters, which a caller's directory can exceed.
  const sockets = await mkdtemp(join(tmpdir(), 'nightjar-'));
  const certificate = await makeCertificate(join(dir, 'tls'));
  const port = await freePort();
  const endpoint = `https://127.0.0.1:${port}`;
  const log = join(dir, 'account.log');
  const httpsAgent = new Agent({ ca: certificate.caPem, keepAlive: true });
  // The emulator takes the account's number as the root user's key, with any secret.
  const root = clientConfigFor(endpoint, REGION, { accessKeyId: ACCOUNT_ID, secretAccessKey: 'root' }, httpsAgent);

  const containers = await startContainers({
    socket: join(sockets, 'docker.sock'),
    endpoint,
    region: REGION,
    sts: root,
    bundle: options.bundle ?? TASK_BUNDLE,
    imageEnv: options.imageEnv ?? IMAGE_ENV,
    fileSystems: fileSystemsOf(dir),
    caFile: certificate.caFile,
    credentialSeconds: options.credentialSeconds,
  });
  const moto = options.rds ? await startMoto({ dir: join(dir, 'moto') }) : undefined;
  const endpoints = moto?.env ?? {};
  const out = openSync(log, 'a');
  const emulator = spawn(PYTHON, [join(REPO, 'local', 'account', 'launcher.py')], {
    cwd: dir,
    env: emulatorEnv(dir, port, certificate, containers.host, endpoints, options),
    stdio: ['ignore', out, out],
    // Lambdas are its children: they end with it.
    detached: true,
  });
  closeSync(out);
  let failure: Error | undefined;
  emulator.once('error', (error) => (failure = error));

  async function stop(): Promise<void> {
    await containers.stop();
    await stopChild(emulator, 'SIGTERM', 10);
    if (emulator.pid !== undefined) signal(emulator.pid, 'SIGKILL', true);
    await moto?.stop();
    httpsAgent.destroy();
    await rm(sockets, { recursive: true, force: true });
    if (!keep) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await ready(
      endpoint,
      httpsAgent,
      () => failure !== undefined || emulator.exitCode !== null || emulator.signalCode !== null,
    );
    const credentials = await makeAdministrator(root);
    return {
      dir,
      endpoint,
      region: REGION,
      accountId: ACCOUNT_ID,
      env: {
        AWS_ENDPOINT_URL: endpoint,
        AWS_ENDPOINT_URL_S3: endpoint,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_REGION: REGION,
        AWS_DEFAULT_REGION: REGION,
        AWS_CA_BUNDLE: certificate.caFile,
        NODE_EXTRA_CA_CERTS: certificate.caFile,
        AWS_EC2_METADATA_DISABLED: 'true',
        ...endpoints,
      },
      clientConfig: clientConfigFor(endpoint, REGION, credentials, httpsAgent),
      caPem: certificate.caPem,
      pid: emulator.pid ?? 0,
      log,
      containers,
      ...(moto ? { rdsEndpoint: moto.endpoint } : {}),
      messages: () => receivedMails(endpoint, ACCOUNT_ID, httpsAgent),
      stop,
    };
  } catch (error) {
    const said = await tailOf(log);
    await stop();
    throw new Error(`the pretend account did not start: ${(failure ?? (error as Error)).message}\n${said}`);
  }
}
