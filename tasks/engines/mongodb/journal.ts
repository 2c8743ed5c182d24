/** How far an exchange of names is: one document in the database that it happens in, gone when it is over. */
import type { Document } from 'mongodb';
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
  readonly collections: readonly string[];
  readonly views: readonly View[];
  readonly oldViews: readonly View[];
  readonly step: 'copying' | 'views' | 'names' | 'keeping';
}

/** The exchange of this tag that broke off in this database. */
export async function isBegun(server: Server, database: string, tag: string): Promise<boolean> {
  return (await journalIn(server, database))?._id === tag;
}

export const journalsOf = (server: Server, database: string) => server.database(database).collection<Journal>(JOURNAL);
export async function journalIn(server: Server, database: string): Promise<Journal | undefined> {
  return (await server.ask('read the journal', () => journalsOf(server, database).findOne({}))) ?? undefined;
}

/** Notes the next step. */
export async function goOn(
  server: Server,
  { name }: Exchange,
  journal: Journal,
  step: Journal['step'],
): Promise<Journal> {
  if (step === 'views') server.context.signal.throwIfAborted();
  await server.ask('write the journal', () =>
    journalsOf(server, name).updateOne({ _id: journal._id }, { $set: { step } }),
  );
  return { ...journal, step };
}
