/** `nightjar startup SERVER`: what MyDuck Server is started with so that it begins with a backup, and how that is taken out again. */
import type { RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs';
import type { TargetOf } from '../../core/config.ts';
import { findTarget } from '../../core/discovery.ts';
import { EXIT, NightjarError } from '../../core/errors.ts';
import { exchangeScheme } from '../../core/names.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { StartupJson } from '../shapes.ts';
import {
  containerOf,
  dockerLines,
  keepsData,
  NO_VARIABLES,
  restoresAtStart,
  variablesFor,
  withVariables,
  type Variables,
} from '../startup/variables.ts';

export interface StartupOptions {
  /** Of the restore that laid the plain file into the exchange. */
  readonly restore?: string;
  readonly secret?: string;
  readonly ecsService?: string;
  readonly container?: string;
  readonly clear?: boolean;
  readonly yes?: boolean;
}

const invalid = (detail: string): NightjarError =>
  new NightjarError('INPUT_INVALID', { operation: 'read options', detail });

export async function startup(session: Session, name: string, options: StartupOptions): Promise<Outcome<StartupJson>> {
  const server = await serverOf(session, name);
  const clear = options.clear === true;
  if (clear === (options.restore !== undefined))
    throw invalid('Say either --restore ID, with the id of the restore that made the file, or --clear.');
  if (clear && options.ecsService === undefined) throw invalid('--clear needs --ecs-service cluster/service.');
  if (options.yes && options.ecsService === undefined) throw invalid('--yes changes a service: say --ecs-service.');
  if (!clear && options.secret === undefined)
    throw invalid(
      'Say --secret ARN: a secret with {"accessKeyId": "…", "secretAccessKey": "…"} of a user that may read the exchange.',
    );

  const file = clear ? null : await fileOf(session, server, options.restore!);
  const endpoint = server.exchange.endpoint ?? `s3.${await session.world.aws.region()}.amazonaws.com`;
  const variables = file === null ? NO_VARIABLES : variablesFor(server, file, endpoint, options.secret!);
  const service = await serviceOf(session, options, variables);
  const json: StartupJson = {
    command: 'startup',
    ok: true,
    exitCode: EXIT.ok,
    server: server.name,
    file,
    environment: [...variables.environment],
    secrets: [...variables.secrets],
    docker: file === null ? [] : dockerLines(variables),
    service,
    notes: notesOf(server, options, service),
  };
  return { json, text: linesOf(json), exit: EXIT.ok };
}

async function serverOf(session: Session, name: string): Promise<TargetOf<'myduck'>> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  const target = await findTarget(config, catalog, name);
  if (target.engine === 'myduck') return target;
  throw invalid(`${name} is no MyDuck Server: only that one restores when it starts.`);
}

/** Where the restore laid the plain file: the server knows neither compression nor age. */
async function fileOf(session: Session, server: TargetOf<'myduck'>, asked: string): Promise<string> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  const id = asked.toUpperCase();
  const record = await catalog.getRestore(id);
  if (!record) throw new NightjarError('RESTORE_UNKNOWN', { operation: 'find the file', detail: `${id}.` });
  const refuse = (detail: string): NightjarError =>
    new NightjarError('RESTORE_REFUSED', { operation: 'find the file', detail });
  if (record.status !== 'COMPLETED') throw refuse(`Restore ${id} is ${record.status}.`);
  const files = await findTarget(config, catalog, record.destination);
  const storage = files.engine === 'duckdb' && 's3' in files.storage ? files.storage.s3 : undefined;
  const { bucket, prefix } = server.exchange;
  if (storage?.bucket !== bucket || !storage.prefix.startsWith(prefix))
    throw refuse(
      `Restore ${id} went to ${record.destination}, and ${server.name} reads s3://${bucket}/${prefix} only. Restore the backup ` +
        `into a DuckDB target whose storage is that place: nightjar restore ${record.target} --to FILES --database start.db`,
    );
  return `${exchangeScheme(server.exchange.endpoint)}://${bucket}/${storage.prefix}${record.restoredDatabase ?? record.database}`;
}

async function serviceOf(
  { world }: Session,
  options: StartupOptions,
  variables: Variables,
): Promise<StartupJson['service']> {
  if (options.ecsService === undefined) return null;
  const [cluster, service, ...more] = options.ecsService.split('/');
  if (!cluster || !service || more.length > 0)
    throw invalid(`--ecs-service ${options.ecsService}: right would be cluster/service.`);
  const calls = world.containers();
  const found = await calls.service(cluster, service);
  if (!found) throw invalid(`There is no active service ${service} in the cluster ${cluster}.`);
  const { definition, tags } = await calls.definition(found.taskDefinition);
  const container = containerOf(definition, options.container);
  const keeps = keepsData(container);
  if (keeps && found.maximumPercent > 100)
    throw new NightjarError('RESTORE_REFUSED', {
      operation: 'look at the service',
      detail:
        `${service} may start its next task while the old one still runs (maximumPercent ${found.maximumPercent}), and both would ` +
        `write the same data directory. First: aws ecs update-service --cluster ${cluster} --service ${service} ` +
        '--deployment-configuration minimumHealthyPercent=0,maximumPercent=100',
    });
  const facts = { cluster, service, container: container.name ?? '', keepsData: keeps, before: found.taskDefinition };
  if (options.clear && !restoresAtStart(container)) return { ...facts, after: found.taskDefinition, changed: false };
  if (!options.yes) return { ...facts, after: null, changed: false };
  const after = await calls.register({
    ...copied(definition),
    containerDefinitions: definition.containerDefinitions!.map((one) =>
      one === container ? withVariables(one, variables) : one,
    ),
    ...(tags.length > 0 ? { tags } : {}),
  });
  await calls.update(cluster, service, after);
  return { ...facts, after, changed: true };
}

/** Of a revision, all that a new one is made of. Source: ECS API reference: these are what registering does not take. */
function copied(definition: object): RegisterTaskDefinitionCommandInput {
  const own = [
    'taskDefinitionArn',
    'revision',
    'status',
    'requiresAttributes',
    'compatibilities',
    'registeredAt',
    'registeredBy',
    'deregisteredAt',
  ];
  return Object.fromEntries(
    Object.entries(definition).filter(([key]) => !own.includes(key)),
  ) as unknown as RegisterTaskDefinitionCommandInput;
}

function notesOf(
  server: TargetOf<'myduck'>,
  { clear, yes, ecsService }: StartupOptions,
  service: StartupJson['service'],
): string[] {
  const { bucket, prefix, user } = server.exchange;
  const back = `nightjar startup ${server.name} --clear --ecs-service ${ecsService ?? 'CLUSTER/SERVICE'} --yes`;
  const asked =
    service && !yes && service.after === null
      ? ['Nothing was changed. Say --yes to register the revision and update the service.']
      : [];
  const loses =
    service && !service.keepsData
      ? [
          `The container keeps its data nowhere: what the server has now, and what is written to it later, is gone with its task. Mount a volume at /home/admin/data.`,
        ]
      : [];
  if (clear)
    return [
      ...asked,
      ...loses,
      `Delete the key in the secret (aws iam list-access-keys --user-name ${user}) and the file under s3://${bucket}/${prefix}.`,
    ];
  return [
    ...asked,
    ...loses,
    `At its start the server writes the backup over its database ${server.database}: what that holds then is lost. Back it up first, and let no ${server.database}.db.wal lie in its data directory.`,
    `It does so at EVERY start. As soon as it runs, take the variables out again: ${back}`,
    'The key must be one without a session token, and may read the file only. The task’s execution role needs secretsmanager:GetSecretValue on the secret. Delete the key afterwards.',
  ];
}

const linesOf = (json: StartupJson): string[] => [
  ...(json.file === null ? [] : [`${json.server} begins with ${json.file}:`, '', ...json.docker, '']),
  ...(json.file === null
    ? []
    : [
        'In the container’s definition of ECS:',
        JSON.stringify({ environment: json.environment, secrets: json.secrets }, undefined, 2),
        '',
      ]),
  ...(json.service
    ? [
        json.service.changed
          ? `${json.service.cluster}/${json.service.service} goes from ${json.service.before} to ${json.service.after}.`
          : json.service.after === null
            ? `${json.service.cluster}/${json.service.service}, container ${json.service.container}: a new revision after ${json.service.before}${json.file === null ? ', without them' : ', with these'}.`
            : `${json.service.cluster}/${json.service.service} restores nothing at its start: there is nothing to clear.`,
      ]
    : []),
  ...json.notes.map((note) => `- ${note}`),
];
