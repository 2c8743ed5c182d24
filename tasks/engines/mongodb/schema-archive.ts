/** An archive of definitions without documents. mongodump has no such option; what it writes of empty collections is the model. */
import { BSON } from 'mongodb';
import { dataPlace, type CollectionEntry } from './archive-format.ts';
import { indexesOf, listAll, metadataOf, type Collection } from './collections.ts';
import { KEPT } from './globals.ts';
import { chosen } from './plan.ts';
import { filledBlock, hollowBlock, preludeOf } from './rewrite.ts';
import type { Server } from './server.ts';

/** `users`: with users and roles of the server, which come first, as in mongodump's. @throws PRIVILEGE_MISSING. */
export async function* schemaArchive(
  server: Server,
  found: ReadonlyMap<string, readonly Collection[]>,
  users: boolean,
): AsyncGenerator<Buffer, void, undefined> {
  const { scope, database } = server.context.target;
  const kept = users ? (await listAll(server, 'admin')).filter((one) => KEPT.includes(one.name)) : [];
  const globals: { readonly entry: CollectionEntry; readonly documents: readonly Buffer[] }[] = [];
  for (const one of kept) {
    const documents = await server.ask('read users and roles', async () => {
      const read: unknown = await server.database('admin').collection(one.name).find({}, { raw: true }).toArray();
      return read as Buffer[];
    });
    const size = documents.reduce((sum, { length }) => sum + length, 0);
    globals.push({ entry: { ...(await entryOf(server, 'admin', one)), size }, documents });
  }
  const entries: CollectionEntry[] = [];
  for (const [db, all] of found)
    for (const one of db === database ? chosen(all, scope) : all) entries.push(await entryOf(server, db, one));
  const header = {
    concurrent_collections: 4,
    version: '0.1',
    server_version: server.version,
    tool_version: 'nightjar',
  };
  yield preludeOf(Buffer.from(BSON.serialize(header)), [...globals.map((one) => one.entry), ...entries]);
  for (const { entry, documents } of globals) yield filledBlock(dataPlace(entry), documents);
  for (const entry of entries) yield hollowBlock(dataPlace(entry));
}

async function entryOf(server: Server, db: string, { name, type, options }: Collection): Promise<CollectionEntry> {
  const indexes = type === 'view' ? [] : await indexesOf(server, db, name);
  server.context.report.moved(0);
  return { db, collection: name, metadata: metadataOf(name, type, { options, indexes }), size: 0, type };
}
