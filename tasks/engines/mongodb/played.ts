/** What must be true when an oplog was played: looked at before, and found or missed afterwards. */
import { open, type FileHandle } from 'node:fs/promises';
import { BSON, type Document } from 'mongodb';
import type { Difference } from '../../comparing.ts';
import type { CollectionEntry } from './archive-format.ts';
import { documentOf, elementsOf } from './bson-bytes.ts';
import { definitionOf } from './collections.ts';
import type { Server } from './server.ts';
import type { Fate, OplogSlice, Watched } from './slice.ts';
import { strayOf } from './values.ts';

/** Documents asked for at once. */
const BATCH = 1_000;

/** Of each collection that the oplog changes: the documents that it leaves alone. */
export async function countsBefore(
  server: Server,
  place: string,
  { fates }: OplogSlice,
): Promise<ReadonlyMap<string, number>> {
  const left = new Map<string, number>();
  for (const [name, fate] of fates) {
    const all = fate.dropped ? 0 : await count(server, place, name);
    let changed = 0;
    if (!fate.dropped)
      await eachWatched(server, { place, name, fate, whole: false }, () => Promise.resolve((changed += 1)));
    left.set(name, all - changed);
  }
  return left;
}

export interface Played {
  readonly place: string;
  readonly entries: readonly CollectionEntry[];
  readonly slice: OplogSlice;
  readonly before: ReadonlyMap<string, number>;
}

/**
 * A document that was written last is there, with the values of its last entry; one that was deleted last is not; and all
 * others are as many as before.
 */
export async function findDifferences(server: Server, played: Played): Promise<Difference[]> {
  const { entries, slice } = played;
  const differences: Difference[] = [];
  const unwatched: string[] = [];
  const file = await open(slice.file);
  try {
    for (const [name, fate] of slice.fates) {
      if (fate.unwatched > 0) unwatched.push(name);
      const isCapped = entries.some((one) => one.collection === name && definitionOf(one).options.capped === true);
      const found = await differencesOf(server, played, { name, fate, file, isCapped });
      differences.push(...found.map((one) => ({ schema: '', table: name, ...one })));
    }
  } finally {
    await file.close();
  }
  if (unwatched.length > 0)
    server.context.report.warn(
      `The oplog changed more documents of ${unwatched.slice(0, 10).join(', ')} than were looked after one by one; mongorestore played all of it without an error.`,
    );
  return differences;
}

async function differencesOf(
  server: Server,
  { place, before }: Played,
  { name, fate, file, isCapped }: { name: string; fate: Fate; file: FileHandle; isCapped: boolean },
): Promise<Pick<Difference, 'expected' | 'found'>[]> {
  const differences: Pick<Difference, 'expected' | 'found'>[] = [];
  const there = [...fate.ids.values()].filter((one) => one.isThere).length;
  let [back, still, other] = [0, 0, 0];
  const strays = new Set<string>();
  await eachWatched(server, { place, name, fate, whole: true }, async (watched, document) => {
    if (!watched.isThere) return void (still += 1);
    back += 1;
    const stray = strayOf(document, await lastOf(file, watched));
    if (stray === undefined) return;
    other += 1;
    if (strays.size < 5) strays.add(stray);
  });
  // A capped collection lets go of its oldest by itself.
  if (back !== there && !isCapped)
    differences.push({ expected: `${there} documents that the oplog wrote`, found: `${back} of them` });
  if (other > 0)
    differences.push({
      expected: `${back} documents with the values that the oplog wrote last`,
      found: `other values in ${other} of them (${[...strays].join(', ')})`,
    });
  if (still > 0) differences.push({ expected: 'no document that the oplog deleted', found: `${still} of them` });
  if (fate.unwatched > 0 || isCapped) return differences;
  const [expected, found] = [before.get(name)! + there, await count(server, place, name)];
  if (expected !== found)
    differences.push({ expected: `${expected} documents when the oplog was played`, found: `${found} documents` });
  return differences;
}

/** What an `i` or a `u` says, from the task's disk. */
async function lastOf(file: FileHandle, { at, length }: Watched): Promise<Buffer> {
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer;
}

const count = (server: Server, place: string, name: string): Promise<number> =>
  server.ask('count documents', () => server.database(place).collection(name).countDocuments({}));

/** Calls for each of them that is in the collection; `whole`: with all of it, else with its `_id`. */
async function eachWatched(
  server: Server,
  { place, name, fate, whole }: { place: string; name: string; fate: Fate; whole: boolean },
  seen: (watched: Watched, document: Buffer) => Promise<unknown>,
): Promise<void> {
  const all = [...fate.ids.values()];
  for (let at = 0; at < all.length; at += BATCH) {
    const ids = all
      .slice(at, at + BATCH)
      .map(({ id }) => BSON.deserialize(id, { promoteValues: false })._id as unknown);
    const query: Document = { _id: { $in: ids } };
    await server.ask('find', async () => {
      const cursor = server
        .database(place)
        .collection(name)
        // By its own collation two ids may be one.
        .find(query, { ...(whole ? {} : { projection: { _id: 1 } }), collation: { locale: 'simple' }, raw: true });
      for await (const one of cursor) {
        const document = one as unknown as Buffer;
        const id = elementsOf(document).find((field) => field.name === '_id')!;
        // 1 and 1.0 are the same to a server that looks for them; what was deleted as the one may be there as the other.
        const watched = fate.ids.get(documentOf([id.whole]).toString('hex'));
        if (watched) await seen(watched, document);
      }
    });
    server.context.report.moved(0);
  }
}
