/** Who gets a table's changes and can't be attached again: a difference, and no reason to keep writes away any longer. */
import { toNightjarError } from '../../core/errors.ts';
import { differencesOf, type NativeSettings } from '../../core/native.ts';
import { SETTINGS } from '../../services/dynamodb-settings.ts';
import { settled, warn, type TableLook, type TableNeeds } from './table.ts';

const CONSUMERS = SETTINGS.filter(([, { consumer }]) => consumer).map(([key]) => key as string);
/** For so long what was refused is tried again, while nobody can write. */
const TRIED_SECONDS = 30;
const STEP = 'ConsumersRefused';

/**
 * What is awaited after the service refused settings: consumers are tried for a moment and then told, with what to do.
 * @throws what was refused, when it is anything else.
 */
export async function onlyConsumers(
  parts: TableNeeds,
  { looked, service, name }: TableLook,
  refusal: unknown,
): Promise<string[]> {
  const { code, message } = toNightjarError(refusal);
  const { settings, steps } = looked.record.native;
  const found = (await service.read(name))?.settings;
  if (code !== 'SERVICE_REFUSED' || !found) throw refusal;
  const missing = differencesOf(settings, found).map(({ setting }) => setting);
  if (missing.length === 0 || missing.some((one) => !CONSUMERS.includes(one))) throw refusal;
  const since = steps[STEP]?.startedAt ?? parts.now().toISOString();
  if (!steps[STEP]) await looked.note({ steps: { ...steps, [STEP]: { startedAt: since } } });
  if (!settled(parts, since, TRIED_SECONDS)) return missing;
  await warn(
    parts,
    looked,
    `Not everybody gets the changes of ${name} as before, and writes were let in without: ${message} Put right what it names, then: ${byHand(settings, found).join(' and ')}. A stream keeps changes for 24 hours.`,
  );
  return [];
}

type Json = Readonly<Record<string, unknown>>;
const listOf = ({ values }: NativeSettings, key: string): Json[] => (values[key] ?? []) as Json[];

/** The commands that attach those that are missing. */
function byHand(wanted: NativeSettings, found: NativeSettings): string[] {
  const lacking = (key: string, id: string): Json[] =>
    listOf(wanted, key).filter((one) => !listOf(found, key).some((there) => there[id] === one[id]));
  const region = found.arn.split(':')[3] ?? '';
  const stream = `$(aws dynamodb describe-table --table-name ${found.name} --region ${region} --query Table.LatestStreamArn --output text)`;
  return [
    ...lacking('EventSourceMappings', 'FunctionArn').map(({ FunctionArn, ...chosen }) => {
      const input = JSON.stringify({ FunctionName: FunctionArn, StartingPosition: 'TRIM_HORIZON', ...chosen });
      return `aws lambda create-event-source-mapping --region ${region} --event-source-arn "${stream}" --cli-input-json '${input.replaceAll("'", "'\\''")}'`;
    }),
    ...lacking('KinesisStreamingDestinations', 'StreamArn').map(
      ({ StreamArn, ApproximateCreationDateTimePrecision: precision }) =>
        `aws dynamodb enable-kinesis-streaming-destination --region ${region} --table-name ${found.name} --stream-arn ${String(StreamArn)} --enable-kinesis-streaming-configuration ApproximateCreationDateTimePrecision=${String(precision)}`,
    ),
  ];
}
