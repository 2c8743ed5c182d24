/** An exchange of names that broke off, and whose own attempt will not come back: put in order before the next one begins. */
import { NightjarError } from '../../../core/errors.ts';
import { goThrough } from './exchange.ts';
import { giveUp } from './give-up.ts';
import { brokeOff, journalIn } from './journal.ts';
import { steadily, type MongodbContext, type Server } from './server.ts';

/**
 * What had only been copied is given up; what had begun to change names is finished, for by then writers may have written to the
 * new collections: so nothing is lost, and what served before lies in its own database. The exchange of this tag is left, for its
 * own restore goes on with it, unless it was being given up. Does nothing where there is none.
 *
 * @throws SWAP_UNFINISHED when it can not be finished now, SWAP_FAILED when it can not be given up.
 */
export async function recover(context: MongodbContext, database: string, tag: string): Promise<void> {
  await steadily(context, async (server) => {
    const { report } = context;
    const journal = await journalIn(server, database);
    if (!journal || (journal._id === tag && journal.step !== 'giving up')) return;
    report.phase('putting a broken exchange of names in order');
    const begun = brokeOff(database, journal);
    if (journal.step === 'copying' || journal.step === 'giving up') {
      await giveUp(server, database, journal).catch((thrown: unknown) => {
        throw new NightjarError('SWAP_FAILED', {
          operation: 'give up an exchange of names',
          detail: `${begun} ${database} serves as it did; what was copied could not be taken away: ${String(thrown)}`,
          cause: thrown,
        });
      });
      report.warn(`${begun} It was given up: ${database} served as before all the time.`);
      return;
    }
    await goThrough(server, database, journal);
    report.warn(`${begun} It was finished first: what served before it is kept as ${journal.keepAs}.`);
  });
}

/**
 * Before this name is dropped: true where an exchange that only copied from it is given up, and it with that.
 *
 * @throws SWAP_UNFINISHED where an exchange that broke off has not everything in its place without it.
 */
export async function released(server: Server, database: string, name: string): Promise<boolean> {
  const journal = await journalIn(server, database);
  if (!journal || ![journal.incoming, journal.keepAs].includes(name)) return false;
  const copied = journal.step === 'copying' || journal.step === 'giving up';
  if (copied && journal.inVault === true && journal.incoming === name) {
    await giveUp(server, database, journal);
    return true;
  }
  throw new NightjarError('SWAP_UNFINISHED', {
    operation: 'drop',
    detail: `${brokeOff(database, journal)} ${name} is still needed for it, and was not dropped.`,
  });
}
