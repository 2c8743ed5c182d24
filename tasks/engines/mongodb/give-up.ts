/** An exchange of names that only copied is undone: what served has served all the time. */
import { dropDatabase, listAll } from './collections.ts';
import { dropJournal, stateOf, writeStep, type Journal } from './journal.ts';
import { incomingName, incomingOf } from './names.ts';
import { rename } from './rename.ts';
import type { Server } from './server.ts';

/**
 * Takes away what was copied; what is nowhere else goes back to where it came from. May be repeated: from its first step on the
 * copies are no whole database any more, so nobody goes on with them.
 */
export async function giveUp(server: Server, database: string, journal: Journal): Promise<void> {
  await writeStep(server, database, journal, 'giving up');
  if (journal.inVault) await dropDatabase(server, journal.incoming);
  for (const { name } of await listAll(server, database)) {
    const collection = incomingOf(journal._id, name);
    if (collection === undefined) continue;
    if (journal.inVault) await server.ask('drop a copy', () => server.database(database).dropCollection(name));
    else await putBack(server, database, journal, collection);
  }
  await dropJournal(server, database);
  await server.context.report.exchange({ ...stateOf(database, { ...journal, step: 'giving up' }), underway: false });
}

const putBack = (server: Server, database: string, { _id, incoming }: Journal, collection: string): Promise<boolean> =>
  rename(server, `${database}.${incomingName(_id, collection)}`, `${incoming}.${collection}`, { dropTarget: true });
