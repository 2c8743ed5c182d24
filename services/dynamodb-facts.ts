/** Everything that is read of a table before its settings are told. */
import {
  DescribeContinuousBackupsCommand,
  DescribeKinesisStreamingDestinationCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ListContributorInsightsCommand,
  ListTagsOfResourceCommand,
  type ContinuousBackupsDescription,
  type ContributorInsightsSummary,
  type DynamoDBClient,
  type TableDescription,
  type TimeToLiveDescription,
} from '@aws-sdk/client-dynamodb';
import type { Sends, TableClients } from './clients.ts';
import { MISSING, unless } from './dynamodb-calls.ts';
import { destinationsOf, readMappings, type Destination, type Mapping } from './dynamodb-consumers.ts';
import { isFenced, readPolicy, withoutFence } from './dynamodb-policy.ts';
import { readScaling, type ScaledDimension } from './dynamodb-scaling.ts';

type Dynamo = Sends<DynamoDBClient>;
export type Clients = { readonly [K in keyof TableClients]: Sends<TableClients[K]> };

export interface TableFacts {
  readonly table: TableDescription;
  readonly tags: Readonly<Record<string, string>>;
  readonly backups?: ContinuousBackupsDescription;
  readonly ttl?: TimeToLiveDescription;
  readonly insights: readonly ContributorInsightsSummary[];
  readonly destinations: readonly Destination[];
  readonly scaling: readonly ScaledDimension[];
  readonly mappings: readonly Mapping[];
  /** Without our fence; undefined when there is none. */
  readonly policy?: string;
  /** Whether our fence is in the policy. */
  readonly fenced: boolean;
  readonly streamPolicy?: string;
}

export const describeTable = async (client: Dynamo, name: string): Promise<TableDescription | undefined> =>
  (await unless(MISSING, () => client.send(new DescribeTableCommand({ TableName: name }))))?.Table;

/** What AWS sets itself (`aws:cloudformation:…`) nobody else can set. Source: AWS, Tagging AWS resources. */
export async function readTags(client: Dynamo, arn: string): Promise<Record<string, string>> {
  const tags: Record<string, string> = {};
  let NextToken: string | undefined;
  do {
    const page = await client.send(new ListTagsOfResourceCommand({ ResourceArn: arn, NextToken }));
    for (const { Key, Value } of page.Tags ?? []) if (!Key!.startsWith('aws:')) tags[Key!] = Value!;
    NextToken = page.NextToken;
  } while (NextToken);
  return tags;
}

async function readInsights(client: Dynamo, name: string): Promise<ContributorInsightsSummary[]> {
  const all: ContributorInsightsSummary[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new ListContributorInsightsCommand({ TableName: name, NextToken }));
    all.push(...(page.ContributorInsightsSummaries ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  return all;
}

const policyText = async (client: Dynamo, arn: string | undefined): Promise<string | undefined> =>
  arn === undefined ? undefined : (await readPolicy(client, arn))?.text;

/** A table that comes or goes answers little: then only the description is told, and the tags where they are known. */
export async function readFacts(clients: Clients, name: string): Promise<TableFacts | undefined> {
  const { dynamodb } = clients;
  const table = await describeTable(dynamodb, name);
  if (!table) return undefined;
  const bare = { table, tags: {}, insights: [], destinations: [], scaling: [], mappings: [], fenced: false };
  const tagged = await unless(MISSING, () => readTags(dynamodb, table.TableArn!)).catch((error: unknown) => {
    if (table.TableStatus === 'CREATING' || table.TableStatus === 'DELETING') return {};
    throw error;
  });
  if (tagged === undefined || table.TableStatus === 'CREATING' || table.TableStatus === 'DELETING')
    return { ...bare, tags: tagged ?? {} };

  const on = { TableName: name };
  const indexes = (table.GlobalSecondaryIndexes ?? []).map((one) => one.IndexName!);
  const stream = table.StreamSpecification?.StreamEnabled ? table.LatestStreamArn : undefined;
  // Deleted while it is being read: it is not there.
  return unless(MISSING, async () => {
    const [backups, ttl, insights, kinesis, scaling, mappings, policy, streamPolicy] = await Promise.all([
      dynamodb.send(new DescribeContinuousBackupsCommand(on)),
      dynamodb.send(new DescribeTimeToLiveCommand(on)),
      readInsights(dynamodb, name),
      dynamodb.send(new DescribeKinesisStreamingDestinationCommand(on)),
      readScaling(clients.scaling, name, indexes),
      stream ? readMappings(clients.lambda, stream) : [],
      policyText(dynamodb, table.TableArn),
      policyText(dynamodb, stream),
    ]);
    return {
      table,
      tags: tagged,
      backups: backups.ContinuousBackupsDescription,
      ttl: ttl.TimeToLiveDescription,
      insights,
      destinations: destinationsOf(kinesis.KinesisDataStreamDestinations ?? []),
      scaling,
      mappings,
      policy: withoutFence(policy ?? '') || undefined,
      fenced: policy !== undefined && isFenced(policy),
      streamPolicy,
    };
  });
}
