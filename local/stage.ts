import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseConfig } from '../core/config-read.ts';
import { startAccount, type Account, type AccountOptions } from './account.ts';
import { buildTask } from './build-task.ts';
import { makeDatabases, TILL_STORAGE, type Databases } from './databases.ts';
import { deploy, verifyMail } from './deploy.ts';
import { FACTS, type LocalFacts } from './facts.ts';
import { REVIEWS } from './mariadb-sample.ts';
import { makeBilling, makeOrders } from './native-sample.ts';
import { makeNetwork } from './network.ts';
import { REPO } from './paths.ts';
import type { Postgres, PostgresMajor } from './postgres.ts';
import { makeSecrets, type Login } from './secrets.ts';
import type { Sample, StageFacts } from './stage-facts.ts';

export const PHASES = ['account', 'database', 'deploy'] as const;
export type Phase = (typeof PHASES)[number];

/** Hears what a stage is doing: a phase begins, says something, or has ended. */
export type OnPhase = (phase: Phase, event: 'begin' | 'say' | 'end', text: string) => void;

export interface StageOptions {
  /** Holds everything; made if missing. */
  dir: string;
  /** Of the sample database (20). */
  sizeMiB?: number;
  /** Of the sample database's server (17). */
  major?: PostgresMajor;
  /** `HH:MM` UTC (02:00); `soon` for the first full minute after the deploy should be done. */
  nightly?: string;
  /** A config of the user's own, deployed in place of the sample's. */
  config?: string;
  /** Logins of the databases that the user's own config names, by target. */
  logins?: Record<string, Login>;
  /** More environment for the config to read. */
  env?: Readonly<Record<string, string>>;
  /** What a test wants otherwise of the account. */
  account?: Pick<AccountOptions, 'waitScale' | 'journal'>;
}

/** A pretend account with the stacks deployed, and a sample database unless the user brought a config. */
export interface Stage {
  facts: StageFacts;
  account: Account;
  postgres?: Postgres;
  stop(): Promise<void>;
}

/** Where the last deploy on this machine left how many seconds it took: the next first run is set by it. */
const DEPLOY_SECONDS_FILE = join(REPO, '.local', 'deploy-seconds');

/** How long a deploy may take here, seconds; a run that comes too early would be missed, and the deploy done again. */
async function expectedDeploy(): Promise<number> {
  const last = Number(await readFile(DEPLOY_SECONDS_FILE, 'utf8').catch(() => '40'));
  return Math.min(600, (Number.isFinite(last) ? last : 40) * 1.3 + 10);
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** The first full minute at least so many seconds from now, as `HH:MM` UTC. */
export function soon(seconds: number): string {
  return clock(Math.ceil((Date.now() + seconds * 1000) / 60_000) * 60_000);
}

/** What a config has to know of the sample's servers; logins are in secrets. */
const told = ({ host, port, database, caPem, mariadb }: Sample): LocalFacts['sample'] => ({
  host,
  port,
  database,
  ca: caPem,
  mariadb: { host, port: mariadb.port, database: mariadb.database, ca: mariadb.caPem },
  tills: TILL_STORAGE,
});

/** A weekday that is not today, tomorrow or yesterday: the weekly run shall not come in between. */
function farWeekday(): string {
  return new Intl.DateTimeFormat('en', { weekday: 'long', timeZone: 'UTC' })
    .format(Date.now() + 3 * 86_400_000)
    .toLowerCase();
}

/** Every address that a config sends from or to. */
async function mailAddresses(
  config: string,
  facts: LocalFacts,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  Object.assign(process.env, env, { [FACTS]: JSON.stringify(facts) });
  const { default: input } = (await import(pathToFileURL(config).href)) as { default: unknown };
  const { mail } = parseConfig(input);
  return [...new Set([mail.from, ...mail.to])];
}

/** Whether the clock has passed `HH:MM` UTC of today, or of tomorrow for a time just after midnight. */
function isPast(time: string, margin: number): boolean {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  const now = new Date();
  const minutes =
    hour * 60 + minute - (now.getUTCHours() * 60 + now.getUTCMinutes() + (now.getUTCSeconds() + margin) / 60);
  // Times here are minutes away, so more than half a day is the other side of midnight.
  return ((minutes + 1440 + 720) % 1440) - 720 <= 0;
}

/**
 * Starts everything and deploys.
 *
 * @param signal Ends the deploy early.
 * @throws the first error, after having stopped what was started.
 */
export async function startStage(
  options: StageOptions,
  onPhase: OnPhase = () => undefined,
  signal?: AbortSignal,
): Promise<Stage> {
  const { dir, sizeMiB = 20, major = 17 } = options;
  const config = options.config ? resolve(options.config) : join(REPO, 'local', 'nightjar.config.ts');
  await mkdir(dir, { recursive: true });
  const seconds: Record<string, number> = {};
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.reverse()) await step();
  };
  const phase = async <T>(
    name: Phase,
    title: string,
    work: (say: (text: string) => void) => Promise<T>,
  ): Promise<T> => {
    const started = performance.now();
    onPhase(name, 'begin', title);
    const result = await work((text) => onPhase(name, 'say', text));
    seconds[name] = Math.round(performance.now() - started) / 1000;
    onPhase(name, 'end', title);
    return result;
  };

  try {
    await stat(config).catch(() => {
      throw new Error(`there is no config ${config}`);
    });
    const account = await phase('account', 'a pretend AWS account', async () => {
      await buildTask();
      const started = await startAccount({ rds: true, ...options.account, dir: join(dir, 'account') });
      undo.push(() => started.stop());
      return started;
    });

    let databases: Databases | undefined;
    if (!options.config) {
      await makeOrders(account.clientConfig);
      const { region, credentials } = account.clientConfig;
      await makeBilling({ region, credentials, endpoint: account.rdsEndpoint ?? '' });
      const title = `PostgreSQL ${major} with a shop of ${sizeMiB} MiB, MariaDB and SQLite with smaller ones`;
      databases = await phase('database', title, (say) =>
        makeDatabases({ dir, accountDir: account.dir, major, sizeMiB, say, onStarted: (one) => void undo.push(one) }),
      );
    }
    const postgres = databases?.postgres;
    const sample = databases && {
      host: databases.postgres.host,
      port: databases.postgres.port,
      user: databases.postgres.user,
      password: databases.postgres.password,
      database: databases.database,
      caPem: databases.postgres.caPem,
      bytes: databases.bytes,
      mariadb: databases.mariadb,
      tills: databases.tills,
    };

    const deployed = await phase('deploy', 'cdk deploy of both stacks', async (say) => {
      const network = await makeNetwork(account);
      const logins = sample
        ? {
            shop: { username: sample.user, password: sample.password },
            [REVIEWS]: { username: sample.mariadb.user, password: sample.mariadb.password },
          }
        : (options.logins ?? {});
      const secrets = await makeSecrets(account, logins);
      const facts: LocalFacts = {
        nightly: options.nightly === 'soon' ? soon(await expectedDeploy()) : (options.nightly ?? '02:00'),
        weeklyDay: farWeekday(),
        network,
        secrets,
        ...(sample ? { sample: told(sample) } : {}),
      };
      // Whoever owns the addresses follows the links in Amazon's mails; SES begins in its sandbox.
      await verifyMail(account, await mailAddresses(config, facts, options.env));
      const go = async () => {
        const started = performance.now();
        const result = await deploy({
          account,
          config,
          env: { ...options.env, [FACTS]: JSON.stringify(facts) },
          onLine: say,
          signal,
        });
        await writeFile(DEPLOY_SECONDS_FILE, String(Math.ceil((performance.now() - started) / 1000)));
        return result;
      };
      let deployment = await go();
      // A slow machine missed its minute: the next one needs an update, as a person would make it.
      while (options.nightly === 'soon' && isPast(facts.nightly, 2)) {
        facts.nightly = soon(await expectedDeploy());
        say(`the schedule is set to ${facts.nightly} UTC`);
        deployment = await go();
      }
      return { ...deployment, facts };
    });

    const env = {
      ...account.env,
      CDK_DEFAULT_ACCOUNT: account.accountId,
      CDK_DEFAULT_REGION: account.region,
      ...options.env,
      NIGHTJAR_CONFIG: config,
      [FACTS]: JSON.stringify(deployed.facts),
    };
    return {
      account,
      postgres,
      stop,
      facts: {
        dir,
        env,
        endpoint: account.endpoint,
        region: account.region,
        accountId: account.accountId,
        caPem: account.caPem,
        credentials: account.clientConfig.credentials,
        sample,
        ...(account.rdsEndpoint === undefined ? {} : { rdsEndpoint: account.rdsEndpoint }),
        outputs: deployed.outputs,
        nightly: deployed.facts.nightly,
        config,
        logs: { account: account.log, cdk: deployed.log, postgres: postgres?.log },
        seconds: { ...seconds, bootstrap: deployed.seconds.bootstrap, cdk: deployed.seconds.deploy },
        startedAt: new Date().toISOString(),
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
