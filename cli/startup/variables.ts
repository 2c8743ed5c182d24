/**
 * What MyDuck Server restores from when it starts. Source: apecloud/myduckserver at 991fb99, `docker/entrypoint.sh` and
 * `main.go`: all four or none; the file is written over `<default-db>.db` in the data directory before anything is opened, at
 * every start; a download that fails ends the server.
 */
import type { ContainerDefinition, Secret, TaskDefinition } from '@aws-sdk/client-ecs';
import type { TargetOf } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';

/** Where the image keeps its databases: `DATA_PATH` of `docker/entrypoint.sh`, of the user `admin`. */
const DATA_PATH = '/home/admin/data';
/** By these the server restores; taken out again together. */
const RESTORE = ['RESTORE_FILE', 'RESTORE_ENDPOINT', 'RESTORE_ACCESS_KEY_ID', 'RESTORE_SECRET_ACCESS_KEY'] as const;
/** Fields of the secret that holds the key. */
const FIELDS = { RESTORE_ACCESS_KEY_ID: 'accessKeyId', RESTORE_SECRET_ACCESS_KEY: 'secretAccessKey' } as const;

export interface Variable {
  readonly name: string;
  readonly value: string;
}
export interface Variables {
  readonly environment: readonly Variable[];
  /** By reference only: values are for the container alone. */
  readonly secrets: readonly { readonly name: string; readonly valueFrom: string }[];
}

/** `uri`: of a plain DuckDB file. `secret`: ARN of a secret of JSON with `accessKeyId` and `secretAccessKey`. */
export function variablesFor(server: TargetOf<'myduck'>, uri: string, endpoint: string, secret: string): Variables {
  return {
    environment: [
      // The server opens what it restored under this name.
      { name: 'DEFAULT_DB', value: server.database },
      { name: 'RESTORE_FILE', value: uri },
      { name: 'RESTORE_ENDPOINT', value: endpoint },
    ],
    secrets: Object.entries(FIELDS).map(([name, field]) => ({ name, valueFrom: `${secret}:${field}::` })),
  };
}

/** For a person's own shell: the two secret ones are taken from its environment, so that no history holds them. */
export const dockerLines = ({ environment, secrets }: Variables): string[] => [
  'docker run -p 5432:5432 -p 3306:3306 \\',
  '  --env=SETUP_MODE=SERVER \\',
  ...environment.map(({ name, value }) => `  --env=${name}=${value} \\`),
  ...secrets.map(({ name }) => `  --env=${name} \\`),
  '  apecloud/myduckserver',
];

/** The one of the task that is told, or the only one. @throws INPUT_INVALID. */
export function containerOf({ containerDefinitions = [] }: TaskDefinition, asked?: string): ContainerDefinition {
  const names = containerDefinitions.map((one) => one.name ?? '');
  const found = asked === undefined ? containerDefinitions : containerDefinitions.filter((one) => one.name === asked);
  if (found.length === 1) return found[0]!;
  throw new NightjarError('INPUT_INVALID', {
    operation: 'find container',
    detail: `The task has the containers ${names.join(', ')}: say which with --container.`,
  });
}

/** The container with these variables, and none of those by which an earlier start was told. */
export function withVariables(container: ContainerDefinition, variables: Variables): ContainerDefinition {
  const names = new Set([...RESTORE, ...variables.environment.map((one) => one.name)] as string[]);
  const kept = (one: { name?: string | undefined }): boolean => !names.has(one.name ?? '');
  return {
    ...container,
    environment: [...(container.environment ?? []).filter(kept), ...variables.environment.map((one) => ({ ...one }))],
    secrets: [...(container.secrets ?? []).filter(kept), ...variables.secrets.map((one): Secret => ({ ...one }))],
  };
}

/** The name of the default database stays: it is the name of the file. */
export const NO_VARIABLES: Variables = { environment: [], secrets: [] };
export const restoresAtStart = ({ environment = [], secrets = [] }: ContainerDefinition): boolean =>
  [...environment, ...secrets].some((one) => (RESTORE as readonly string[]).includes(one.name ?? ''));

/** Whether the data outlive the container. */
export const keepsData = ({ mountPoints = [] }: ContainerDefinition): boolean =>
  mountPoints.some(({ containerPath = '' }) => `${DATA_PATH}/`.startsWith(`${containerPath.replace(/\/+$/, '')}/`));
