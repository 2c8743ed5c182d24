/** What rights on RDS, Aurora and DynamoDB may end at: the originals, and the names that a restore makes. */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { isNativeTarget, resourceOf, type Config } from '../core/config.ts';
import type { NativeEngine } from '../core/engines.ts';
import { aliasResource, POINT_PREFIX, replacedResource, rolledBackResource } from '../core/names.ts';

export const allow = (actions: readonly string[], resources: readonly string[], conditions?: Record<string, unknown>) =>
  new PolicyStatement({
    actions: [...actions],
    resources: [...new Set(resources)],
    ...(conditions ? { conditions: conditions } : {}),
  });

const ANY_ID = '*';
/** Ten characters, as the short form of an id has. */
const PLACEHOLDER = '0'.repeat(26);
const pattern = (name: string): string => name.replace(/0{10}$/, ANY_ID);

/** Names of the originals: those of the config, and `*` where some are found by their tag. */
export function originals(config: Config, engine: NativeEngine): string[] {
  if (config.discovery.engines.includes(engine)) return ['*'];
  return named(config, engine);
}
export const named = (config: Config, engine: NativeEngine): string[] =>
  config.targets.filter(isNativeTarget).flatMap((one) => (one.engine === engine ? [resourceOf(one)] : []));

/** On what the config names; and, where it discovers, on what carries the tag and on nothing else. */
export function onOriginals(
  scope: Construct,
  config: Config,
  actions: readonly string[],
  arnsOf: (scope: Construct, config: Config) => string[],
  besides: readonly string[] = [],
): PolicyStatement[] {
  const undiscovered = { ...config, discovery: { ...config.discovery, engines: [] } };
  const exact = [...arnsOf(scope, undiscovered), ...besides];
  const all = arnsOf(scope, config);
  const tagged = all.filter((arn) => !exact.includes(arn));
  return [
    ...(exact.length > 0 ? [allow(actions, exact)] : []),
    ...(tagged.length > 0
      ? [allow(actions, tagged, { Null: { [`aws:ResourceTag/${config.discovery.tagKey}`]: 'false' } })]
      : []),
  ];
}

/** Names that a restore, a swap or a rollback makes of these. */
function made(config: Config, engine: NativeEngine): string[] {
  const makers = [aliasResource, replacedResource, rolledBackResource];
  return originals(config, engine).flatMap((name) =>
    makers.map((make) => (name === '*' ? `*${suffixOf(make)}` : pattern(make(engine, name, PLACEHOLDER)))),
  );
}
const suffixOf = (make: typeof aliasResource): string => pattern(make('rds', 'x', PLACEHOLDER)).slice(1);

export const rds = (scope: Construct, type: string, names: readonly string[], region?: string): string[] =>
  names.map((name) =>
    Stack.of(scope).formatArn({
      service: 'rds',
      resource: `${type}:${name}`,
      ...(region === undefined ? {} : { region }),
    }),
  );

const table = (scope: Construct, names: readonly string[]): string[] =>
  names.map((name) => Stack.of(scope).formatArn({ service: 'dynamodb', resource: 'table', resourceName: name }));
export const under = (arns: readonly string[], part: string): string[] => arns.map((arn) => `${arn}/${part}`);

export const servers = (config: Config): boolean =>
  (['rds', 'aurora'] as const).some((engine) => originals(config, engine).length);
export const tables = (config: Config): boolean => originals(config, 'dynamodb').length > 0;

export const originalServers = (scope: Construct, config: Config): string[] => [
  ...rds(scope, 'db', originals(config, 'rds')),
  ...rds(scope, 'cluster', originals(config, 'aurora')),
];
/**
 * With the members of clusters, for the renaming alone. Any instance of the account, for nothing narrower holds: members have names
 * of their own that nobody knows at deploy, no condition key says of which cluster an instance is (AWS, Service Authorization
 * Reference, Amazon RDS), and a tag of ours would become a setting of theirs. Where clusters are only found by their tag, the
 * members must carry it too.
 */
export const originalsAndMembers = (scope: Construct, config: Config): string[] => [
  ...originalServers(scope, config),
  ...(originals(config, 'aurora').length ? rds(scope, 'db', ['*']) : []),
];
export const madeServers = (scope: Construct, config: Config): string[] => [
  ...rds(scope, 'db', made(config, 'rds')),
  ...rds(scope, 'cluster', made(config, 'aurora')),
];
/** Members that a restore made carry its tag. */
export const madeMembers = (scope: Construct, config: Config, actions: readonly string[]): PolicyStatement[] =>
  originals(config, 'aurora').length
    ? [allow(actions, rds(scope, 'db', ['*']), { Null: { 'aws:ResourceTag/nightjar:restore': 'false' } })]
    : [];
/** Members of a cluster that stands beside its original: each bears the cluster's suffix after a name of its own. */
export const suffixedMembers = (scope: Construct, config: Config, actions: readonly string[]): PolicyStatement[] =>
  originals(config, 'aurora').length
    ? [
        allow(
          actions,
          rds(
            scope,
            'db',
            [aliasResource, replacedResource, rolledBackResource].map(
              (make) => `*${make('aurora', 'x', PLACEHOLDER).slice(1, -10)}${'?'.repeat(10)}`,
            ),
          ),
        ),
      ]
    : [];
export const points = (scope: Construct, region?: string): string[] => [
  ...rds(scope, 'snapshot', [`${POINT_PREFIX}*`], region),
  ...rds(scope, 'cluster-snapshot', [`${POINT_PREFIX}*`], region),
];
export const groups = (scope: Construct): string[] =>
  ['og', 'pg', 'cluster-pg', 'subgrp', 'secgrp', 'auto-backup', 'cluster-auto-backup'].flatMap((type) =>
    rds(scope, type, ['*']),
  );
export const originalTables = (scope: Construct, config: Config): string[] =>
  table(scope, originals(config, 'dynamodb'));
export const madeTables = (scope: Construct, config: Config): string[] => table(scope, made(config, 'dynamodb'));

/** A stream has a policy of its own. Source: AWS, DynamoDB Developer Guide, "Attach a resource-based policy to a stream". */
export const withStreams = (arns: readonly string[]): string[] => [...arns, ...under(arns, 'stream/*')];

const key = (scope: Construct): string =>
  Stack.of(scope).formatArn({ service: 'kms', resource: 'key', resourceName: '*' });
/** Keys of the databases, whatever they are, and only through the service that holds the data. */
export const keysThrough = (scope: Construct, service: 'rds' | 'dynamodb'): PolicyStatement =>
  allow(
    ['kms:CreateGrant', 'kms:DescribeKey', 'kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    [key(scope)],
    { StringEquals: { 'kms:ViaService': `${service}.${Stack.of(scope).region}.amazonaws.com` } },
  );

export const when = (is: boolean, statements: () => PolicyStatement[]): PolicyStatement[] => (is ? statements() : []);
