/** Of the in-memory RDS: tags, quotas, and whoever names a database, CloudWatch's alarms among them. */
import { fault, paged, tagsOf, text, type Operation, type Region } from './fake-rds-store.ts';

function proxyOf(region: Region, name: string) {
  const found = region.proxies.find((one) => one.name === name);
  if (!found) throw fault('DBProxyNotFoundFault', `DBProxy ${name} not found.`);
  return found;
}

function subscriptionOf(region: Region, name: string) {
  const found = region.subscriptions.find(({ CustSubscriptionId }) => CustSubscriptionId === name);
  if (!found) throw fault('SubscriptionNotFoundFault', `${name} not found.`);
  return found;
}

/** A group is there unless the test took it away. */
function group(region: Region, kind: string, name: string): object {
  if (region.missingGroups.includes(name)) throw fault(`${kind}NotFoundFault`, `${kind} ${name} not found.`);
  return { [`${kind}s`]: [{ [`${kind}Name`]: name }] };
}

export const otherOperations: Record<string, Operation> = {
  AddTagsToResource({ region }, input) {
    const found = region.tagged(text(input.ResourceName));
    if (!found) throw fault('DBInstanceNotFoundFault', `${text(input.ResourceName)} not found.`);
    const added = tagsOf(input.Tags);
    if (added.some(({ Key }) => Key?.startsWith('aws:')))
      throw fault('InvalidParameterValue', 'aws: prefixed tag key names are not allowed');
    found.TagList = [...(found.TagList ?? []).filter(({ Key }) => !added.some((one) => one.Key === Key)), ...added];
    return {};
  },
  RemoveTagsFromResource({ region }, input) {
    const found = region.tagged(text(input.ResourceName));
    if (!found) throw fault('DBInstanceNotFoundFault', `${text(input.ResourceName)} not found.`);
    found.TagList = (found.TagList ?? []).filter(({ Key }) => !(input.TagKeys as string[]).includes(Key ?? ''));
    return {};
  },
  DescribeAccountAttributes: ({ region }) => ({ AccountQuotas: structuredClone(region.quotas) }),
  DescribeEventSubscriptions: ({ region }, input) => paged('EventSubscriptionsList', region.subscriptions, input),
  AddSourceIdentifierToSubscription({ region }, input) {
    const found = subscriptionOf(region, text(input.SubscriptionName));
    found.SourceIdsList = [...new Set([...(found.SourceIdsList ?? []), text(input.SourceIdentifier)])];
    return {};
  },
  RemoveSourceIdentifierFromSubscription({ region }, input) {
    const found = subscriptionOf(region, text(input.SubscriptionName));
    found.SourceIdsList = (found.SourceIdsList ?? []).filter((one) => one !== text(input.SourceIdentifier));
    return {};
  },
  DescribeDBProxies: ({ region }, input) =>
    paged(
      'DBProxies',
      region.proxies.map(({ name }) => ({ DBProxyName: name })),
      input,
    ),
  DescribeDBProxyTargets: ({ region }, input) =>
    paged('Targets', proxyOf(region, text(input.DBProxyName)).targets, input),
  RegisterDBProxyTargets({ region }, input) {
    const proxy = proxyOf(region, text(input.DBProxyName));
    const instances = (input.DBInstanceIdentifiers ?? []) as string[];
    const clusters = (input.DBClusterIdentifiers ?? []) as string[];
    if (proxy.targets.length > 0) throw fault('DBProxyTargetAlreadyRegisteredFault', 'The proxy has a target already.');
    proxy.targets = [
      ...instances.map((id) => ({ RdsResourceId: id, Type: 'RDS_INSTANCE' as const })),
      ...clusters.map((id) => ({ RdsResourceId: id, Type: 'TRACKED_CLUSTER' as const })),
    ];
    return {};
  },
  DeregisterDBProxyTargets({ region }, input) {
    const proxy = proxyOf(region, text(input.DBProxyName));
    const ids = [
      ...((input.DBInstanceIdentifiers ?? []) as string[]),
      ...((input.DBClusterIdentifiers ?? []) as string[]),
    ];
    if (!proxy.targets.some(({ RdsResourceId }) => ids.includes(RdsResourceId!)))
      throw fault('DBProxyTargetNotFoundFault', 'not found');
    proxy.targets = proxy.targets.filter(
      ({ RdsResourceId, TrackedClusterId }) => !ids.includes(RdsResourceId!) && !ids.includes(TrackedClusterId ?? ''),
    );
    return {};
  },
  DescribeDBEngineVersions: ({ region }, input) => ({
    DBEngineVersions: region.retired.includes(text(input.EngineVersion))
      ? []
      : [{ Engine: text(input.Engine), EngineVersion: text(input.EngineVersion) }],
  }),
  DescribeDBParameterGroups: ({ region }, input) => group(region, 'DBParameterGroup', text(input.DBParameterGroupName)),
  DescribeDBSubnetGroups: ({ region }, input) => group(region, 'DBSubnetGroup', text(input.DBSubnetGroupName)),
  DescribeDBClusterParameterGroups: ({ region }, input) =>
    group(region, 'DBClusterParameterGroup', text(input.DBClusterParameterGroupName)),
  DescribeOptionGroups({ region }, input) {
    const name = text(input.OptionGroupName);
    group(region, 'OptionGroup', name);
    return { OptionGroupsList: [{ OptionGroupName: name, Options: region.options[name] ?? [] }] };
  },
  DescribeBlueGreenDeployments: ({ region }, input) => paged('BlueGreenDeployments', region.blueGreen, input),
  DescribeAlarms: ({ region }, input) => paged('MetricAlarms', region.alarms, input, 'NextToken'),
};
