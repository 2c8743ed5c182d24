/** What a server has, before a dump of it and after: an archive must hold all that was there all the time. */
import { NightjarError } from '../../../core/errors.ts';
import { dataPlace, type CollectionEntry, type Place } from './archive-format.ts';
import { listAll, listCollections, listDatabases, type Collection } from './collections.ts';
import type { StreamPrint } from './fingerprint.ts';
import { brokeOff, journalIn } from './journal.ts';
import { isUnderway, SERVERS_OWN, scopeName } from './names.ts';
import { chosen } from './plan.ts';
import type { Server } from './server.ts';

/** What there is to dump, by database. `filled`: it has documents. */
export type Found = ReadonlyMap<string, readonly (Collection & { filled: boolean })[]>;
/** Questions at once. */
const LANES = 8;
const NAMED = 20;
export const listed = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? `, and ${names.length - NAMED} more` : '');

/** Every one that a person made. @throws PRIVILEGE_MISSING where some could be hidden: a backup of the others would pass for one of all. */
export const usersDatabases = async (server: Server): Promise<string[]> =>
  withoutServers(await listDatabases(server, 'all'));
/** Of them those that the login may read something of. */
export const seenDatabases = async (server: Server): Promise<string[]> => withoutServers(await listDatabases(server));
const withoutServers = (names: readonly string[]): string[] => names.filter((name) => !SERVERS_OWN.includes(name));

export async function look(server: Server, databases: readonly string[]): Promise<Found> {
  const { scope, database } = server.context.target;
  const found = new Map<string, (Collection & { filled: boolean })[]>();
  for (const name of databases) {
    const all = (await listCollections(server, name)).map((one) => ({ ...one, filled: false }));
    // What a scope names must be there.
    if (name === database) chosen(all, scope);
    const waiting = all.filter((one) => one.type === 'collection' && !scope?.schemaOnly).values();
    const lane = async (): Promise<void> => {
      for (const one of waiting) {
        one.filled = await hasRows(server, { db: name, name: one.name });
        server.context.report.moved(0);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    found.set(name, all);
  }
  return found;
}

/** What exchanges of names that broke off have under way in these databases, by database. Each is warned of. */
export async function underwayIn(server: Server, databases: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const database of databases) {
    const names = (await listAll(server, database)).map((one) => one.name).filter(isUnderway);
    if (names.length === 0) continue;
    found.set(database, names);
    const journal = await journalIn(server, database);
    const mixed = journal?.step === 'views' || journal?.step === 'names';
    server.context.report.warn(
      [
        journal
          ? brokeOff(database, journal)
          : `An exchange of names is over in ${database}, and left some of its own.`,
        `Its working collections are not in the backup: ${listed(names)}.`,
        ...(mixed ? ['OF THE OTHERS SOME MAY BE THE OLD AND SOME THE RESTORED ONES, and one may be missing.'] : []),
        `Start a restore or rollback of ${database}: it puts that in order first.`,
      ].join(' '),
    );
  }
  return found;
}

/** The places of what is in it. @throws DUMP_EMPTY when it lacks what was and is there. */
export async function judgeArchive(
  server: Server,
  {
    entries,
    print,
    isSnapshot,
  }: { readonly entries: readonly CollectionEntry[]; readonly print: StreamPrint; readonly isSnapshot: boolean },
  before: Found,
): Promise<Place[]> {
  const { report, target } = server.context;
  const many = target.scope?.allDatabases === true;
  const has = new Set(entries.map(({ db, collection }) => `${db}.${collection}`));
  const wanted = [...before].flatMap(([db, all]) =>
    (many ? all : chosen(all, target.scope)).map((one) => ({ ...one, db, collection: one.name })),
  );
  const missing: string[] = [];
  const changed: string[] = [];
  for (const [db, all] of before) {
    const now = new Map((await listCollections(server, db)).map((one) => [one.name, one]));
    for (const one of wanted.filter((two) => two.db === db)) {
      const still = now.get(one.name);
      const same = still?.uuid === one.uuid && still?.type === one.type;
      if (!still || !same) changed.push(scopeName(one, many));
      else if (!has.has(`${db}.${one.name}`)) missing.push(scopeName(one, many));
      else if (one.filled && print.rowsOf(one) === 0 && (await hasRows(server, one)))
        missing.push(scopeName(one, many));
    }
    for (const name of now.keys())
      if (!all.some((one) => one.name === name)) changed.push(scopeName({ db, collection: name }, many));
    report.moved(0);
  }
  if (missing.length > 0)
    throw new NightjarError('DUMP_EMPTY', {
      operation: 'mongodump',
      detail: `The archive holds nothing of ${listed(missing)} (${missing.length} in all).`,
    });
  // The oplog tells what was made and dropped.
  if (changed.length > 0 && !isSnapshot)
    report.warn(`While the dump ran, somebody made or dropped ${listed(changed)}: the backup may have it or not.`);
  return entries.filter((one) => one.type !== 'view' && one.db !== '').map(dataPlace);
}

const hasRows = async (server: Server, { db, name }: { db: string; name: string }): Promise<boolean> =>
  (await server.ask('find', () =>
    server
      .database(db)
      .collection(name)
      .findOne({}, { projection: { _id: 1 } }),
  )) !== null;
