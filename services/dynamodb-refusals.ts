/** Why a restore of a table can not work, said before anything is begun. */
import type { RestoreMode } from '../core/engines.ts';
import type { NativeResource, NativeRestore } from '../core/native.ts';
import { describeTable, type Clients } from './dynamodb-facts.ts';
import { fenceFits, readPolicy } from './dynamodb-policy.ts';
import { deletedTableBackup, pointState } from './dynamodb-points.ts';
import { same } from './dynamodb-throughput.ts';

type Read = (name: string) => Promise<NativeResource | undefined>;
type Moment = Extract<NativeRestore['from'], { kind: 'moment' }>;

async function ofMoment(
  clients: Clients,
  from: Moment,
  source: NativeResource | undefined,
  name: string,
): Promise<string[]> {
  if (!source) {
    const left =
      from.at === 'latest' ? await deletedTableBackup(clients.dynamodb, name, from.sourceResourceId) : undefined;
    return left ? [] : [`The table ${name} is not there, so no moment of it can be restored; choose a backup.`];
  }
  if (source.settings.resourceId !== from.sourceResourceId)
    return [`The table ${name} was made again since; its own history begins there. Choose a backup.`];
  const { on, earliest, latest } = source.window;
  if (!on) return [`Point-in-time recovery of ${name} is off; choose a backup.`];
  if (from.at === 'latest') return [];
  const at = Date.parse(from.at);
  const inside = (!earliest || at >= Date.parse(earliest)) && (!latest || at <= Date.parse(latest));
  return inside
    ? []
    : [`The moment ${from.at} is outside of what ${name} can be restored to: ${earliest} to ${latest}.`];
}

async function ofPoint(clients: Clients, arn: string): Promise<string[]> {
  const found = await pointState(clients.dynamodb, arn);
  if (!found) return [`The backup ${arn} is not there any more.`];
  return found.status === 'ready' ? [] : [`The backup ${arn} is ${found.stateWord}.`];
}

/**
 * A swap deletes the table, and with it its place among its replicas; AWS lets a replica be added again only to an empty or new
 * table. Source: AWS, DynamoDB Developer Guide, Global tables.
 */
async function ofSwap(clients: Clients, source: NativeResource | undefined, name: string): Promise<string[]> {
  if (!source) return [];
  const { arn } = source.settings;
  const policy = (await readPolicy(clients.dynamodb, arn))?.text ?? '';
  return [
    ...(source.replicas.length > 0
      ? [
          `The table ${name} is a global table (${source.replicas.join(', ')}); it can not be deleted and made again ` +
            'without losing its replicas. Use mode new or pointer.',
        ]
      : []),
    ...(fenceFits(policy, arn)
      ? []
      : [`The resource policy of ${name} leaves no room for the fence against writes; shorten it, or use mode new.`]),
  ];
}

function ofItems(plan: NativeRestore, source: NativeResource | undefined, name: string): string[] {
  if (!source) return [`The table ${name} is not there, so no items can be copied into it.`];
  return same(source.settings.values.KeySchema, plan.settings.values.KeySchema)
    ? []
    : [`The keys of ${name} are not those of what is restored, so its items do not fit.`];
}

/**
 * How many restores run at once can not be asked cheaply; at the limit of 50 (AWS, DynamoDB API reference,
 * RestoreTableToPointInTime) the alias is begun later. Whether the key of an encrypted backup may be used shows only then too.
 */
export async function refusals(
  clients: Clients,
  read: Read,
  plan: NativeRestore,
  name: string,
  mode: RestoreMode | undefined,
): Promise<string[]> {
  const { alias, from } = plan;
  const source = await read(name);
  return [
    ...((await describeTable(clients.dynamodb, alias)) ? [`A table ${alias} is there already.`] : []),
    ...(/^[A-Za-z0-9_.-]{3,255}$/.test(alias) ? [] : [`The name ${alias} is none that a table can have.`]),
    ...(source?.state === 'failed' ? [`The table ${name} is ${source.stateWord}.`] : []),
    ...(from.kind === 'moment' ? await ofMoment(clients, from, source, name) : await ofPoint(clients, from.arn)),
    ...(mode === 'swap' ? await ofSwap(clients, source, name) : []),
    ...(mode === 'items' ? ofItems(plan, source, name) : []),
  ];
}
