/** How MySQL and MariaDB write names and values down, and the names that are Nightjar's own. */

/** A name as SQL takes it, whatever is in it. */
export const ident = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

export const qualified = (database: string, name: string): string => `${ident(database)}.${ident(name)}`;

/** With backslashes as escapes: sessions of ours leave NO_BACKSLASH_ESCAPES off. */
export const literal = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

/** In a restored or set aside database: which restore made it, and what is still to be done. Never part of a backup. */
export const NOTE_TABLE = '_nightjar_restore';
/** Moves with the tables in the one RENAME: where it lies tells whether that happened. */
export const KEPT_TABLE = '_nightjar_kept';
export const OWN_TABLES: readonly string[] = [NOTE_TABLE, KEPT_TABLE];

/** A user as people and a role map write it. */
export const account = (user: string, host: string): string => `${user}@${host}`;
