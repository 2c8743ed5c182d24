/** How a name changes: asked for, then waited for, the resource always known by its id. */
import { NightjarError } from '../core/errors.ts';
import { exists, isBusy, isMissing, refused } from './rds-calls.ts';
import { stateOf } from './rds-states.ts';

export interface Named {
  readonly name: string;
  readonly resourceId: string;
  readonly status: string;
  /** The name it was told to take. */
  readonly pendingName: string | undefined;
}

export interface Renaming {
  readonly resourceId: string;
  readonly from: string;
  readonly to: string;
}

/** The calls of one kind of resource. */
export interface RenameCalls {
  byId(id: string): Promise<Named | undefined>;
  byName(name: string): Promise<Named | undefined>;
  ask(from: string, to: string): Promise<unknown>;
}

/** The calls of a kind whose shape says it in words of its own. */
export function renameCalls<S>(kind: {
  byId(id: string): Promise<S | undefined>;
  byName(name: string): Promise<S | undefined>;
  named(shape: S): { [K in keyof Named]: Named[K] | undefined };
  ask: RenameCalls['ask'];
}): RenameCalls {
  const named = (shape: S | undefined): Named | undefined => {
    if (shape === undefined) return undefined;
    const { name = '', resourceId = '', status = '', pendingName } = kind.named(shape);
    return { name, resourceId, status, pendingName };
  };
  return {
    byId: async (id) => named(await kind.byId(id)),
    byName: async (name) => named(await kind.byName(name)),
    ask: kind.ask,
  };
}

const failed = (detail: string): NightjarError => new NightjarError('RENAME_FAILED', { operation: 'rename', detail });

/**
 * @throws NightjarError RENAME_FAILED when another resource has one of the names, or the resource a third one;
 * SERVICE_REFUSED when RDS does not take the request.
 */
export async function renameStep(
  calls: RenameCalls,
  { resourceId, from, to }: Renaming,
): Promise<'asked' | 'done' | 'busy'> {
  const found = (await calls.byId(resourceId)) ?? (await mine(calls, resourceId, [to, from]));
  if (!found) {
    // Under neither name for a while, which is how a renaming looks; unless somebody else has the name by now.
    const other = await calls.byName(from);
    if (other && other.resourceId !== resourceId)
      throw failed(`${from} is ${other.resourceId} by now, not ${resourceId}; it was left alone.`);
    return 'busy';
  }
  const state = stateOf(found.status);
  if (found.name === to) return state === 'busy' ? 'busy' : 'done';
  if (found.name !== from) throw failed(`${resourceId} is called ${found.name}, neither ${from} nor ${to}.`);
  if (found.pendingName === to || state === 'busy') return 'busy';
  const holder = await calls.byName(to);
  if (holder && holder.resourceId !== resourceId)
    throw failed(`${to} is taken by ${holder.resourceId}; ${from} keeps its name.`);
  try {
    await calls.ask(from, to);
    return 'asked';
  } catch (error) {
    if (isBusy(error) || isMissing(error)) return 'busy';
    if (exists(error)) throw failed(`${to} is taken by now; ${from} keeps its name.`);
    throw refused('rename', from, error);
  }
}

async function mine(calls: RenameCalls, id: string, names: readonly string[]): Promise<Named | undefined> {
  for (const name of names) {
    const found = await calls.byName(name);
    if (found?.resourceId === id) return found;
  }
  return undefined;
}
