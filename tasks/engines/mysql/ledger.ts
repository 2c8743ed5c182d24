/**
 * What a restore of all databases has made on the server, in a database of its own until all of them are back. By it a restore
 * that is started again tells its own users, unfinished as they may be, from those who were there.
 */
import { aliasDatabase } from '../../../core/names.ts';
import { numberOf } from './errors.ts';
import { ident, qualified } from './names.ts';
import { databaseNames, dropUnfinished, readNote, writeNote } from './place.ts';
import { within, type Server, type Session } from './server.ts';

const STEM = 'nightjar_made';
const TABLE = 'made';

/** The table of a restore's ledger, as SQL names it. */
export const ledgerOf = (restoreId: string): string => qualified(aliasDatabase(STEM, restoreId), TABLE);

export type Kind = 'account' | 'database';

export interface Entry {
  /** `begun`: not there yet when it was written. `made`: of an account, without all of its grants. `done`: with them. */
  readonly step: 'begun' | 'made' | 'done';
  /** Of an account that was made: how the server says it is. */
  readonly as: string;
  /** False of another restore of the same backup, which was not finished. */
  readonly own: boolean;
}

export interface Ledger {
  /** What was written before it was opened. */
  find(kind: Kind, name: string): Entry | undefined;
  write(session: Session, kind: Kind, name: string, entry: Omit<Entry, 'own'>): Promise<void>;
  /** All is back: nothing more is to be told apart. */
  close(): Promise<void>;
}

interface Row {
  readonly kind: Kind;
  readonly name: string;
  readonly step: Entry['step'];
  readonly described: string;
}

/** @throws PRIVILEGE_MISSING where the login may not make it. */
export async function openLedger(
  server: Server,
  { restoreId, backupId }: { readonly restoreId: string; readonly backupId: string },
): Promise<Ledger> {
  const place = aliasDatabase(STEM, restoreId);
  const entries = new Map<string, Entry>();
  const others: string[] = [];
  await within(server, async (session) => {
    await session.rows(`CREATE DATABASE IF NOT EXISTS ${ident(place)} CHARACTER SET utf8mb4`);
    await writeNote(session, place, { restore: restoreId, backup: backupId });
    await session.rows(
      `CREATE TABLE IF NOT EXISTS ${qualified(place, TABLE)} (
         kind varchar(8) CHARACTER SET ascii, name varchar(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
         step varchar(8) CHARACTER SET ascii NOT NULL, described longtext CHARACTER SET utf8mb4 NOT NULL,
         PRIMARY KEY (kind, name)) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`,
    );
    for (const name of await databaseNames(session))
      if (name !== place && name.startsWith(aliasDatabase(STEM, '')))
        if ((await readNote(session, name))?.backup === backupId) others.push(name);
    for (const from of [...others, place])
      for (const { kind, name, step, described } of await rowsOf(session, from))
        entries.set(`${kind} ${name}`, { step, as: described, own: from === place });
  });
  return {
    find: (kind, name) => entries.get(`${kind} ${name}`),
    async write(session, kind, name, { step, as }) {
      await session.rows(`REPLACE INTO ${qualified(place, TABLE)} (kind, name, step, described) VALUES (?, ?, ?, ?)`, [
        kind,
        name,
        step,
        as,
      ]);
    },
    async close() {
      await within(server, async (session) => {
        // Whoever was made is somebody's now. The database goes with what its restore left behind.
        for (const name of others) await session.rows(`DELETE FROM ${qualified(name, TABLE)}`).catch(unlessGone);
      });
      await dropUnfinished(server, place);
    },
  };
}

const rowsOf = (session: Session, place: string): Promise<Row[]> =>
  session
    .rows<Row>(`SELECT kind, name, step, described FROM ${qualified(place, TABLE)} WHERE kind <> 'view'`)
    .catch((thrown: unknown) => unlessGone(thrown) ?? []);

/** 1049: no database, 1146: no table. */
function unlessGone(thrown: unknown): undefined {
  if (![1049, 1146].includes(numberOf(thrown) ?? 0)) throw thrown;
}
