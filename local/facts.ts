interface SampleServer {
  host: string;
  port: number;
  database: string;
  ca: string;
}

/** What `up` and `quickstart` know before they deploy and a config needs: handed over in `NIGHTJAR_LOCAL`, as JSON. */
export interface LocalFacts {
  /** `HH:MM`, UTC. */
  nightly: string;
  /** In small letters. */
  weeklyDay: string;
  /** The person's own network in the pretend account. */
  network: { vpcId: string; subnetIds: string[]; securityGroupIds: string[] };
  /** ARN of each database's secret, by target. */
  secrets: Record<string, string>;
  /** The sample databases, if they were made. */
  sample?: SampleServer & {
    mariadb: SampleServer;
    tills: { fileSystem: string; accessPoint: string; directory: string };
  };
}

export const FACTS = 'NIGHTJAR_LOCAL';

/**
 * The facts, for a config that is deployed into the pretend account.
 *
 * @throws Error outside of it.
 */
export function localFacts(): LocalFacts {
  const text = process.env[FACTS];
  if (text === undefined)
    throw new Error(`${FACTS} is not set: this config is for "npm run local -- up --config FILE"`);
  return JSON.parse(text) as LocalFacts;
}
