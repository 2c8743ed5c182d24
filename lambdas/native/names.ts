/**
 * Names that wander between resources. A rename is asked for and takes minutes, in which the resource may be found under the
 * old name, under the new one or under neither: it is always told by its id, and a busy one is left until the next look.
 */
import { NightjarError, toNightjarError } from '../../core/errors.ts';
import type { NativeResource, NativeRestore, RenamingService } from '../../core/native.ts';
import { undoneName } from '../../core/serving.ts';

/** A resource and the names under which it may be. */
export interface Carrier {
  readonly resourceId: string;
  readonly names: readonly string[];
}

type Reads = Pick<RenamingService, 'read'>;
type Renames = Pick<RenamingService, 'read' | 'rename' | 'start'>;

export async function whereIs(
  service: Reads,
  { resourceId, names }: Carrier,
): Promise<{ readonly name: string; readonly resource: NativeResource } | undefined> {
  for (const name of new Set(names)) {
    const resource = await service.read(name);
    if (resource?.settings.resourceId === resourceId) return { name, resource };
  }
  return undefined;
}

export interface GiveName {
  readonly to: string;
  /** Whether clients will come by this name: a stopped resource is then started. */
  readonly serves: boolean;
  /** Id of the resource that is leaving the name. Any other that holds it is a stranger's. */
  readonly leaving?: string | undefined;
}

/**
 * One step towards the carrier being at its new name; true when it is there and settled.
 * @throws NightjarError RENAME_FAILED when somebody else's resource has the name.
 */
export async function giveName(
  service: Renames,
  carrier: Carrier,
  { to, serves, leaving }: GiveName,
): Promise<boolean> {
  const holder = await service.read(to);
  if (holder?.settings.resourceId === carrier.resourceId) return settled(service, carrier.resourceId, holder, serves);
  if (holder && holder.settings.resourceId !== leaving)
    throw new NightjarError('RENAME_FAILED', {
      operation: 'rename',
      detail: `${to} is ${holder.settings.arn} (${holder.settings.resourceId}) by now, which this restore does not know; it was left alone.`,
    });
  const found = await whereIs(service, carrier);
  if (!found || holder || found.resource.state === 'busy') return false;
  // A stopped instance can not be modified. Source: AWS, RDS User Guide, "Stopping an Amazon RDS DB instance temporarily".
  if (found.resource.state === 'stopped') await service.start(found.name);
  else await asked(service, { resourceId: carrier.resourceId, from: found.name, to, leaving });
  return false;
}

/** Between two readings one of ours may have come to the name: then the next look sees it there. */
async function asked(
  service: Renames,
  { resourceId, from, to, leaving }: { resourceId: string; from: string; to: string; leaving: string | undefined },
): Promise<void> {
  try {
    await service.rename(resourceId, from, to);
  } catch (error) {
    const holder = (await service.read(to))?.settings.resourceId;
    if (toNightjarError(error).code !== 'RENAME_FAILED' || (holder !== resourceId && holder !== leaving)) throw error;
  }
}

async function settled(service: Renames, id: string, holder: NativeResource, serves: boolean): Promise<boolean> {
  const { name } = holder.settings;
  if (holder.state === 'busy') return false;
  // Members of a cluster may still have names of the half-done way back or forth.
  if (holder.state !== 'stopped') return (await service.rename(id, name, name)) === 'done';
  if (serves) await service.start(name);
  return !serves;
}

export interface Exchange {
  /** The name that clients use. */
  readonly name: string;
  readonly incoming: Carrier;
  /** Steps aside; absent when it never was. */
  readonly outgoing?: (Carrier & { readonly aside: string }) | undefined;
}

/** One step towards `incoming` serving under the name, from whatever state; true when it does and the other is aside. */
export async function exchange(service: Renames, { name, incoming, outgoing }: Exchange): Promise<boolean> {
  const out = outgoing && (await whereIs(service, outgoing));
  // It may be on its way to the name or from it: where it lands is seen when it rests.
  if (out?.resource.state === 'busy') return false;
  if (outgoing && out && !(await giveName(service, outgoing, { to: outgoing.aside, serves: false }))) return false;
  return giveName(service, incoming, { to: name, serves: true, leaving: outgoing?.resourceId });
}

/** Where a restore's original may be found: under its name, and under the one that a swap keeps it by. */
export function originalOf({ original, settings, oldName }: NativeRestore): Carrier | undefined {
  if (!original) return undefined;
  return { resourceId: original.resourceId, names: [settings.name, ...(oldName === undefined ? [] : [oldName])] };
}

export function restoredOf(native: NativeRestore, restoreId: string): Carrier | undefined {
  const { restored, alias, settings } = native;
  return restored && { resourceId: restored.resourceId, names: [settings.name, alias, undoneName(native, restoreId)] };
}
