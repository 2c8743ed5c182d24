/**
 * One database takes over another's name. MongoDB renames collections, not databases, and between databases it copies. So the
 * incoming collections are copied beside the serving ones first, under names nobody reads; then each changes places with the
 * old one by two renames inside the database, which take milliseconds; then the old ones are copied out. A journal in the
 * database says how far it is: whoever begins the same exchange again goes on there. Give it a steady server: from the first
 * name on it is better to finish than to stop.
 */
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import { listAll, isServers } from './collections.ts';
import { codeOf } from './errors.ts';
import { giveUp } from './give-up.ts';
import {
  brokeOff,
  dropJournal,
  exchangeOf,
  journalIn,
  journalsOf,
  stateOf,
  writeStep,
  type Journal,
} from './journal.ts';
import { JOURNAL, incomingName, incomingOf, NAMESPACE_BYTES, outgoingName, outgoingOf } from './names.ts';
import { IS_VIEW, rename } from './rename.ts';
import type { Server } from './server.ts';
import { makeView, moveView, viewIn, viewsOf } from './views.ts';

export interface Exchange {
  /** Tells this exchange from any other; letters and digits. */
  readonly tag: string;
  /** The database that serves. */
  readonly name: string;
  /** Takes over the name; is empty and so gone afterwards. */
  readonly incoming: string;
  /** The database in which what served is afterwards. */
  readonly keepAs: string;
  /** Whether what the incoming one lacks is replaced, too. */
  readonly others: 'leave' | 'stay';
  /** Whether the vault has what comes in, too: then it may be dropped when the exchange is given up. */
  readonly inVault: boolean;
}

/**
 * An exchange of another tag must be out of the way (`recover.ts`).
 *
 * @throws RESTORE_REFUSED before anything was touched, SWAP_UNFINISHED once names have begun to change, SWAP_FAILED before.
 */
export async function exchange(server: Server, wanted: Exchange): Promise<void> {
  const found = await journalIn(server, wanted.name);
  if (found && found._id !== wanted.tag) throw otherUnderway(wanted, found);
  const journal = found ?? (await begin(server, wanted).catch((thrown: unknown) => fail(server, wanted, thrown)));
  await goThrough(server, wanted.name, journal);
}

/** From where the journal says that it is, to its end. @throws as {@link exchange}. */
export async function goThrough(server: Server, name: string, begun: Journal): Promise<void> {
  const wanted = exchangeOf(name, begun);
  const { report, signal } = server.context;
  let journal = begun;
  const tell = (): Promise<void> => report.exchange(stateOf(name, journal));
  const goOn = async (step: Journal['step']): Promise<void> => {
    // What is told may be ahead of what is: never behind it.
    journal = { ...journal, step };
    if (step !== 'keeping') await tell();
    await writeStep(server, name, journal, step);
    if (step === 'keeping') await tell();
  };
  // A server that copies says nothing until it is done.
  const alive = setInterval(() => report.moved(0), 10_000);
  try {
    await tell();
    if (journal.step === 'copying') {
      for (const collection of journal.collections) {
        signal.throwIfAborted();
        const from = `${journal.incoming}.${collection}`;
        // Half a copy is under a name of the server's own: what has ours is whole.
        await rename(server, from, `${name}.${incomingName(wanted.tag, collection)}`, { dropTarget: true });
      }
      signal.throwIfAborted();
      await goOn('views');
    }
    if (journal.step === 'views') {
      for (const view of journal.oldViews) await moveView(server, wanted, view);
      await goOn('names');
    }
    if (journal.step === 'names') {
      await changeNames(server, wanted, journal);
      await goOn('keeping');
    }
    await keep(server, wanted);
    await dropJournal(server, name);
    await report.exchange({ ...stateOf(name, journal), underway: false });
    await dropRest(server, journal.incoming);
  } catch (thrown) {
    return await fail(server, wanted, thrown, journal);
  } finally {
    clearInterval(alive);
  }
}

/** What never got beyond copying is given up: nobody has to come back for it. */
async function fail(server: Server, wanted: Exchange, thrown: unknown, journal?: Journal): Promise<never> {
  const { report, signal } = server.context;
  signal.throwIfAborted();
  if (journal?.step === 'copying' && wanted.inVault)
    await giveUp(server, wanted.name, journal).catch((again: unknown) =>
      report.warn(`What the exchange of names left in ${wanted.name} could not be dropped: ${String(again)}`),
    );
  throw broken(thrown, wanted, journal);
}

async function begin(server: Server, wanted: Exchange): Promise<Journal> {
  const [incoming, serving] = [await listAll(server, wanted.incoming), await listAll(server, wanted.name)];
  refuse(wanted, [...incoming, ...serving]);
  const views = viewsOf(incoming);
  const collections = incoming
    .filter((one) => one.type === 'collection' && !isServers(one.name))
    .map((one) => one.name);
  const names = new Set([...collections, ...views.map((one) => one.name)]);
  const journal: Journal = {
    _id: wanted.tag,
    incoming: wanted.incoming,
    keepAs: wanted.keepAs,
    others: wanted.others,
    inVault: wanted.inVault,
    collections,
    views,
    oldViews: viewsOf(serving).filter((one) => wanted.others === 'leave' || names.has(one.name)),
    step: 'copying',
  };
  await server.ask('write the journal', () => journalsOf(server, wanted.name).insertOne(journal));
  return journal;
}

/** @throws RESTORE_REFUSED for what can not be renamed. */
function refuse(wanted: Exchange, all: readonly { name: string; type: string }[]): void {
  const series = all.filter((one) => one.type === 'timeseries').map((one) => one.name);
  const system = all.filter((one) => one.name.startsWith('system.') && !isServers(one.name)).map((one) => one.name);
  const long = all
    .filter((one) => Buffer.byteLength(`${wanted.name}.${incomingName(wanted.tag, one.name)}`) > NAMESPACE_BYTES)
    .map((one) => one.name);
  const why = [
    ...(series.length > 0 ? [`MongoDB renames no time series: ${series.join(', ')}.`] : []),
    ...(system.length > 0 ? [`MongoDB renames no system collection: ${system.join(', ')}.`] : []),
    ...(long.length > 0 ? [`With a mark of the exchange these names are too long: ${long.join(', ')}.`] : []),
  ];
  if (why.length === 0) return;
  throw new NightjarError('RESTORE_REFUSED', {
    operation: 'rename collections',
    detail: `${why.join(' ')} ${wanted.name} is as it was. Restore with mode \`new\` beside it, and point the application there.`,
  });
}

async function changeNames(server: Server, wanted: Exchange, journal: Journal): Promise<void> {
  const { name, tag, others } = wanted;
  const there = new Set(
    (await listAll(server, name)).filter((one) => one.type === 'collection').map((one) => one.name),
  );
  const inside = (collection: string): string => `${name}.${collection}`;
  const aside = async (collection: string): Promise<void> => {
    // Where it is kept, an old view may have the name.
    for (let tries = journal.oldViews.some((one) => one.name === collection) ? 1 : 0; ; tries += 1) {
      const kept = tries === 0 ? collection : `${collection}_late${tries}`;
      if (tries > 0)
        server.context.report.warn(`Somebody made ${collection} anew while the names changed; it is kept as ${kept}.`);
      try {
        if (await rename(server, inside(collection), inside(outgoingName(tag, kept)))) return;
      } catch (thrown) {
        // Somebody made a view of that name since the exchange began.
        const view = codeOf(thrown) === IS_VIEW ? await viewIn(server, name, collection) : undefined;
        if (!view) throw thrown;
        return moveView(server, wanted, view);
      }
    }
  };
  for (const collection of journal.collections) {
    const incoming = incomingName(tag, collection);
    if (!there.has(incoming)) continue;
    if (there.has(collection)) await aside(collection);
    // A writer may make it in the moment between.
    while (!(await rename(server, inside(incoming), inside(collection)))) await aside(collection);
  }
  if (others === 'leave')
    for (const collection of there)
      if (
        !journal.collections.includes(collection) &&
        collection !== JOURNAL &&
        incomingOf(tag, collection) === undefined &&
        outgoingOf(tag, collection) === undefined &&
        !isServers(collection)
      )
        await aside(collection);
  for (const view of journal.views) {
    if (there.has(view.name)) await aside(view.name);
    while (!(await makeView(server, name, view))) await aside(view.name);
  }
}

/** What served, into a database of its own. */
async function keep(server: Server, { name, tag, keepAs }: Exchange): Promise<void> {
  for (const one of await listAll(server, name)) {
    const collection = outgoingOf(tag, one.name);
    if (collection === undefined) continue;
    server.context.signal.throwIfAborted();
    await rename(server, `${name}.${one.name}`, `${keepAs}.${collection}`, { dropTarget: true });
  }
}

/** Of the incoming database only definitions of views are left. */
async function dropRest(server: Server, database: string): Promise<void> {
  const left = await listAll(server, database);
  if (left.some((one) => one.type !== 'view' && !isServers(one.name))) return;
  await server.ask('drop database', () => server.database(database).dropDatabase());
}

const otherUnderway = (wanted: Exchange, journal: Journal): NightjarError =>
  new NightjarError('SWAP_FAILED', {
    operation: 'rename collections',
    detail: `${brokeOff(wanted.name, journal)} It began after this one had put things in order, so somebody else is at work there. This one has changed nothing.`,
  });

function broken(thrown: unknown, { name, incoming }: Exchange, journal: Journal | undefined): unknown {
  if (thrown instanceof NightjarError && ['RESTORE_REFUSED', 'SWAP_FAILED'].includes(thrown.code)) return thrown;
  const why = wordsOf(thrown);
  switch (journal?.step) {
    case undefined:
    case 'copying':
    case 'giving up':
      return new NightjarError('SWAP_FAILED', {
        operation: 'rename collections',
        detail: `${name} serves as it did, and was not replaced by ${incoming}: ${why}`,
        cause: thrown,
      });
    case 'keeping':
      return new NightjarError('SWAP_UNFINISHED', {
        operation: 'rename collections',
        detail: `${name} serves the incoming data; what served before is not all in its own database yet: ${why}`,
        cause: thrown,
      });
    default:
      return new NightjarError('SWAP_UNFINISHED', {
        operation: 'rename collections',
        detail: `In ${name} some collections are the old and some the new ones. Nothing is lost: ${why}`,
        cause: thrown,
      });
  }
}
