/** What a database holds, and what of it is data. */
import { BSON, type Document } from 'mongodb';
import { NightjarError } from '../../../core/errors.ts';
import type { CollectionEntry } from './archive-format.ts';
import { isOurs } from './names.ts';
import type { Server } from './server.ts';

const { EJSON } = BSON;
export interface Collection {
  readonly name: string;
  /** `collection`, `view`, `timeseries`. */
  readonly type: string;
  readonly options: Document;
  /** Absent of views, and of servers that know none. */
  readonly uuid: string | undefined;
}

/** Collections, views and time series, in the order of their names; without the server's and Nightjar's own. */
export async function listCollections(server: Server, database: string): Promise<Collection[]> {
  const found = await listAll(server, database);
  return found.filter((one) => !isOurs(one.name) && !isServers(one.name));
}

export async function listAll(server: Server, database: string): Promise<Collection[]> {
  const found: Document[] = await server.ask('list collections', () =>
    server.database(database).listCollections().toArray(),
  );
  return found
    .map(({ name, options, type, info }) => {
      const { uuid } = (info ?? {}) as Document;
      return {
        name: String(name),
        type: String(type ?? 'collection'),
        options: (options ?? {}) as Document,
        uuid: uuid === undefined ? undefined : String(uuid),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Made by the server beside what it belongs to: the definitions of views, the buckets of time series, profiles. */
export const isServers = (collection: string): boolean =>
  /^system\.(views|buckets\..*|profile|indexes|namespaces)$/.test(collection);

/** Whether there is a database of this name: on this kind of server one without a collection is none. */
export const databaseExists = async (server: Server, name: string): Promise<boolean> =>
  (await listDatabases(server)).includes(name);

/**
 * `seen`: those that the login may read something of. `all`: every one of the server. @throws PRIVILEGE_MISSING for `all` where some
 * could be hidden (source: MongoDB manual, `listDatabases`, `authorizedDatabases: false`).
 */
export async function listDatabases(server: Server, which: 'seen' | 'all' = 'seen'): Promise<string[]> {
  const authorizedDatabases = which === 'seen';
  const { databases } = await server.ask('list databases', () =>
    server.database('admin').command({ listDatabases: 1, nameOnly: true, authorizedDatabases }),
  );
  return (databases as { name: string }[]).map((one) => one.name).sort();
}

/** True when it was there. */
export async function dropDatabase(server: Server, name: string): Promise<boolean> {
  if (!(await databaseExists(server, name))) return false;
  await server.ask('drop database', () => server.database(name).dropDatabase());
  return true;
}

/** @throws DATABASE_MISSING. */
export async function requireDatabase(server: Server, name: string): Promise<void> {
  if (await databaseExists(server, name)) return;
  throw new NightjarError('DATABASE_MISSING', {
    operation: 'list databases',
    detail: `The server shows ${server.username} no database ${name}. One without any collection does not exist.`,
  });
}

/** Size of the documents, in bytes. */
export async function databaseBytes(server: Server, name: string): Promise<number> {
  const stats = await server.ask('dbStats', () => server.database(name).command({ dbStats: 1 }));
  return Math.round(Number(stats.dataSize ?? 0));
}

/** What defines a collection: as it stands in an archive. */
export interface Definition {
  readonly options: Document;
  readonly indexes: readonly Document[];
}

/** @throws SyntaxError of BSON's for what is none. */
export function definitionOf({ metadata }: CollectionEntry): Definition {
  const { options, indexes } = (
    metadata === '' ? {} : EJSON.parse(metadata, { relaxed: false })
  ) as Partial<Definition>;
  return { options: options ?? {}, indexes: indexes ?? [] };
}

/** As mongodump writes it into an archive. */
export const metadataOf = (name: string, type: string, { options, indexes }: Definition): string =>
  EJSON.stringify({ options, indexes, collectionName: name, type }, { relaxed: false });

export const indexesOf = (server: Server, database: string, name: string): Promise<Document[]> =>
  server.ask('list indexes', async () => {
    const found: unknown = await server.database(database).collection(name).listIndexes().toArray();
    return found as Document[];
  });

/** The indexes of time series, whose collections mongorestore fills but does not touch a second time. */
export async function indexSeries(
  server: Server,
  database: string,
  entries: readonly CollectionEntry[],
): Promise<void> {
  for (const entry of entries.filter((one) => one.type === 'timeseries')) {
    const { indexes } = definitionOf(entry);
    if (indexes.length === 0) continue;
    await server.ask('createIndexes', () =>
      server.database(database).command({ createIndexes: entry.collection, indexes }),
    );
  }
}
