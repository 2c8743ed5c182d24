/** An exchange of names that broke off, and whose own attempt will not come back: put in order before the next one begins. */
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import { settleMoved, stateOf } from './exchange.ts';
import { KEPT_TABLE, NOTE_TABLE, qualified } from './names.ts';
import { createObjects, readObjects } from './objects.ts';
import { dropDatabase, writeNote } from './place.ts';
import { brokenExchanges, triggersOf, type Broken } from './plan.ts';
import type { Server, Session } from './server.ts';
import { dropEmpty } from './tables.ts';

/**
 * Where the tables had moved, what belongs to them is made, as the exchange would have done it; where they had not, it is given up,
 * and triggers that were taken off for the move come back. `own`: the database that comes in with the exchange that goes on by
 * itself, and is left. `insist`: what can not be finished stops it; else its plan is laid aside, for a restore brings all of it
 * anew. Does nothing where there is none.
 *
 * @throws SWAP_UNFINISHED.
 */
export async function recover(
  server: Server,
  name: string,
  { own, insist }: { readonly own: string; readonly insist: boolean },
): Promise<void> {
  const { report } = server.context;
  await lastly(server, async (session) => {
    for (const broken of await brokenExchanges(session)) {
      const { names, moved, plan } = broken;
      if (names.name !== name || names.incoming === own) continue;
      report.phase('putting a broken exchange of names in order');
      const begun = `An exchange of names in ${name} broke off (with ${names.incoming}).`;
      if (!moved) {
        await giveUp(server, session, broken);
        report.warn(`${begun} It was given up: ${name} served as before all the time.`);
        continue;
      }
      const why = await settleMoved(server, session, names, plan).then(
        () => undefined,
        (thrown: unknown) => {
          if (insist) throw thrown;
          return wordsOf(thrown);
        },
      );
      if (why !== undefined) await layAside(session, broken);
      report.warn(
        why === undefined
          ? `${begun} It was finished first: what served before it is kept as ${names.keepAs}.`
          : `${begun} It could not be finished: ${why} What served before it is kept as ${names.keepAs}, maybe without its views, routines, triggers and events; their texts are in ${names.incoming}.${NOTE_TABLE}, under "aside". Drop ${names.incoming} when you need them no more.`,
      );
    }
  });
}

/** A newer exchange changes what has the name, so nobody may go on by this plan. */
async function layAside(session: Session, { names: { incoming }, plan }: Broken): Promise<void> {
  await writeNote(session, incoming, { aside: JSON.stringify(plan) });
  await session.rows(`DELETE FROM ${qualified(incoming, NOTE_TABLE)} WHERE k = 'plan'`);
}

/** Triggers that somebody has made anew since are left. */
async function giveUp(server: Server, session: Session, { names, plan }: Broken): Promise<void> {
  const { report } = server.context;
  const { name, incoming, keepAs, inVault } = names;
  if (plan.had) await putTriggersBack(server, session, name, plan.serving, name);
  if (plan.had) await dropEmpty(session, keepAs);
  if (inVault) await dropDatabase(session, incoming);
  else {
    await putTriggersBack(server, session, incoming, plan.incoming, name);
    await session.rows(`DELETE FROM ${qualified(incoming, NOTE_TABLE)} WHERE k = 'plan'`);
    await session.rows(`DROP TABLE IF EXISTS ${qualified(incoming, KEPT_TABLE)}`);
  }
  await report.exchange({ ...stateOf(names, plan.had), serves: 'before', underway: false });
}

async function putTriggersBack(
  { context: { report } }: Server,
  session: Session,
  database: string,
  side: Broken['plan']['serving'],
  of: string,
): Promise<void> {
  const there = triggersOf(await readObjects(session, database, () => undefined)).map((one) => one.name);
  for (const one of triggersOf(side.objects).filter(({ name }) => !there.includes(name)))
    await createObjects(session, database, [one], { of }).catch((thrown: unknown) =>
      report.warn(`The trigger ${one.name} of ${database} could not be made again: ${String(thrown)} ${one.sql}`),
    );
}

/**
 * Before this database is dropped: what an exchange only prepared in it is given up.
 *
 * @throws SWAP_UNFINISHED where an exchange that broke off has not everything in its place without it.
 */
export async function released(server: Server, database: string): Promise<void> {
  await lastly(server, async (session) => {
    for (const broken of await brokenExchanges(session)) {
      const { names, moved } = broken;
      if (![names.incoming, names.keepAs].includes(database)) continue;
      if (moved || !names.inVault)
        throw new NightjarError('SWAP_UNFINISHED', {
          operation: 'drop',
          detail: `An exchange of names in ${names.name} broke off (with ${names.incoming}). ${database} is still needed for it, and was not dropped.`,
        });
      await giveUp(server, session, broken);
    }
  });
}

/** From here on it is better finished than broken off. */
async function lastly<T>(server: Server, work: (session: Session) => Promise<T>): Promise<T> {
  server.context.signal.throwIfAborted();
  const session = await server.lastSession();
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
