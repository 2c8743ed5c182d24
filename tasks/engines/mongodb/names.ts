/** Names of Nightjar's own in a database of somebody else's. */
import type { TablePrint } from '../../../core/backup.ts';
import type { Place } from './archive-format.ts';

/** Says which restore brought the database. One document. */
export const NOTE = 'nightjar_restore';
/** Says how far an exchange of names is; gone when it is over. One document. */
export const JOURNAL = 'nightjar_exchange';
/** Neither is data: no backup counts them, no restore brings them. */
export const OURS: readonly string[] = [NOTE, JOURNAL];

/** Databases that are the server's own. Source: MongoDB manual, "Reserved databases". */
export const SERVERS_OWN: readonly string[] = ['admin', 'config', 'local'];

/** What a collection is called in the database that it is exchanged in, until it has its name. */
export const incomingName = (tag: string, collection: string): string => `nj_${tag}_n_${collection}`;
/** What the replaced one is called there, until it has left. */
export const outgoingName = (tag: string, collection: string): string => `nj_${tag}_o_${collection}`;
/** The name that an {@link outgoingName} was made of. */
export const outgoingOf = (tag: string, name: string): string | undefined =>
  name.startsWith(`nj_${tag}_o_`) ? name.slice(`nj_${tag}_o_`.length) : undefined;
export const isUnderway = (tag: string, name: string): boolean => name.startsWith(`nj_${tag}_`);

/** A namespace, such as `shop.orders`, has 255 bytes; 120 before 4.4. Source: MongoDB manual, "MongoDB Limits". */
export const NAMESPACE_BYTES = 255;

/** Of a whole server a collection is told with its database. */
export const printPlace = (
  { db, collection }: Place,
  many: boolean,
): Pick<TablePrint, 'database' | 'schema' | 'table'> => ({
  ...(many ? { database: db } : {}),
  schema: '',
  table: collection,
});
export const scopeName = ({ db, collection }: Place, many: boolean): string =>
  many ? `${db}.${collection}` : collection;
