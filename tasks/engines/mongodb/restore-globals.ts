/**
 * Users and roles of a whole server, with their credentials as the archive holds them. MongoDB's own way is mongorestore's
 * (the command _mergeAuthzCollections, which the role `restore` may call): it gets an archive of those that the server lacks.
 */
import { BSON, type Document } from 'mongodb';
import { NightjarError } from '../../../core/errors.ts';
import { unpacked } from '../../pipes/packing.ts';
import type { RestoreSource } from '../../engine.ts';
import { placeName, type CollectionEntry, type Place } from './archive-format.ts';
import { ArchiveReader } from './archive.ts';
import { KEPT, ROLES, USERS, VERSION } from './globals.ts';
import { checked } from './load.ts';
import { filledBlock, preludeOf } from './rewrite.ts';
import { within, type MongodbContext, type Server } from './server.ts';
import { feedRestore } from './tool-run.ts';

/** Users and roles of `admin` in an archive: their BSON, by collection. */
interface Kept {
  readonly header: Buffer;
  readonly entries: readonly CollectionEntry[];
  readonly documents: ReadonlyMap<string, readonly Buffer[]>;
}

/** What it can't bring back it says, and lets the databases come. @throws CHECKSUM_MISMATCH, RESTORE_FAILED. */
export const restoreGlobals = (context: MongodbContext, source: RestoreSource): Promise<void> =>
  within(context, async (server) => {
    const { report } = context;
    const kept = await readKept(server, source);
    const wanted = namesIn(kept);
    if (wanted.size === 0) return report.warn('The backup holds no users and roles.');
    try {
      const before = await present(server, kept);
      const lacking = [...wanted].filter((one) => !before.has(one));
      const there = [...wanted].filter((one) => before.has(one));
      if (there.length > 0)
        report.warn(`Already on the server, and left as they are: ${there.slice(0, 50).join(', ')} (${there.length}).`);
      if (lacking.length === 0) return;
      await bring(server, only(kept, new Set(lacking)));
      const after = await present(server, kept);
      const missed = lacking.filter((one) => !after.has(one));
      if (missed.length > 0) report.warn(`The server did not take ${missed.slice(0, 50).join(', ')}.`);
      const outside = lacking.filter((one) => one.endsWith('@$external'));
      if (outside.length > 0)
        report.warn(
          `${outside.slice(0, 50).join(', ')} have no password here: the server asks X.509, LDAP or the like.`,
        );
    } catch (thrown) {
      if (!(thrown instanceof NightjarError) || !['PRIVILEGE_MISSING', 'AUTH_FAILED'].includes(thrown.code))
        throw thrown;
      report.warn(
        `Users and roles were not brought back: ${thrown.detail ?? thrown.message} It needs the role restore: db.getSiblingDB("admin").grantRolesToUser("${server.username}", [{ role: "restore", db: "admin" }]). Atlas keeps users in the project, and takes none from a backup.`,
      );
    }
  });

/** mongodump writes them before all else, so the archive is left as soon as they, and their checksums, have come. */
async function readKept(server: Server, source: RestoreSource): Promise<Kept> {
  const own = new AbortController();
  const owed = new Set<string>();
  const documents = new Map<string, Buffer[]>();
  let [header, entries]: [Buffer, readonly CollectionEntry[]] = [Buffer.alloc(0), []];
  let current: Buffer[] | undefined;
  let [pieces, begun]: [Buffer[], boolean] = [[], false];
  const isKept = ({ db, collection }: Place): boolean => db === 'admin' && KEPT.includes(collection);
  const reader = new ArchiveReader({
    prelude: (its, all) => {
      [header, entries, begun] = [its, all.filter(isKept), true];
      for (const one of entries) {
        owed.add(placeName(one));
        documents.set(one.collection, []);
      }
    },
    block: (place) => (current = isKept(place) ? documents.get(place.collection) : undefined),
    document: (bytes, from, to, ends) => {
      if (!current) return;
      pieces.push(Buffer.from(bytes.subarray(from, to)));
      if (!ends) return;
      current.push(Buffer.concat(pieces));
      pieces = [];
    },
    body: () => undefined,
    blockEnd: () => undefined,
    end: (place) => owed.delete(placeName(place)),
  });
  const stored = source.openArchive();
  const archive = unpacked(stored, source.manifest.compression, {
    env: server.environment(),
    signal: AbortSignal.any([server.context.signal, own.signal]),
    moved: (bytes) => server.context.report.moved(bytes),
  });
  try {
    for await (const chunk of archive.stream as AsyncIterable<Buffer>) {
      checked(() => reader.feed(chunk));
      if (begun && owed.size === 0) return { header, entries, documents };
    }
    await archive.done;
    checked(() => reader.finish());
    return { header, entries, documents };
  } finally {
    stored.destroy();
    own.abort();
    await archive.done.catch(() => undefined);
  }
}

/** Such as `user app@shop`. */
const nameOf = (collection: string, { user, role, db }: Document): string =>
  `${collection === USERS ? 'user' : 'role'} ${String(collection === USERS ? user : role)}@${String(db)}`;

function namesIn({ documents }: Kept): Set<string> {
  const of = (collection: string): string[] =>
    (documents.get(collection) ?? []).map((one) => nameOf(collection, BSON.deserialize(one)));
  return new Set([...of(USERS), ...of(ROLES)]);
}

/** Which the server has, of those and others. */
async function present(server: Server, { documents }: Kept): Promise<Set<string>> {
  const { users } = await server.ask('usersInfo', () =>
    server.database('admin').command({ usersInfo: { forAllDBs: true } }),
  );
  const found = (users as Document[]).map((one) => nameOf(USERS, one));
  for (const db of new Set((documents.get(ROLES) ?? []).map((one) => String(BSON.deserialize(one).db)))) {
    const { roles } = await server.ask('rolesInfo', () => server.database(db).command({ rolesInfo: 1 }));
    found.push(...(roles as Document[]).map((one) => nameOf(ROLES, one)));
  }
  return new Set(found);
}

const only = (kept: Kept, names: ReadonlySet<string>): Kept => ({
  ...kept,
  documents: new Map(
    [...kept.documents].map(([collection, all]) => [
      collection,
      all.filter((one) => collection === VERSION || names.has(nameOf(collection, BSON.deserialize(one)))),
    ]),
  ),
});

const bring = (server: Server, kept: Kept): Promise<string> => feedRestore(server, [], () => archiveOf(kept));

function* archiveOf({ header, entries, documents }: Kept): Generator<Buffer, void, undefined> {
  yield preludeOf(header, entries);
  for (const { db, collection } of entries) yield filledBlock({ db, collection }, documents.get(collection) ?? []);
}
