/**
 * Indexes by which documents expire. A server deletes what is over within a minute, so that of yesterday's sessions none would
 * be there when documents are compared. They are made with the longest time there is, and get their own when all was compared.
 */
import type { CollectionEntry } from './archive-format.ts';
import { definitionOf, indexesOf } from './collections.ts';
import type { Server } from './server.ts';

/** Seconds, 68 years. Source: MongoDB manual, "TTL Indexes": the most that `expireAfterSeconds` takes. */
const LONGEST = 2_147_483_647;
const INDEXES = '"indexes":[';
const SECONDS = /"expireAfterSeconds":(\{"\$number\w+":"[^"]*"\}|-?[\d.]+)/g;

const expires = (entry: CollectionEntry): boolean =>
  entry.type !== 'view' && definitionOf(entry).indexes.some((one) => one.expireAfterSeconds !== undefined);

/** The same with nothing that expires soon. In its text, since an object would put fields named by numbers in another order. */
export function patient(entry: CollectionEntry): CollectionEntry {
  if (!expires(entry)) return entry;
  const from = entry.metadata.lastIndexOf(INDEXES);
  const indexes = entry.metadata.slice(from).replace(SECONDS, `"expireAfterSeconds":{"$numberInt":"${LONGEST}"}`);
  return { ...entry, metadata: entry.metadata.slice(0, from) + indexes };
}

/** Gives them their own time; those that are gone, or that the oplog has changed since, are left. */
export async function beImpatient(server: Server, place: string, entries: readonly CollectionEntry[]): Promise<void> {
  for (const entry of entries.filter(expires)) {
    const wanted = new Map(
      definitionOf(entry).indexes.map((one) => [String(one.name), one.expireAfterSeconds as unknown]),
    );
    for (const { name, expireAfterSeconds } of await indexesOf(server, place, entry.collection)) {
      const seconds = wanted.get(String(name));
      if (Number(expireAfterSeconds) !== LONGEST || seconds === undefined) continue;
      const index = { name: String(name), expireAfterSeconds: seconds };
      await server.ask('collMod', () => server.database(place).command({ collMod: entry.collection, index }));
    }
  }
}
