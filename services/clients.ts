/**
 * The one place of this room where AWS clients are made: with the caller's settings (retries, user agent), and region,
 * credentials and endpoints (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_RDS`, …) from the standard environment. One function per
 * service, so that a bundle carries only what it uses.
 */
import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { RDSClient } from '@aws-sdk/client-rds';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';

/** What every client of a caller is made with. */
export type ClientSettings = Readonly<Record<string, unknown>>;
/** What this room needs of a client: a test's double has no more. */
export type Sends<C extends { send: unknown }> = Pick<C, 'send'>;

/** One client per region, made at its first use; without a region that of the environment. */
export interface RdsClients {
  (region?: string): Sends<RDSClient>;
  /** Who is asked for the alarms that name a server. Without it nobody is, and a person is told to look. */
  readonly alarms?: () => Sends<CloudWatchClient>;
}

export function rdsClients(settings: ClientSettings = {}): RdsClients {
  const made = new Map<string, RDSClient>();
  const rds = (region = ''): RDSClient => {
    const known = made.get(region) ?? new RDSClient({ ...settings, ...(region ? { region } : {}) });
    made.set(region, known);
    return known;
  };
  return Object.assign(rds, { alarms: () => new CloudWatchClient({ ...settings }) });
}

/** Everything that belongs to a table. */
export interface TableClients {
  readonly dynamodb: DynamoDBClient;
  readonly scaling: ApplicationAutoScalingClient;
  readonly lambda: LambdaClient;
}
export const tableClients = (settings: ClientSettings = {}): TableClients => ({
  dynamodb: new DynamoDBClient({ ...settings }),
  scaling: new ApplicationAutoScalingClient({ ...settings }),
  lambda: new LambdaClient({ ...settings }),
});

/** What an application reads to find its database. */
export interface PointerClients {
  readonly ssm: SSMClient;
  readonly secrets: SecretsManagerClient;
  readonly route53: Route53Client;
}
export const pointerClients = (settings: ClientSettings = {}): PointerClients => ({
  ssm: new SSMClient({ ...settings }),
  secrets: new SecretsManagerClient({ ...settings }),
  route53: new Route53Client({ ...settings }),
});
