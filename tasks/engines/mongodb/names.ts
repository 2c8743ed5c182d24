/** Names of Nightjar's own in a database of somebody else's. */
import type { TablePrint } from '../../../core/backup.ts';
import type { Place } from './archive-format.ts';

/** Says which restore brought the database. One document. */
export const NOTE = 'nightjar_restore';
/** Says how far an exchange of names is; gone when it is over. One document. */
export const JOURNAL = 'nightjar_exchange';
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
/** The name that an {@link incomingName} was made of. */
export const incomingOf = (tag: string, name: string): string | undefined =>
  name.startsWith(`nj_${tag}_n_`) ? name.slice(`nj_${tag}_n_`.length) : undefined;

/** Of an exchange: the restore's, so that the same restore goes on with it. */
export const swapTag = (restoreId: string): string => restoreId.slice(-10).toLowerCase();
/** Of the exchange that takes a swap back. */
export const undoTag = (restoreId: string): string => `r${swapTag(restoreId)}`;
/** Under way in an exchange, of whatever tag: what served or what will. */
export const isUnderway = (name: string): boolean => /^nj_r?[0-9a-z]{10}_[no]_/.test(name);
/** No data of anybody’s: no backup counts it, no restore brings it. */
export const isOurs = (name: string): boolean => OURS.includes(name) || isUnderway(name);

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
