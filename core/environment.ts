/** Names of the environment variables that the stacks set and functions and tasks read. */

/** Of every Lambda function. */
export const FUNCTION_ENV = {
  name: 'NIGHTJAR_NAME',
  catalog: 'NIGHTJAR_CATALOG_TABLE',
  vault: 'NIGHTJAR_VAULT_BUCKET',
  vaultKey: 'NIGHTJAR_VAULT_KEY_ARN',
  work: 'NIGHTJAR_WORK_BUCKET',
  /** Where the deployed config lies: an object of JSON. */
  configBucket: 'NIGHTJAR_CONFIG_BUCKET',
  configKey: 'NIGHTJAR_CONFIG_KEY',
  /** Only of a stack that made its own VPC: where tasks run. JSON of a Placement. */
  madeNetwork: 'NIGHTJAR_MADE_NETWORK',
} as const;

/** Of every task container. */
export const TASK_ENV = {
  job: 'NIGHTJAR_JOB',
  attempt: 'NIGHTJAR_ATTEMPT',
  catalog: 'NIGHTJAR_CATALOG_TABLE',
  vault: 'NIGHTJAR_VAULT_BUCKET',
  vaultKey: 'NIGHTJAR_VAULT_KEY_ARN',
  /** Set by the image: holds `<major>/bin`. */
  postgresRoot: 'NIGHTJAR_POSTGRES_ROOT',
  /** Set by the image: holds `<file system id>/`, where a task mounts it. */
  mounts: 'NIGHTJAR_MOUNTS',
  /** Set by the image: a directory that may be written. */
  scratch: 'NIGHTJAR_SCRATCH',
} as const;

/** The one container of every task definition. */
export const CONTAINER = 'nightjar';
/** Prefix of the container's log streams. */
export const LOG_PREFIX = 'task';

/** The environment variable's value. @throws Error when the stack did not set it: a defect of ours, not the user's. */
export function required(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`The environment variable ${name} is not set; the stack should set it.`);
  return value;
}
