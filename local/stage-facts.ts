import { Agent } from 'node:https';
import pg from 'pg';
import { clientConfigFor, receivedMails, type ClientConfig, type Mail } from './client.ts';
import type { MariadbFacts } from './mariadb-sample.ts';

/** The sample databases: the shop's server, its reviews' server, and where its tills lie on this machine. */
export interface Sample {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  caPem: string;
  bytes: number;
  mariadb: MariadbFacts;
  tills: string;
}

/** Everything one has to know of a stage to work with it, also from another process. JSON. */
export interface StageFacts {
  dir: string;
  /** Environment for any AWS client, the `nightjar` command, and `npx cdk`. */
  env: Record<string, string>;
  endpoint: string;
  region: string;
  accountId: string;
  caPem: string;
  credentials: ClientConfig['credentials'];
  /** Unless a config of the user's own was deployed. */
  sample?: Sample;
  /** Of the deployed stacks, by stack and output. */
  outputs: Record<string, Record<string, string>>;
  /** Where RDS answers. */
  rdsEndpoint?: string;
  /** `HH:MM` UTC at which the nightly run is due; of the sample's config only. */
  nightly: string;
  config: string;
  logs: { account: string; cdk: string; postgres?: string };
  /** How long each phase took. */
  seconds: Record<string, number>;
  /** ISO 8601. */
  startedAt: string;
}

/** Clients of a stage; `close` ends their connections. */
export interface StageClients {
  clientConfig: ClientConfig;
  mails(): Promise<Mail[]>;
  close(): void;
}

export function clientsOf(facts: StageFacts): StageClients {
  const agent = new Agent({ ca: facts.caPem, keepAlive: true });
  return {
    clientConfig: clientConfigFor(facts.endpoint, facts.region, facts.credentials, agent),
    mails: () => receivedMails(facts.endpoint, facts.accountId, agent),
    close: () => agent.destroy(),
  };
}

/** A superuser's connection to the sample database's server; the caller ends it. */
export async function connectToSample(facts: StageFacts, database = facts.sample?.database): Promise<pg.Client> {
  if (!facts.sample) throw new Error('this stage has no sample database');
  const { port, user, password, caPem } = facts.sample;
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user,
    password,
    database,
    ssl: { ca: caPem, servername: 'localhost' },
  });
  // A restore that swaps databases ends their sessions.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
