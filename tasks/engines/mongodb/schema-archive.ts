/** An archive of definitions without documents. mongodump has no such option; what it writes of empty collections is the model. */
import { BSON } from 'mongodb';
import { dataPlace, type CollectionEntry } from './archive-format.ts';
import { indexesOf, metadataOf, type Collection } from './collections.ts';
import { chosen } from './plan.ts';
import { hollowBlock, preludeOf } from './rewrite.ts';
import type { Server } from './server.ts';

export async function* schemaArchive(
  server: Server,
  found: ReadonlyMap<string, readonly Collection[]>,
): AsyncGenerator<Buffer, void, undefined> {
  const { scope, database } = server.context.target;
  const entries: CollectionEntry[] = [];
  for (const [db, all] of found)
    for (const { name, type, options } of db === database ? chosen(all, scope) : all) {
      const indexes = type === 'collection' ? await indexesOf(server, db, name) : [];
      const metadata = metadataOf(name, type, { options: options ?? {}, indexes });
      entries.push({ db, collection: name, metadata, size: 0, type });
      server.context.report.moved(0);
    }
  const header = {
    concurrent_collections: 4,
    version: '0.1',
    server_version: server.version,
    tool_version: 'nightjar',
  };
  yield preludeOf(Buffer.from(BSON.serialize(header)), entries);
  for (const entry of entries) yield hollowBlock(dataPlace(entry));
}
