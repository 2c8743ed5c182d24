/** What a restored database carries: which restore brought it, written only once its documents were found right. */
import { NOTE } from './names.ts';
import type { Server } from './server.ts';

export interface Note {
  readonly _id: string;
  readonly backupId: string;
  /** `unfinished`: of a database that is being filled under its own name. */
  readonly state: 'unfinished' | 'equal';
  readonly at: Date;
}

export async function writeNote(server: Server, database: string, note: Omit<Note, 'at'>): Promise<void> {
  const notes = server.database(database).collection<Note>(NOTE);
  await server.ask('write the note', async () => {
    await notes.deleteMany({});
    await notes.insertOne({ ...note, at: new Date() });
  });
}

/** Of this restore; undefined where there is none. */
export async function noteIn(server: Server, database: string, restoreId: string): Promise<Note | undefined> {
  const notes = server.database(database).collection<Note>(NOTE);
  return (await server.ask('read the note', () => notes.findOne({ _id: restoreId }))) ?? undefined;
}

/** The restore that was filling this database under its own name, and did not come to its end. */
export async function unfinishedBy(server: Server, database: string): Promise<string | undefined> {
  const notes = server.database(database).collection<Note>(NOTE);
  return (await server.ask('read the note', () => notes.findOne({ state: 'unfinished' })))?._id;
}
