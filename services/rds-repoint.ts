/**
 * Who else knows a replaced instance or cluster, and how. Alarms name it by its name, which the restored one has now: they need
 * nothing ("Metrics and events associated with the name of a DB instance are maintained if you reuse a DB instance name").
 * Source: AWS, RDS User Guide, "Renaming a DB instance".
 */
import {
  AddSourceIdentifierToSubscriptionCommand,
  DeregisterDBProxyTargetsCommand,
  DescribeBlueGreenDeploymentsCommand,
  DescribeDBProxiesCommand,
  DescribeDBProxyTargetsCommand,
  DescribeEventSubscriptionsCommand,
  RegisterDBProxyTargetsCommand,
  RemoveSourceIdentifierFromSubscriptionCommand,
  type DBInstance,
} from '@aws-sdk/client-rds';
import type { NativeResource } from '../core/native.ts';
import { all, calling, codeOf, unless, wordsOf, type Rds } from './rds-calls.ts';
import { findInstance, findInstanceById } from './rds-read.ts';

/** One side of the exchange, as others may know it. */
export interface Known {
  readonly name: string;
  readonly arn: string;
  readonly resourceId: string;
}
export interface Exchanged {
  readonly kind: 'db-instance' | 'db-cluster';
  readonly old: Known;
  readonly restored: Known;
}

/** The sentence that a call's result is, or that a person must do it. */
async function orByHand(done: string, byHand: string, calls: () => Promise<unknown>): Promise<string> {
  try {
    await calls();
    return done;
  } catch (error) {
    return `${byHand} (${wordsOf(error)})`;
  }
}

async function subscriptions(rds: Rds, { kind, old, restored }: Exchanged): Promise<string[]> {
  const list = await calling('list event subscriptions', old.name, () =>
    all(async (marker) => {
      const answer = await rds.send(new DescribeEventSubscriptionsCommand(marker));
      return { found: answer.EventSubscriptionsList, marker: answer.Marker };
    }),
  );
  const naming = list.filter(
    ({ SourceType, SourceIdsList }) => SourceType === kind && SourceIdsList?.includes(old.name),
  );
  const said: string[] = [];
  for (const { CustSubscriptionId: SubscriptionName = '', SourceIdsList } of naming) {
    const [add, remove] = [
      new AddSourceIdentifierToSubscriptionCommand({ SubscriptionName, SourceIdentifier: restored.name }),
      new RemoveSourceIdentifierFromSubscriptionCommand({ SubscriptionName, SourceIdentifier: old.name }),
    ];
    said.push(
      await orByHand(
        `The event subscription ${SubscriptionName} now names ${restored.name} instead of ${old.name}.`,
        `Let the event subscription ${SubscriptionName} name ${restored.name} instead of ${old.name}.`,
        async () => {
          if (!SourceIdsList?.includes(restored.name)) await rds.send(add);
          await rds.send(remove);
        },
      ),
    );
  }
  return said;
}

async function proxies(rds: Rds, { kind, old, restored }: Exchanged): Promise<string[]> {
  const list = await calling('list proxies', old.name, () =>
    all(async (marker) => {
      const answer = await rds.send(new DescribeDBProxiesCommand(marker));
      return { found: answer.DBProxies, marker: answer.Marker };
    }),
  );
  const ids = (name: string) =>
    kind === 'db-instance' ? { DBInstanceIdentifiers: [name] } : { DBClusterIdentifiers: [name] };
  const said: string[] = [];
  for (const { DBProxyName = '' } of list) {
    const targets = await calling('list proxy targets', DBProxyName, () =>
      all(async (marker) => {
        const answer = await rds.send(new DescribeDBProxyTargetsCommand({ DBProxyName, ...marker }));
        return { found: answer.Targets, marker: answer.Marker };
      }),
    );
    const names = new Set(targets.flatMap(({ RdsResourceId, TrackedClusterId }) => [RdsResourceId, TrackedClusterId]));
    if (names.has(old.name))
      said.push(
        await orByHand(
          `The proxy ${DBProxyName} now leads to ${restored.name} instead of ${old.name}.`,
          `Let the proxy ${DBProxyName} lead to ${restored.name} instead of ${old.name}.`,
          async () => {
            const gone = (error: unknown): boolean => codeOf(error) === 'DBProxyTargetNotFound';
            await unless(gone, () => rds.send(new DeregisterDBProxyTargetsCommand({ DBProxyName, ...ids(old.name) })));
            await rds.send(new RegisterDBProxyTargetsCommand({ DBProxyName, ...ids(restored.name) }));
          },
        ),
      );
    else if (names.has(restored.name))
      said.push(
        `The proxy ${DBProxyName} names ${restored.name}: see that its target is healthy, and register it anew if not.`,
      );
  }
  return said;
}

async function blueGreen(rds: Rds, { old, restored }: Exchanged): Promise<string[]> {
  const list = await calling('list blue/green deployments', old.name, () =>
    all(async (marker) => {
      const answer = await rds.send(new DescribeBlueGreenDeploymentsCommand(marker));
      return { found: answer.BlueGreenDeployments, marker: answer.Marker };
    }),
  );
  const arns = new Set([old.arn, restored.arn]);
  return list
    .filter(({ Source = '', Target = '', Status }) => (arns.has(Source) || arns.has(Target)) && Status !== 'DELETING')
    .map(
      ({ BlueGreenDeploymentName = '' }) =>
        `The blue/green deployment ${BlueGreenDeploymentName} belongs to the replaced one; delete it and make it anew.`,
    );
}

/** What everybody who can be asked says of the old one. */
export const repointShared = async (rds: Rds, exchanged: Exchanged): Promise<string[]> => [
  ...(await subscriptions(rds, exchanged)),
  ...(await proxies(rds, exchanged)),
  ...(await blueGreen(rds, exchanged)),
];

/** What only a person can know or do, where it matters. */
export function byHand(
  { old, restored }: Exchanged,
  facts: {
    readonly oldSecret?: string | undefined;
    readonly newSecret?: string | undefined;
    readonly iam: boolean;
    readonly monitored: boolean;
    readonly replicas: readonly string[];
    readonly replications: number;
    readonly activityStream: boolean;
  },
): string[] {
  const { oldSecret, newSecret } = facts;
  return [
    ...(newSecret && newSecret !== oldSecret
      ? [
          `The master password of ${restored.name} is in a new secret, ${newSecret}${oldSecret ? ` (before: ${oldSecret})` : ''}: let applications read that one.`,
        ]
      : []),
    ...(facts.iam
      ? [`IAM policies that allow rds-db:connect name ${old.resourceId}; let them name ${restored.resourceId}.`]
      : []),
    ...(facts.monitored
      ? [
          `Enhanced Monitoring writes to the log stream ${restored.resourceId} of RDSOSMetrics, no longer to ${old.resourceId}.`,
        ]
      : []),
    ...(facts.replicas.length > 0
      ? [`Read replicas still follow ${old.name}: ${facts.replicas.join(', ')}. Make them anew from ${restored.name}.`]
      : []),
    ...(facts.replications > 0
      ? [`Automated backups of ${old.name} are replicated to another region; start that for ${restored.name} too.`]
      : []),
    ...(facts.activityStream ? [`The activity stream of ${old.name} is not on ${restored.name}; start it there.`] : []),
  ];
}

const streams = (status: string | undefined): boolean => status === 'started' || status === 'starting';

export async function repointInstance(
  rds: Rds,
  from: { readonly resourceId: string; readonly name: string },
  to: NativeResource,
): Promise<string[]> {
  const was: DBInstance | undefined = await findInstanceById(rds, from.resourceId);
  const is = await findInstance(rds, to.settings.name);
  const exchanged: Exchanged = {
    kind: 'db-instance',
    old: { name: was?.DBInstanceIdentifier ?? from.name, arn: was?.DBInstanceArn ?? '', resourceId: from.resourceId },
    restored: { name: to.settings.name, arn: to.settings.arn, resourceId: to.settings.resourceId },
  };
  const said = byHand(exchanged, {
    oldSecret: was?.MasterUserSecret?.SecretArn,
    newSecret: is?.MasterUserSecret?.SecretArn,
    iam: is?.IAMDatabaseAuthenticationEnabled === true,
    monitored: (is?.MonitoringInterval ?? 0) > 0,
    replicas: [...(was?.ReadReplicaDBInstanceIdentifiers ?? []), ...(was?.ReadReplicaDBClusterIdentifiers ?? [])],
    replications: was?.DBInstanceAutomatedBackupsReplications?.length ?? 0,
    activityStream: streams(was?.ActivityStreamStatus),
  });
  // Without an old name there is nothing that others could be moved from.
  return exchanged.old.name === exchanged.restored.name ? said : [...(await repointShared(rds, exchanged)), ...said];
}
