/**
 * Who gets a table's changes: functions over its stream, and a Kinesis stream. A table that is made again has a stream of
 * another ARN, so each mapping is made anew; a mapping's source can not be changed (AWS, Lambda API reference,
 * UpdateEventSourceMapping). A restore itself writes nothing into a stream: it is off until its settings are reapplied.
 */
import {
  EnableKinesisStreamingDestinationCommand,
  UpdateKinesisStreamingDestinationCommand,
  type DynamoDBClient,
  type KinesisDataStreamDestination,
} from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  type EventSourceMappingConfiguration,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import type { Sends } from './clients.ts';
import { unless } from './dynamodb-calls.ts';

type Lambda = Sends<LambdaClient>;

/** What a person chose of a mapping, under the names of CreateEventSourceMapping. */
const CHOSEN = [
  'BatchSize',
  'MaximumBatchingWindowInSeconds',
  'ParallelizationFactor',
  'FilterCriteria',
  'KMSKeyArn',
  'MetricsConfig',
  'DestinationConfig',
  'MaximumRecordAgeInSeconds',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'TumblingWindowInSeconds',
  'FunctionResponseTypes',
] as const satisfies readonly (keyof EventSourceMappingConfiguration)[];
export type Mapping = Pick<EventSourceMappingConfiguration, 'FunctionArn' | (typeof CHOSEN)[number]> & {
  readonly Enabled: boolean;
};

const isOff = (mapping: EventSourceMappingConfiguration): boolean => (mapping.State ?? '').startsWith('Disabl');
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

async function listMappings(
  lambda: Lambda,
  by: { readonly EventSourceArn: string } | { readonly FunctionName: string },
): Promise<EventSourceMappingConfiguration[]> {
  const all: EventSourceMappingConfiguration[] = [];
  let Marker: string | undefined;
  do {
    const page = await lambda.send(new ListEventSourceMappingsCommand({ ...by, Marker }));
    all.push(...(page.EventSourceMappings ?? []));
    Marker = page.NextMarker;
  } while (Marker);
  return all.filter((one) => one.State !== 'Deleting');
}

export async function readMappings(lambda: Lambda, streamArn: string): Promise<Mapping[]> {
  const found = await listMappings(lambda, { EventSourceArn: streamArn });
  return found
    .map((one): Mapping => {
      const chosen = CHOSEN.filter((key) => !isEmpty(one[key])).map((key) => [key, one[key]] as const);
      return { FunctionArn: one.FunctionArn, Enabled: !isOff(one), ...Object.fromEntries(chosen) };
    })
    .sort((a, b) => (a.FunctionArn! < b.FunctionArn! ? -1 : 1));
}

/**
 * Makes what is missing on the table's stream as it is now, from its beginning (TRIM_HORIZON), so that no change is skipped.
 * Mappings on an older stream of the same table that are switched off go; one that is on reads what is left there, for the 24
 * hours that AWS keeps it (DynamoDB Developer Guide, Change data capture for DynamoDB Streams).
 * @returns whether one was made; a function that reads the stream already is left as it is.
 */
export async function applyMappings(
  lambda: Lambda,
  table: { readonly arn: string; readonly streamArn: string },
  wanted: readonly Mapping[],
): Promise<boolean> {
  let made = false;
  const there = await listMappings(lambda, { EventSourceArn: table.streamArn });
  for (const { FunctionArn, ...chosen } of wanted) {
    if (!there.some((one) => one.FunctionArn === FunctionArn)) {
      await lambda.send(
        new CreateEventSourceMappingCommand({
          ...chosen,
          FunctionName: FunctionArn!,
          EventSourceArn: table.streamArn,
          StartingPosition: 'TRIM_HORIZON',
        }),
      );
      made = true;
    }
    const older = await listMappings(lambda, { FunctionName: FunctionArn! });
    for (const one of older) {
      const isOlder = one.EventSourceArn?.startsWith(`${table.arn}/stream/`) && one.EventSourceArn !== table.streamArn;
      if (isOlder && isOff(one) && one.FunctionArn === FunctionArn)
        await unless(['ResourceNotFoundException'], () =>
          lambda.send(new DeleteEventSourceMappingCommand({ UUID: one.UUID! })),
        );
    }
  }
  return made;
}

export type Destination = Pick<KinesisDataStreamDestination, 'StreamArn' | 'ApproximateCreationDateTimePrecision'>;

export const destinationsOf = (found: readonly KinesisDataStreamDestination[]): Destination[] =>
  found
    .filter((one) => ['ACTIVE', 'ENABLING', 'UPDATING'].includes(one.DestinationStatus ?? ''))
    .map(({ StreamArn, ApproximateCreationDateTimePrecision: precision }) => ({
      StreamArn,
      // What it is when nobody says: AWS, DynamoDB Developer Guide, Using Kinesis Data Streams.
      ApproximateCreationDateTimePrecision: precision ?? 'MILLISECOND',
    }))
    .sort((a, b) => (a.StreamArn! < b.StreamArn! ? -1 : 1));

export async function applyDestinations(
  client: Sends<DynamoDBClient>,
  table: string,
  wanted: readonly Destination[],
  found: readonly Destination[],
): Promise<boolean> {
  let asked = false;
  for (const { StreamArn, ApproximateCreationDateTimePrecision: precision } of wanted) {
    const there = found.find((one) => one.StreamArn === StreamArn);
    if (there?.ApproximateCreationDateTimePrecision === precision) continue;
    const on = { TableName: table, StreamArn };
    await client.send(
      there
        ? new UpdateKinesisStreamingDestinationCommand({
            ...on,
            UpdateKinesisStreamingConfiguration: { ApproximateCreationDateTimePrecision: precision },
          })
        : new EnableKinesisStreamingDestinationCommand({
            ...on,
            EnableKinesisStreamingConfiguration: { ApproximateCreationDateTimePrecision: precision },
          }),
    );
    asked = true;
  }
  return asked;
}
