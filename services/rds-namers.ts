/**
 * Who else knows a replaced instance or cluster, and how. Almost all alarms name it by its name, which the restored one has now:
 * they need nothing ("Metrics and events associated with the name of a DB instance are maintained if you reuse a DB instance name").
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
} from '@aws-sdk/client-rds';
import { alarmsNaming } from './alarms.ts';
import type { RdsClients } from './clients.ts';
import { all, calling, codeOf, unless, wordsOf, type Rds } from './rds-calls.ts';

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
/** With the members of a cluster, each beside the one that has its place now. */
export interface ExchangedWhole extends Exchanged {
  readonly members: readonly Exchanged[];
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

async function subscriptions(rds: Rds, whole: ExchangedWhole): Promise<string[]> {
  const list = await calling('list event subscriptions', whole.old.name, () =>
    all(async (marker) => {
      const answer = await rds.send(new DescribeEventSubscriptionsCommand(marker));
      return { found: answer.EventSubscriptionsList, marker: answer.Marker };
    }),
  );
  const naming = [whole, ...whole.members].flatMap(({ kind, old, restored }) =>
    list
      .filter(({ SourceType, SourceIdsList }) => SourceType === kind && SourceIdsList?.includes(old.name))
      .map((subscription) => ({ subscription, old, restored })),
  );
  const said: string[] = [];
  for (const { subscription, old, restored } of naming) {
    const { CustSubscriptionId: SubscriptionName = '', SourceIdsList } = subscription;
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

async function alarms(clients: RdsClients, { old, restored, members }: ExchangedWhole): Promise<string[]> {
  const heirs = new Map([{ old, restored }, ...members].map((one) => [one.old.resourceId, one.restored.resourceId]));
  const swaps = (ids: readonly string[]): string =>
    ids.map((id) => `${heirs.get(id) ?? 'the restored one'} instead of ${id}`).join(', ');
  if (!clients.alarms) throw new Error('nobody was asked');
  const naming = await alarmsNaming(clients.alarms(), [...heirs.keys()]);
  return naming.map(({ name, ids }) => `Let the alarm ${name} name ${swaps(ids)}: it watches the replaced one.`);
}

/** What everybody who can be asked says of the old one. Who can not be asked keeps nobody else from being. */
export async function repointNamers(clients: RdsClients, exchanged: ExchangedWhole): Promise<string[]> {
  const { old, restored } = exchanged;
  const asked: readonly (readonly [string, () => Promise<string[]>])[] = [
    ['event subscriptions', () => subscriptions(clients(), exchanged)],
    ['proxies', () => proxies(clients(), exchanged)],
    ['blue/green deployments', () => blueGreen(clients(), exchanged)],
    ['alarms', () => alarms(clients, exchanged)],
  ];
  const said: string[] = [];
  for (const [what, ask] of asked)
    try {
      said.push(...(await ask()));
    } catch (error) {
      said.push(
        `Which ${what} name the replaced one could not be found out (${wordsOf(error)}): look for ${old.name} and ${old.resourceId} there, and let them name ${restored.name} and ${restored.resourceId}.`,
      );
    }
  return said;
}
