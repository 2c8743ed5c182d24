/** The real parts, each made apart: a bundle carries the clients of those that its handler asks for. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient } from '@aws-sdk/client-ecs';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SESv2Client } from '@aws-sdk/client-sesv2';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { Placement } from '../../core/config.ts';
import { FUNCTION_ENV, required } from '../../core/environment.ts';
import { toNightjarError } from '../../core/errors.ts';
import { auroraService } from '../../services/aurora.ts';
import { pointerClients, rdsClients, tableClients } from '../../services/clients.ts';
import { dynamoService } from '../../services/dynamodb.ts';
import { awsPointers } from '../../services/pointer.ts';
import { rdsService } from '../../services/rds.ts';
import { CLIENT_OPTIONS, dynamoClient, s3Client } from '../../stores/clients.ts';
import { readDeployedConfig } from '../../stores/deployed-config.ts';
import { dynamoCatalog } from '../../stores/dynamodb-catalog.ts';
import { s3Vault } from '../../stores/vault.ts';
import { s3Work } from '../../stores/work.ts';
import { awsEvents } from './events.ts';
import { awsExecutions } from './executions.ts';
import { awsMailer } from './mailer.ts';
import { awsMetrics } from './metrics.ts';
import type { Parts } from './parts.ts';
import { awsTasks } from './tasks.ts';

const env = (field: keyof typeof FUNCTION_ENV): string => required(process.env, FUNCTION_ENV[field]);

export const name = (): Parts['name'] => env('name');
export const catalog = (): Parts['catalog'] => dynamoCatalog(dynamoClient(), env('catalog'));
export const vault = (): Parts['vault'] => s3Vault(s3Client(), env('vault'));
export const vaultKeyArn = (): Parts['vaultKeyArn'] => env('vaultKey');
export const work = (): Parts['work'] => s3Work(s3Client(), env('work'));
export const executions = (): Parts['executions'] => awsExecutions(new SFNClient(CLIENT_OPTIONS));
export const tasks = (): Parts['tasks'] => awsTasks(new ECSClient(CLIENT_OPTIONS));
export const events = (): Parts['events'] => awsEvents(new EventBridgeClient(CLIENT_OPTIONS));
export const metrics = (): Parts['metrics'] => awsMetrics(new CloudWatchClient(CLIENT_OPTIONS), name());
export const mailer = (): Parts['mailer'] => awsMailer(new SESv2Client(CLIENT_OPTIONS));
export const pointers = (): Parts['pointers'] => awsPointers(pointerClients(CLIENT_OPTIONS));
export const now = (): Date => new Date();

export function config(): Parts['config'] {
  const client = s3Client();
  return () => readDeployedConfig(client, env('configBucket'), env('configKey'));
}

export function madeNetwork(): Parts['madeNetwork'] {
  const text = process.env[FUNCTION_ENV.madeNetwork];
  return text ? (JSON.parse(text) as Placement) : undefined;
}

/** Clients of a service are made when it is asked for the first time. */
export function services(): Parts['services'] {
  const made: Partial<Record<keyof Parts['services'], unknown>> = {};
  const once = <T>(engine: keyof Parts['services'], make: () => T): T => (made[engine] ??= make()) as T;
  return {
    get rds() {
      return once('rds', () => rdsService(rdsClients(CLIENT_OPTIONS)));
    },
    get aurora() {
      return once('aurora', () => auroraService(rdsClients(CLIENT_OPTIONS)));
    },
    get dynamodb() {
      return once('dynamodb', () => dynamoService(tableClients(CLIENT_OPTIONS)));
    },
  };
}

/** A Lambda entry: wired once, and every error that leaves it has a name of the registry. */
export function lambda<E, R>(make: () => (event: E) => Promise<R>): (event: E) => Promise<R> {
  let handle: ((event: E) => Promise<R>) | undefined;
  return async (event) => {
    try {
      handle ??= make();
      return await handle(event);
    } catch (error) {
      throw toNightjarError(error);
    }
  };
}
