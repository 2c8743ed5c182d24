/** What an exchange of names moves and makes again: it lies as JSON in the note of the database that comes in. */
import { KEPT_TABLE } from './names.ts';
import type { CodeObject } from './objects.ts';
import { databaseNames, readNote, tableExists } from './place.ts';
import type { RoutineGrant } from './routine-grants.ts';
import type { Session } from './server.ts';

export interface Exchange {
  readonly restoreId: string;
  /** The name that serves. */
  readonly name: string;
  /** Its tables take over the name; it is gone afterwards. */
  readonly incoming: string;
  /** Holds what served. */
  readonly keepAs: string;
  /** False of a copy: its events stay asleep. */
  readonly wakeEvents: boolean;
  /** Whether the vault has what comes in, too: then it may be dropped when the exchange is given up. */
  readonly inVault: boolean;
}

export interface Plan {
  /** Absent of one that an older version wrote. */
  readonly names?: Exchange;
  /** Whether something served under the name. */
  readonly had: boolean;
  readonly serving: { readonly tables: readonly string[]; readonly objects: readonly CodeObject[] };
  readonly incoming: { readonly tables: readonly string[]; readonly objects: readonly CodeObject[] };
  readonly grants: readonly RoutineGrant[];
}

/** The plan of an exchange whose tables have moved. */
export async function movedPlan(session: Session, { incoming }: Pick<Exchange, 'incoming'>): Promise<Plan | undefined> {
  const note = await readNote(session, incoming);
  if (note?.plan === undefined || (await tableExists(session, incoming, KEPT_TABLE))) return undefined;
  return JSON.parse(note.plan) as Plan;
}

export const triggersOf = (objects: readonly CodeObject[]): CodeObject[] =>
  objects.filter((one) => one.kind === 'TRIGGER');

export interface Broken {
  readonly names: Exchange;
  readonly plan: Plan;
  /** Whether the tables have changed places. */
  readonly moved: boolean;
}

/** Exchanges on this server that are not at their end. */
export async function brokenExchanges(session: Session): Promise<Broken[]> {
  const found: Broken[] = [];
  for (const database of await databaseNames(session)) {
    // What comes in is the alias of a restore, or what one had replaced.
    if (!/_(nj|old)_[0-9a-z]{10}$/.test(database)) continue;
    const note = await readNote(session, database);
    if (note?.plan === undefined) continue;
    const plan = JSON.parse(note.plan) as Plan;
    if (plan.names) found.push({ names: plan.names, plan, moved: !(await tableExists(session, database, KEPT_TABLE)) });
  }
  return found;
}
