/**
 * Keeps writes away before the safety backup is taken: what is written after that backup would be lost. As FenceRecreated it
 * does so with the table that was made again, until it is proven and has its settings.
 */
import { originalTable, settled, tableState, warn, type TableLook, type TableNeeds } from './native/table.ts';
import * as wire from './shared/wiring.ts';

/**
 * A policy is applied to all requests only some time after it can be read, and can't be changed for 15 seconds after a change.
 * Sources: AWS, DynamoDB API reference, GetResourcePolicy; Developer Guide, "Resource-based policy considerations".
 */
const TAKES_HOLD_SECONDS = 30;

export const makeFenceTable = (parts: TableNeeds) =>
  tableState(
    parts,
    (_, native) => (native.recreated ? 'FenceRecreated' : 'FenceTable'),
    (look) => (look.looked.record.native.recreated ? fenceRecreated(look) : fenceOriginal(parts, look)),
  );

async function fenceOriginal(parts: TableNeeds, look: TableLook): Promise<boolean> {
  const { looked, service, name, target } = look;
  const { native } = looked.record;
  const table = await originalTable(look);
  if (target.fence === 'application') {
    if (!native.fencedAt) await looked.note({ fencedAt: parts.now().toISOString() });
    await warn(
      parts,
      looked,
      `Writes to ${name} were not denied: that the application was stopped is trusted (fence: 'application'). What it wrote after the safety backup is lost.`,
    );
    return true;
  }
  if (table.state === 'busy') return false;
  const fence = async (): Promise<false> => {
    const found = await service.fence(name);
    const before = native.fencedPolicy ?? found;
    try {
      await looked.note({ fencedPolicy: before, fencedAt: parts.now().toISOString() });
    } catch (error) {
      // Closed meanwhile: nobody comes to lift it. Of a record that runs the next look puts it up again.
      await service.unfence(name, before);
      throw error;
    }
    return false;
  };
  if (!native.fencedAt) return fence();
  if (!settled(parts, native.fencedAt, TAKES_HOLD_SECONDS)) return false;
  return (await service.fenced(name)) || fence();
}

/** What is written to it is not lost, so nothing has to settle; without an original nobody was told of a fence. */
async function fenceRecreated({ looked, service, name }: TableLook): Promise<boolean> {
  const { original, fencedPolicy } = looked.record.native;
  // By what was noted, as OpenTable lifts it: the config may say another thing by now.
  if (fencedPolicy === undefined || !original) return true;
  if (await service.fenced(name)) return true;
  await service.fence(name);
  return false;
}

export const handler = wire.lambda(() =>
  makeFenceTable({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    now: wire.now,
  }),
);
