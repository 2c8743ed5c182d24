/** Rights on the secrets and pointers that lead to a server which is restored. */
import { Stack } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { isDumpTarget, isNativeTarget, isServerTarget, type Config } from '../core/config.ts';
import { allow, named, when } from './native-arns.ts';

interface NamedSecret {
  readonly secret: string;
  readonly secretKey?: string | undefined;
}

/**
 * Secrets of the config that lead to a server which is restored: of its check, of its pointer, and of dumps whose host bears its
 * name (`NAME.….rds.amazonaws.com`); with discovery, of dumps of any host of RDS. Those of other dumps are not read.
 */
export function secretsOfServers(config: Config): NamedSecret[] {
  const names = new Set([...named(config, 'rds'), ...named(config, 'aurora')]);
  const discovers = (['rds', 'aurora'] as const).some((engine) => config.discovery.engines.includes(engine));
  const leads = (host: string): boolean =>
    names.has(host.toLowerCase().split('.')[0]!) || (discovers && /\.rds\.amazonaws\.com(\.cn)?\.?$/i.test(host));
  const all = config.targets.flatMap((target): NamedSecret[] => {
    if (isServerTarget(target)) return leads(target.host) ? [target] : [];
    if (isDumpTarget(target)) return [];
    if (target.engine === 'dynamodb') return [];
    const { check, pointer } = target;
    return [...(check ? [check] : []), ...(pointer && 'secret' in pointer ? [pointer] : [])];
  });
  return [...new Map(all.map((one) => [one.secret, one])).values()];
}

export function readSecret(scope: Construct, { secret, secretKey }: NamedSecret, write = false): PolicyStatement[] {
  return [
    allow(['secretsmanager:GetSecretValue', ...(write ? ['secretsmanager:PutSecretValue'] : [])], [secret]),
    ...when(secretKey !== undefined, () => [
      allow(['kms:Decrypt', ...(write ? ['kms:GenerateDataKey'] : [])], [secretKey!], {
        StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(scope).region}.amazonaws.com` },
      }),
    ]),
  ];
}

/** Only what the targets' `pointer` names. */
export function pointerRights(scope: Construct, config: Config, write: boolean): PolicyStatement[] {
  return config.targets.filter(isNativeTarget).flatMap(({ pointer }) => {
    if (!pointer) return [];
    if ('parameter' in pointer)
      return [
        allow(
          ['ssm:GetParameter', ...(write ? ['ssm:PutParameter'] : [])],
          [
            Stack.of(scope).formatArn({
              service: 'ssm',
              resource: 'parameter',
              resourceName: pointer.parameter.replace(/^\//, ''),
            }),
          ],
        ),
      ];
    if ('secret' in pointer) return readSecret(scope, pointer, write);
    const zone = Stack.of(scope).formatArn({
      service: 'route53',
      region: '',
      account: '',
      resource: 'hostedzone',
      resourceName: pointer.hostedZone,
    });
    return [
      allow(['route53:ListResourceRecordSets'], [zone]),
      ...when(write, () => [
        allow(['route53:ChangeResourceRecordSets'], [zone], {
          'ForAllValues:StringEquals': {
            'route53:ChangeResourceRecordSetsNormalizedRecordNames': [pointer.record.toLowerCase().replace(/\.$/, '')],
          },
          Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
        }),
      ]),
    ];
  });
}
