/** Lets writes in again: the table's policy is what it was before the fence. As LiftFence also after something broke. */
import { differencesOf } from '../core/native.ts';
import { mayBeFenced } from './native/fence.ts';
import { settled, tableState, whose, type TableLook, type TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

/** Before this a policy can't be changed again. Source: AWS, Developer Guide, "Resource-based policy considerations". */
const BLOCKED_SECONDS = 20;

export const makeOpenTable = (parts: TableNeeds) =>
  tableState(
    parts,
    (event) => (event.failure ? 'LiftFence' : 'OpenTable'),
    async (look) => {
      const { looked, service, name } = look;
      const { native } = looked.record;
      if (!mayBeFenced(native)) return true;
      const table = await service.read(name);
      if (!table || whose(native, table) === 'foreign') return true;
      if (table.state === 'busy') return false;
      if (!native.openedAt) return unfence(parts, look);
      if (await service.fenced(name))
        return settled(parts, native.openedAt, BLOCKED_SECONDS) ? unfence(parts, look) : false;
      // What ApplyTable compared was compared behind the fence.
      if (native.differences) await looked.note({ differences: differencesOf(native.settings, table.settings) });
      return true;
    },
  );

async function unfence(parts: TableNeeds, { looked, service, name }: TableLook): Promise<false> {
  // A look that died between the fence and its note: asked again, the service says what the policy was.
  const before = looked.record.native.fencedPolicy ?? (await service.fence(name));
  await service.unfence(name, before);
  await looked.note({ fencedPolicy: before, openedAt: parts.now().toISOString() });
  return false;
}

export const handler = wire.lambda(() =>
  makeOpenTable({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
