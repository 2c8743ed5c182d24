/** MongoDB's stand-in keeps all in memory, so its Java heap holds the data twice when the copy is there. */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { serverTarget } from '../../../bench/ground.ts';
import { startMongodb } from '../../../local/mongodb.ts';
import { DATABASE, MIB, orStop, type MakePlace } from '../place.ts';

/** A document costs the stand-in several hundred bytes besides its content. */
const DOCUMENT_BYTES = 1_024;
/** It puts hundreds of documents into an answer, however large, and clients take answers of 48 MB. */
const BLOB_BYTES = 16 * 1_024;

export const makeMongodb: MakePlace = async (ground, load) => {
  const heapMiB = load.tables > 0 ? 2_048 : Math.ceil((load.bytes / MIB) * 4 + 1_024);
  const server = await startMongodb({ heapMiB });
  return orStop(server, async () => {
    const client = await server.connect();
    return orStop({ stop: () => client.close() }, async () => {
      const db = client.db(DATABASE);
      if (load.tables > 0)
        for (let id = 0; id < load.tables; id += 1)
          await db.collection<{ _id: number }>(`t${id}`).insertOne({ _id: id });
      else {
        const count = Math.ceil((load.bytes * 3) / 4 / DOCUMENT_BYTES);
        for (let from = 0; from < count; from += 1_000)
          await db.collection<{ _id: number; at: Date; body: string }>('notes').insertMany(
            Array.from({ length: Math.min(1_000, count - from) }, (_, index) => ({
              _id: from + index,
              at: new Date(1_700_000_000_000 + (from + index) * 1_000),
              body: randomBytes((DOCUMENT_BYTES * 3) / 4).toString('base64'),
            })),
          );
        for (let id = 0; id < load.bytes / 4 / BLOB_BYTES; id += 1)
          await db
            .collection<{ _id: number; body: Buffer }>('blobs')
            .insertOne({ _id: id, body: randomBytes(BLOB_BYTES) });
        await db.collection('notes').createIndex({ at: 1 });
      }
      const { version } = (await client.db('admin').command({ buildInfo: 1 })) as { version: string };
      return {
        title: `MongoDB’s stand-in (${version})`,
        target: await serverTarget(ground, 'load-mongodb', 'mongodb', server, DATABASE),
        copy: `${DATABASE}_copy`,
        bytes: () => Promise.resolve(load.tables > 0 ? load.tables * 14 : load.bytes),
        async digest(database) {
          const names = (await client.db(database).listCollections({}, { nameOnly: true }).toArray())
            .map((one) => one.name)
            // What says that a restore is well done stays in the copy.
            .filter((name) => !name.startsWith('nightjar_'))
            .sort();
          if (load.tables > 0) return names.join();
          const lines: string[] = [];
          for (const name of names) {
            let [count, sum] = [0, 0];
            // BSON as it came: nothing is lost by reading it.
            const found = client.db(database).collection(name).find({}, { raw: true });
            for await (const document of found as AsyncIterable<Buffer>) {
              count += 1;
              sum = (sum + crc32(document)) % 2 ** 48;
            }
            lines.push(`${name} ${count} ${sum}`);
          }
          return lines.join('\n');
        },
        async stop() {
          await client.close();
          await server.stop();
        },
      };
    });
  });
};
