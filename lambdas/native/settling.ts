/** Both ways in which names go back: what must serve under the name, and what the record says of it. */
import type { NativeRestore, RenamingService } from '../../core/native.ts';
import { isOf, type Looked } from './look.ts';
import { exchange, originalOf, restoredOf, whereIs, giveName } from './names.ts';
import { servingNow } from './serving.ts';

/** A rename that was asked for shows within seconds; whatever still seems right after this long stays so. */
const SETTLED_SECONDS = 60;
/** Between two names a resource is found under neither, for minutes; after this long it is taken to be gone. */
const GONE_SECONDS = 20 * 60;

type Facts = Pick<Looked, 'record' | 'now' | 'note' | 'since'>;

/**
 * One step towards the original serving under its name, the restored one standing aside under `aside`; where the original is
 * gone for good, towards the restored one serving. True when it was so in two looks, a minute apart.
 */
export async function originalToItsName(service: RenamingService, looked: Facts, aside: string): Promise<boolean> {
  const right = await step(service, looked, aside);
  const serving = await servingNow(service, looked.record.native);
  const rested = await since(looked, 'settled', right);
  // Until then the record goes on expecting the worst: a rename may be under way that does not show yet.
  if (!right || rested < SETTLED_SECONDS) return false;
  await looked.note({ serving });
  return true;
}

async function step(service: RenamingService, looked: Facts, aside: string): Promise<boolean> {
  const { native, restoreId } = looked.record;
  const { name } = native.settings;
  const original = originalOf(native);
  const restored = restoredOf(native, restoreId);
  const there = original && (await whereIs(service, original));
  const missing = await since(looked, 'missing', !there);
  if (there && original)
    return exchange(service, { name, incoming: original, outgoing: restored && { ...restored, aside } });
  if (original && missing < GONE_SECONDS) return false;
  if (!restored || !(await whereIs(service, restored))) return missing >= GONE_SECONDS;
  return giveName(service, restored, { to: name, serves: true, leaving: original?.resourceId });
}

/** Seconds for which something has been so, from look to look; kept among the steps. */
async function since({ record, now, note, since: begun }: Facts, what: string, is: boolean): Promise<number> {
  const key = `names ${what}`;
  const { [key]: noted, ...steps }: NativeRestore['steps'] = record.native.steps;
  const known = noted && isOf(begun, noted) ? noted : undefined;
  if (!is) {
    if (noted) await note({ steps });
    return 0;
  }
  if (!known) await note({ steps: { ...steps, [key]: { startedAt: now.toISOString() } } });
  return known ? (now.getTime() - Date.parse(known.startedAt)) / 1_000 : 0;
}
