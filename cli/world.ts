/** Everything of the outer world that a command touches; tests hand in their own. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Catalog } from '../core/catalog.ts';
import type { Config } from '../core/config.ts';
import type { NativeEngine } from '../core/engines.ts';
import type { NativeService } from '../core/native.ts';
import { auroraService } from '../services/aurora.ts';
import { pointerClients, rdsClients, tableClients } from '../services/clients.ts';
import { dynamoService } from '../services/dynamodb.ts';
import { awsPointers, type Pointers } from '../services/pointer.ts';
import { rdsService } from '../services/rds.ts';
import { CLIENT_OPTIONS, dynamoClient, s3Client } from '../stores/clients.ts';
import { readDeployedConfig } from '../stores/deployed-config.ts';
import { dynamoCatalog } from '../stores/dynamodb-catalog.ts';
import type { ReadableVault } from '../stores/rebuild.ts';
import { s3Vault } from '../stores/vault.ts';
import { awsCalls, type AwsCalls } from './aws.ts';
import { doctorCalls, type DoctorCalls } from './doctor/calls.ts';
import type { Meter } from './meter.ts';
import { barMeter } from './bar-meter.ts';
import { containerCalls, type ContainerCalls } from './startup/calls.ts';

export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of this command line. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /** One line on stdout. */
  out(line: string): void;
  /** One line on stderr. */
  err(line: string): void;
  /** Whether a person watches stdout. */
  readonly terminal: boolean;
  /** A live progress bar on stdout; used only where `terminal` holds. */
  bar(): Meter;
  /** Calls the handler at Ctrl-C; the answer takes it off again. */
  onInterrupt(handler: () => void): () => void;
  readonly aws: AwsCalls;
  readonly doctor: DoctorCalls;
  catalog(table: string): Catalog;
  vault(bucket: string): ReadableVault;
  config(bucket: string, key: string): Promise<Config>;
  /** The service that keeps the recovery points of this engine; a command only ever reads of it. */
  service(engine: NativeEngine): Looks;
  pointers(): Pick<Pointers, 'read'>;
  /** Services of the person's own: the one thing that a command changes by itself, and only when told `--yes`. */
  containers(): ContainerCalls;
  /** A file of the person's own. */
  readText(path: string): Promise<string>;
}

/** Nothing here changes anything: what changes is a workflow's to do. */
export type Looks = Pick<NativeService, 'engine' | 'read' | 'pointState' | 'refusals' | 'discover'>;

/** Clients of a service are made when it is asked for the first time. */
const SERVICES: Readonly<Record<NativeEngine, () => Looks>> = {
  rds: () => rdsService(rdsClients(CLIENT_OPTIONS)),
  aurora: () => auroraService(rdsClients(CLIENT_OPTIONS)),
  dynamodb: () => dynamoService(tableClients(CLIENT_OPTIONS)),
};

/** Credentials, region and endpoint come from the standard AWS settings, as the SDK reads them. */
export function realWorld(): World {
  // The SDK's note on Node's age is for whoever maintains this, not for whoever restores at night.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const services = new Map<NativeEngine, Looks>();
  return {
    env: process.env,
    version: packageVersion(),
    now: () => Date.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    terminal: process.stdout.isTTY,
    bar: () => barMeter(process.stdout),
    onInterrupt(handler) {
      process.on('SIGINT', handler);
      return () => process.off('SIGINT', handler);
    },
    aws: awsCalls(),
    doctor: doctorCalls(),
    catalog: (table) => dynamoCatalog(dynamoClient(), table),
    vault: (bucket) => s3Vault(s3Client(), bucket),
    config: (bucket, key) => readDeployedConfig(s3Client(), bucket, key),
    service(engine) {
      const made = services.get(engine) ?? SERVICES[engine]();
      services.set(engine, made);
      return made;
    },
    containers: () => containerCalls(),
    pointers: () => awsPointers(pointerClients(CLIENT_OPTIONS)),
    readText: (path) => readFile(path, 'utf8'),
  };
}

/** The package lies one folder up from `cli/` as well as from `dist/`. */
const packageVersion = (): string => (createRequire(import.meta.url)('../package.json') as { version: string }).version;
