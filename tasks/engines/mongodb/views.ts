/** Views in an exchange of names: no server renames one. */
import { listAll, type Collection } from './collections.ts';
import { codeOf } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { View } from './journal.ts';
import { EXISTS } from './rename.ts';
import type { Server } from './server.ts';

export const viewsOf = (all: readonly Collection[]): View[] =>
  all.filter((one) => one.type === 'view').map(({ name, options }) => ({ name, options }));

/** A view is its definition: it is made there and dropped here. */
export async function moveView(
  server: Server,
  { name, keepAs }: Pick<Exchange, 'name' | 'keepAs'>,
  view: View,
): Promise<void> {
  await makeView(server, keepAs, view);
  await server.ask('drop view', () => server.database(name).dropCollection(view.name));
}

/** False when there is a collection of that name. */
export async function makeView(server: Server, database: string, { name, options }: View): Promise<boolean> {
  try {
    await server.ask('create view', () => server.database(database).createCollection(name, options));
    return true;
  } catch (thrown) {
    if (codeOf(thrown) !== EXISTS) throw thrown;
    return (await viewIn(server, database, name)) !== undefined;
  }
}

export const viewIn = async (server: Server, database: string, name: string): Promise<View | undefined> =>
  viewsOf(await listAll(server, database)).find((one) => one.name === name);
