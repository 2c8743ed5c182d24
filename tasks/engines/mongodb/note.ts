/** What a restored database carries: which restore brought it, and whether all of it was found right. One document. */
import { NightjarError } from '../../../core/errors.ts';
import { NOTE } from './names.ts';
import type { Server } from './server.ts';

export interface Note {
  /** Of the restore. */
  readonly _id: string;
  readonly backupId: string;
  /** Name of the target into whose server it goes: of those one restore runs at a time. Absent of an older version's. */
  readonly target?: string;
  /** `unfinished`: of a database that is being filled under its own name. */
  readonly state: 'unfinished' | 'equal';
  readonly at: Date;
}

const notesOf = (server: Server, database: string) => server.database(database).collection<Note>(NOTE);

/** Into a database that holds nothing yet. */
export async function noteUnfinished(
  server: Server,
  database: string,
  note: Pick<Note, '_id' | 'backupId'>,
): Promise<void> {
  const { name: target } = server.context.target;
  await server.ask('write the note', () =>
    notesOf(server, database).insertOne({ ...note, target, state: 'unfinished', at: new Date() }),
  );
}

/** At no moment it is without a note: who comes then would take half of it for all. @throws RESTORE_FAILED for what is another's. */
export async function noteEqual(server: Server, database: string, restoreId: string): Promise<void> {
  const { matchedCount } = await server.ask('write the note', () =>
    notesOf(server, database).updateOne({ _id: restoreId }, { $set: { state: 'equal', at: new Date() } }),
  );
  if (matchedCount === 1) return;
  throw new NightjarError('RESTORE_FAILED', {
    operation: 'write the note',
    detail: `The database ${database} does not carry the note of this restore any more: somebody dropped it, or another restore fills it now. It was left as it is.`,
  });
}

/** Whichever restore brought it; undefined where there is none. */
export const noteIn = async (server: Server, database: string): Promise<Note | undefined> =>
  (await server.ask('read the note', () => notesOf(server, database).findOne({}))) ?? undefined;

/** Of this restore. */
export async function ownNote(server: Server, database: string, restoreId: string): Promise<Note | undefined> {
  const note = await noteIn(server, database);
  return note?._id === restoreId ? note : undefined;
}

/** In words for a person. */
export const halfFilled = (database: string, { _id, backupId }: Note): string =>
  `${database} is not complete: the restore ${_id} was filling it from backup ${backupId} and did not end.`;

/** The note of a restore that did not end, where the database carries one. */
export async function unfinishedIn(server: Server, database: string): Promise<Note | undefined> {
  const note = await noteIn(server, database);
  return note?.state === 'unfinished' ? note : undefined;
}
