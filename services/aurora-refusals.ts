/** Why a restore of a cluster can not work, found out before anything is begun. */
import { DescribeDBClusterParameterGroupsCommand, DescribeDBSubnetGroupsCommand } from '@aws-sdk/client-rds';
import type { NativeRestore } from '../core/native.ts';
import { LONGEST_RESOURCE_SUFFIX } from '../core/names.ts';
import { newMemberName } from './aurora-members.ts';
import { clusterWindow, findCluster, findClusterById } from './aurora-read.ts';
import type { RdsClients } from './clients.ts';
import { calling, codeOf, unless, type Rds } from './rds-calls.ts';
import { CLUSTER_SNAPSHOTS } from './rds-points.ts';
import { findInstance } from './rds-read.ts';
import { momentRefusals, nameRefusals, pointRefusals, quotaRefusals } from './rds-refusals.ts';

const MEMBER_LIMIT = 63 - LONGEST_RESOURCE_SUFFIX;

export async function clusterRefusals(clients: RdsClients, plan: NativeRestore, name: string): Promise<string[]> {
  const rds = clients();
  const { from, settings, alias, oldName, original } = plan;
  const found = original ? await findClusterById(rds, original.resourceId) : undefined;
  const swaps = oldName !== undefined;
  const members = settings.instances.map((one, index) => newMemberName(alias, settings.name, one.name, index));
  const engine = settings.server?.engine ?? 'aurora';
  return [
    ...(engine.startsWith('aurora')
      ? []
      : [`${name} runs ${engine} as a Multi-AZ DB cluster, which Nightjar does not restore.`]),
    ...(found?.EngineMode === 'serverless'
      ? [`${name} is Aurora Serverless v1, which Nightjar does not restore.`]
      : []),
    ...(swaps && found?.GlobalClusterIdentifier
      ? [
          `${name} belongs to the global database ${found.GlobalClusterIdentifier}; what is restored would not. Restore it as \`new\` or with a pointer.`,
        ]
      : []),
    ...(swaps
      ? settings.instances
          .filter((one) => one.name.length > MEMBER_LIMIT)
          .map(
            (one) =>
              `The member ${one.name} can not be renamed out of the way: its name may have ${MEMBER_LIMIT} characters.`,
          )
      : []),
    ...(settings.instances.length === 0
      ? [`${name} had no member when its settings were read, so nothing could serve.`]
      : []),
    ...(await nameRefusals([alias, oldName], async (one) => (await findCluster(rds, one)) !== undefined)),
    ...(await nameRefusals(members, async (one) => (await findInstance(rds, one)) !== undefined)),
    ...(from.kind === 'moment'
      ? momentRefusals(from.at, name, await clusterWindow(rds, from.sourceResourceId))
      : (await pointRefusals(clients, CLUSTER_SNAPSHOTS, plan)).said),
    ...(await quotaRefusals(rds, { DBClusters: 1, DBInstances: settings.instances.length })),
    ...(await groupRefusals(rds, settings.values as Record<string, string>)),
  ];
}

async function groupRefusals(
  rds: Rds,
  { DBClusterParameterGroupName, DBSubnetGroupName }: Record<string, string>,
): Promise<string[]> {
  const asked: [string | undefined, string, () => Promise<unknown>][] = [
    [
      DBClusterParameterGroupName,
      'cluster parameter group',
      () => rds.send(new DescribeDBClusterParameterGroupsCommand({ DBClusterParameterGroupName })),
    ],
    [DBSubnetGroupName, 'subnet group', () => rds.send(new DescribeDBSubnetGroupsCommand({ DBSubnetGroupName }))],
  ];
  const said: string[] = [];
  for (const [group, what, ask] of asked) {
    if (group === undefined || /^default(\.|$)/.test(group)) continue;
    const there = await calling(`read ${what}`, group, () =>
      unless((error) => codeOf(error).endsWith('NotFound'), ask),
    );
    if (!there) said.push(`The ${what} ${group} is not there any more; make it again, or change the settings.`);
  }
  return said;
}
