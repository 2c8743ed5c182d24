/**
 * Makes the table under its own name again, from the backup of the proven alias. As BringTableBack, after something broke, it
 * does so only when the table is missing, and takes the original's backup when the other one is of no use.
 */
import { NightjarError } from '../core/errors.ts';
import type { NativeResource, NativeRestore } from '../core/native.ts';
import { STAYS_SECONDS } from './native/fence.ts';
import { isGoing } from './native/serving.ts';
import { foreign, settled, tableState, whereData, whose, type TableLook, type TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

export const makeRecreateTable = (parts: TableNeeds) =>
  tableState(
    parts,
    (event) => (event.failure ? 'BringTableBack' : 'RecreateTable'),
    async (look) => {
      const { looked, service, name } = look;
      const { native } = looked.record;
      const table = await service.read(name);
      if (!table) return begin(look);
      if (whose(native, table) === 'original') return original(parts, look, table);
      if (isLeaving(native, table)) return false;
      const from = madeFrom(native, table);
      if (from === undefined) throw foreign(looked.record, name);
      const { arn, resourceId } = table.settings;
      await looked.note({ recreatedFrom: from, recreated: { arn, resourceId } });
      if (table.state === 'failed')
        throw new NightjarError('SERVICE_REFUSED', {
          operation: 'recreate table',
          detail: `${name} is ${table.stateWord}. ${whereData(looked.record)}`,
        });
      if (table.state !== 'ready') return false;
      await looked.note({ serving: from === native.backups?.original ? 'original' : 'restored' });
      return true;
    },
  );

/** The original is still there: RecreateTable waits until it is gone, the way back is content once it is sure to stay. */
async function original(parts: TableNeeds, { looked, event, since }: TableLook, table: NativeResource) {
  if (!event.failure || table.state === 'busy') return false;
  if (looked.record.native.serving === 'nothing' && !settled(parts, since, STAYS_SECONDS)) return false;
  await looked.note({ serving: 'original' });
  return true;
}

/** On its way out when the restore began, or by somebody's hand since: the name is not free yet. A stale reading calls it active. */
const isLeaving = (native: NativeRestore, table: NativeResource): boolean =>
  isGoing(table) || (!native.original && table.settings.resourceId === native.settings.resourceId);

/** Which of our sources a table under the name was made from; undefined when somebody else made it. */
function madeFrom(
  { original, from, backups }: NativeRestore,
  { madeFrom: source }: NativeResource,
): string | undefined {
  if (source === undefined) return undefined;
  // Of a deleted table the service keeps a backup of its own: its ARN is not known before.
  if (!original && from.kind === 'moment') return source;
  const ours = original ? [backups?.restored, backups?.original] : [from.kind === 'point' ? from.arn : undefined];
  return ours.includes(source) ? source : undefined;
}

async function begin(look: TableLook): Promise<false> {
  const { looked, service, name, event } = look;
  const { native, restoreId } = looked.record;
  if (!native.original) {
    const { from } = native;
    await looked.note({ serving: 'nothing', ...(from.kind === 'point' ? { recreatedFrom: from.arn } : {}) });
    await service.startAlias({ ...native, alias: name }, restoreId);
    return false;
  }
  const { restored, original: kept } = native.backups ?? {};
  const sources = (event.failure ? [restored, kept] : [restored]).filter((arn) => arn !== undefined);
  const states = await Promise.all(sources.map(async (arn) => ({ arn, state: await service.pointState(arn) })));
  const ready = states.filter(({ state }) => state?.status === 'ready');
  if (ready.length === 0 && states.some(({ state }) => state?.status === 'creating')) return false;
  const refusals: unknown[] = [];
  for (const { arn } of ready) {
    try {
      await looked.note({ serving: 'nothing', recreatedFrom: arn });
      await service.startFromBackup(name, arn, native.settings);
      return false;
    } catch (error) {
      // The next source may do; when none does, the first one's words are told.
      refusals.push(error);
    }
  }
  if (refusals.length > 0) throw refusals[0];
  throw new NightjarError('POINT_MISSING', {
    operation: 'recreate table',
    detail: `Nothing serves as ${name}. ${states.map(({ arn, state }) => `${arn} is ${state?.stateWord ?? 'not there'}.`).join(' ')}`,
  });
}

export const handler = wire.lambda(() =>
  makeRecreateTable({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
