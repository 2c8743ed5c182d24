/** The fence of a table's swap when no state of it comes any more to lift it: it must not outlive its restore. */
import { NightjarError, toNightjarError } from '../../core/errors.ts';
import type { NativeResource, NativeRestore } from '../../core/native.ts';
import type { NativeRecord } from '../../core/serving.ts';
import type { Parts } from '../shared/parts.ts';
import { isGoing } from './serving.ts';
import { whose } from './table.ts';

type Needs = Pick<Parts, 'catalog' | 'services' | 'now'>;

/**
 * By what was noted: the config may say another thing by now. Without that step there is no fence of ours; that it was begun is
 * noted before anything is put there, and an application that was stopped instead leaves no policy behind.
 */
export const mayBeFenced = ({ steps, fencedAt, fencedPolicy }: NativeRestore): boolean =>
  fencedPolicy !== undefined || (steps.FenceTable !== undefined && fencedAt === undefined);

/** After it was asked to delete a table DynamoDB may describe it for a moment as if it were to stay. */
export const STAYS_SECONDS = 60;

export interface FenceEnd {
  /** Whether this call let writes in. */
  readonly lifted: boolean;
  /** That writes are denied, and the command that lets them in: for record and mail. */
  readonly stands?: string;
  /** It is to be tried again: to be thrown once everything else is put in order. */
  readonly again?: NightjarError;
}
const NO_FENCE: FenceEnd = { lifted: false };

/** Whether the fence stands after the restore was closed, for whoever may not lift it. */
export async function fenceLeft(parts: Needs, record: NativeRecord): Promise<FenceEnd> {
  try {
    if (!(await fencedTable(parts, record))) return NO_FENCE;
    return { lifted: false, stands: standing(record, 'Nightjar tries to lift it within minutes') };
  } catch (error) {
    return { lifted: false, stands: standing(record, toNightjarError(error).message, 'may be') };
  }
}

/**
 * Lifts it from the original that lives. Only of a closed record: a function that is still at work can then note nothing, and
 * takes back what it had put up itself. `ended`: when the execution did.
 */
export async function liftFence(parts: Needs, record: NativeRecord, ended: Date): Promise<FenceEnd> {
  const { native } = record;
  const { name } = native.settings;
  const service = parts.services.dynamodb;
  try {
    const table = await fencedTable(parts, record);
    if (!table) return { lifted: await noteOpen(parts, record) };
    if (whose(native, table) === 'recreated')
      return {
        lifted: false,
        stands: standing(
          record,
          'The table was made again, and is not proven or lacks settings: start the restore again',
        ),
      };
    // A deletion that was asked for does not show at once, and what would be written until then would be lost.
    if (native.serving === 'nothing' && parts.now().getTime() - ended.getTime() < STAYS_SECONDS * 1_000)
      return { lifted: false, again: tooEarly(name) };
    const before = native.fencedPolicy ?? (await service.fence(name));
    await service.unfence(name, before);
    await noteLifted(parts, record, before);
    return { lifted: true };
  } catch (error) {
    const again = toNightjarError(error, 'lift fence');
    return { lifted: false, stands: standing(record, again.message), again };
  }
}

const tooEarly = (name: string): NightjarError =>
  new NightjarError('EXECUTION_FAILED', {
    operation: 'lift fence',
    detail: `Whether ${name} is being deleted shows within a minute.`,
  });

/** The table under the name, when a fence of this restore stands on it. */
async function fencedTable(
  { catalog, services: { dynamodb } }: Needs,
  record: NativeRecord,
): Promise<NativeResource | undefined> {
  const { native, restoreId, target } = record;
  if (native.settings.engine !== 'dynamodb' || !mayBeFenced(native)) return undefined;
  const { name } = native.settings;
  const table = await dynamodb.read(name);
  // With a table its fence goes.
  if (!table || isGoing(table) || whose(native, table) === 'foreign' || !(await dynamodb.fenced(name)))
    return undefined;
  const others = await catalog.listRestores({ target });
  // Then it is the other one's by now, which lifts it at its own end.
  const taken = others.some(
    (one) => one.restoreId !== restoreId && one.status === 'RUNNING' && one.native?.steps.FenceTable !== undefined,
  );
  return taken ? undefined : table;
}

/** It may have died before there was a fence: then the record need not say any more that there may be one. */
async function noteOpen(parts: Needs, { restoreId, native }: NativeRecord): Promise<boolean> {
  const { settings, fencedAt, openedAt, original } = native;
  if (settings.engine !== 'dynamodb' || !mayBeFenced(native) || fencedAt !== undefined || openedAt !== undefined)
    return false;
  const { dynamodb } = parts.services;
  const table = await dynamodb.read(settings.name);
  if (table?.settings.resourceId !== original?.resourceId || (await dynamodb.fenced(settings.name))) return false;
  return parts.catalog.updateRestore(restoreId, ['FAILED'], {
    native: { ...native, openedAt: parts.now().toISOString() },
  });
}

async function noteLifted({ catalog, now }: Needs, record: NativeRecord, before: string): Promise<void> {
  const { restoreId, native, warnings = [] } = record;
  const { name } = native.settings;
  const at = now().toISOString();
  await catalog.updateRestore(restoreId, ['FAILED'], {
    native: { ...native, fencedPolicy: before, openedAt: at, serving: 'original' },
    warnings: [
      ...warnings.filter((one) => !isStanding(one, name)),
      `The execution ended behind its fence: writes to ${name} were denied from ${native.fencedAt ?? 'then'} until ${at}, when they were let in again.`,
    ],
  });
}

const begins = (name: string): string => `Writes to ${name} `;
/** A sentence of {@link FenceEnd} in a record's warnings. */
export const isStanding = (warning: string, name: string): boolean =>
  warning.startsWith(begins(name)) && warning.includes(' DENIED by the fence');

function standing({ native, restoreId }: NativeRecord, why: string, is: 'are' | 'may be' = 'are'): string {
  const { name } = native.settings;
  const text = why.replace(/\.?$/, '.');
  return `${begins(name)}${is} DENIED by the fence of this restore. ${text} \`nightjar show ${restoreId}\` says whether it stands still; by hand: ${byHand(native)}`;
}

/** Puts back the policy that was there before. */
function byHand({ settings, fencedPolicy }: NativeRestore): string {
  const on = `--resource-arn ${settings.arn} --region ${settings.arn.split(':')[3] ?? ''}`;
  if (fencedPolicy === '') return `aws dynamodb delete-resource-policy ${on}`;
  if (fencedPolicy === undefined)
    return `aws dynamodb get-resource-policy ${on}, then put-resource-policy without its statement NightjarFence, or delete-resource-policy when no other is left.`;
  return `aws dynamodb put-resource-policy ${on} --policy '${fencedPolicy.replaceAll("'", "'\\''")}'`;
}
