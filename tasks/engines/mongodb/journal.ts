/** How far an exchange of names is: one document in the database that it happens in, gone when it is over. */
import type { Document } from 'mongodb';
import type { ExchangeState } from '../../../core/exchange.ts';
import type { Exchange } from './exchange.ts';
import { JOURNAL } from './names.ts';
import type { Server } from './server.ts';

export interface View {
  readonly name: string;
  readonly options: Document;
}
export interface Journal {
  readonly _id: string;
  readonly incoming: string;
  readonly keepAs: string;
  readonly others: Exchange['others'];
  /** Absent of one that an older version wrote. */
  readonly inVault?: boolean;
  readonly collections: readonly string[];
  readonly views: readonly View[];
  readonly oldViews: readonly View[];
  /** `giving up`: what was copied is on its way out again. */
  readonly step: 'copying' | 'giving up' | 'views' | 'names' | 'keeping';
}

/** The exchange that broke off in a database of this name. */
export const exchangeOf = (name: string, journal: Journal): Exchange => ({
  tag: journal._id,
  name,
  incoming: journal.incoming,
  keepAs: journal.keepAs,
  others: journal.others,
  inVault: journal.inVault === true,
});

/** The exchange of this tag that broke off in this database. */
export async function isBegun(server: Server, database: string, tag: string): Promise<boolean> {
  return (await journalIn(server, database))?._id === tag;
}

export const journalsOf = (server: Server, database: string) => server.database(database).collection<Journal>(JOURNAL);
export async function journalIn(server: Server, database: string): Promise<Journal | undefined> {
  return (await server.ask('read the journal', () => journalsOf(server, database).findOne({}))) ?? undefined;
}

export async function writeStep(server: Server, name: string, journal: Journal, step: Journal['step']): Promise<void> {
  await server.ask('write the journal', () =>
    journalsOf(server, name).updateOne({ _id: journal._id }, { $set: { step } }),
  );
}

export const dropJournal = async (server: Server, name: string): Promise<void> =>
  void (await server.ask('drop the journal', () => server.database(name).dropCollection(JOURNAL)));

/** In words for a person, where one broke off. */
export const brokeOff = (database: string, { step, incoming }: Journal): string =>
  `An exchange of names in ${database} broke off at the step "${step}" (with ${incoming}).`;

const SERVES: Readonly<Record<Journal['step'], ExchangeState['serves']>> = {
  copying: 'before',
  'giving up': 'before',
  views: 'mixed',
  names: 'mixed',
  keeping: 'incoming',
};
export const stateOf = (name: string, { incoming, keepAs, step }: Journal): ExchangeState => ({
  name,
  incoming,
  keepAs,
  serves: SERVES[step],
  underway: true,
});
