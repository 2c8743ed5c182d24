/** Everything of the outer world that a command touches; tests hand in their own. */
import { createRequire } from 'node:module';
import type { Catalog } from '../core/catalog.ts';
import type { Config } from '../core/config.ts';
import { dynamoClient, s3Client } from '../stores/clients.ts';
import { readDeployedConfig } from '../stores/deployed-config.ts';
import { dynamoCatalog } from '../stores/dynamodb-catalog.ts';
import type { ReadableVault } from '../stores/rebuild.ts';
import { s3Vault } from '../stores/vault.ts';
import { awsCalls, type AwsCalls } from './aws.ts';
import { doctorCalls, type DoctorCalls } from './doctor/calls.ts';
import type { Meter } from './meter.ts';
import { barMeter } from './bar-meter.ts';

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
}

/** Credentials, region and endpoint come from the standard AWS settings, as the SDK reads them. */
export function realWorld(): World {
  // The SDK's note on Node's age is for whoever maintains this, not for whoever restores at night.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
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
  };
}

/** The package lies one folder up from `cli/` as well as from `dist/`. */
const packageVersion = (): string => (createRequire(import.meta.url)('../package.json') as { version: string }).version;
