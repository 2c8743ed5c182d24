import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CreateEmailIdentityCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import type { Account } from './account.ts';
import { run } from './child.ts';
import { REPO } from './paths.ts';
import { settle } from './settle.ts';

export interface DeployOptions {
  account: Pick<Account, 'env' | 'clientConfig' | 'region' | 'accountId' | 'dir'>;
  /** Path of the config file that `NIGHTJAR_CONFIG` shall name. */
  config?: string;
  /** What synthesizes; default is the `app` of cdk.json. */
  app?: string;
  /** Where cdk runs and looks for cdk.json (the repository). */
  cwd?: string;
  /** For the app, besides the account's and the config's. */
  env?: Readonly<Record<string, string>>;
  /** Each line that cdk says. */
  onLine?: (line: string) => void;
  /** Ends cdk early. */
  signal?: AbortSignal;
}

export interface Deployment {
  /** By stack, then by output. */
  outputs: Record<string, Record<string, string>>;
  /** What `settle` had to do. */
  settled: string[];
  /** `bootstrap` with the synthesis beside it. */
  seconds: { bootstrap: number; deploy: number; settle: number };
  /** The synthesized templates. */
  cdkOut: string;
  /** Everything cdk said. */
  log: string;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const started = performance.now();
  const result = await work();
  return [result, Math.round(performance.now() - started) / 1000];
}

/**
 * `cdk bootstrap` and `cdk deploy --all` as a person would call them, into the pretend account, and then what its
 * CloudFormation leaves out. May be called again to update.
 *
 * @throws CommandFailed with the end of cdk's output; NotSettled.
 */
export async function deploy({
  account,
  config,
  app,
  cwd = REPO,
  env = {},
  onLine,
  signal,
}: DeployOptions): Promise<Deployment> {
  const dir = join(account.dir, 'deploy');
  const cdkOut = join(dir, 'cdk.out');
  const outputsFile = join(dir, 'outputs.json');
  const log = join(dir, 'cdk.log');
  await mkdir(dir, { recursive: true });
  await rm(outputsFile, { force: true });
  const options = {
    cwd,
    log,
    onLine,
    signal,
    env: {
      PATH: [dirname(process.execPath), process.env.PATH ?? '/usr/bin:/bin'].join(':'),
      // The person's own AWS settings and cdk's caches stay out of it.
      HOME: dir,
      TMPDIR: join(account.dir, 'tmp'),
      CI: '1',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      CDK_DISABLE_VERSION_CHECK: '1',
      CDK_DEFAULT_ACCOUNT: account.accountId,
      CDK_DEFAULT_REGION: account.region,
      ...account.env,
      ...(config ? { NIGHTJAR_CONFIG: config } : {}),
      ...env,
    },
  };
  const common = ['--no-notices', '--no-color', '--ci'];
  const cdkIn = (where: string, ...args: string[]) =>
    run(process.execPath, [join(REPO, 'node_modules', 'aws-cdk', 'bin', 'cdk'), ...args, ...common], {
      ...options,
      cwd: where,
    });
  const cdk = (...args: string[]) => cdkIn(cwd, ...args);

  // Synthesizing needs nothing of the account, so it goes on beside the bootstrap, which would synthesize too if it saw
  // an app.
  const [, bootstrapSeconds] = await timed(() =>
    Promise.all([
      cdkIn(dir, 'bootstrap', `aws://${account.accountId}/${account.region}`),
      cdk('synth', '--quiet', '--output', cdkOut, ...(app ? ['--app', app] : [])),
    ]),
  );
  const [, deploySeconds] = await timed(() =>
    cdk(
      ...['deploy', '--all', '--app', cdkOut, '--require-approval', 'never'],
      ...['--progress', 'events', '--outputs-file', outputsFile],
    ),
  );
  const [settled, settleSeconds] = await timed(() => settle(cdkOut, account));
  return {
    outputs: JSON.parse(await readFile(outputsFile, 'utf8').catch(() => '{}')) as Deployment['outputs'],
    settled,
    seconds: { bootstrap: bootstrapSeconds, deploy: deploySeconds, settle: settleSeconds },
    cdkOut,
    log,
  };
}

/** Verifies mail addresses or domains, as their owner does who follows the link in Amazon's mail. */
export async function verifyMail(account: Pick<Account, 'clientConfig'>, identities: readonly string[]): Promise<void> {
  const ses = new SESv2Client(account.clientConfig);
  for (const EmailIdentity of identities) {
    await ses.send(new CreateEmailIdentityCommand({ EmailIdentity })).catch((error: Error) => {
      if (error.name !== 'AlreadyExistsException') throw error;
    });
  }
  ses.destroy();
}
