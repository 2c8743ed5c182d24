/** Databases as wholes, and the note that a restored or a set aside one carries in a table of its own. */
import { numberOf } from './errors.ts';
import { ident, NOTE_TABLE, qualified } from './names.ts';
import type { Server, Session } from './server.ts';

export async function databaseExists(session: Session, name: string): Promise<boolean> {
  const found = await session.rows('SELECT 1 FROM information_schema.schemata WHERE schema_name = ?', [name]);
  return found.length > 0;
}

export const databaseNames = async (session: Session): Promise<string[]> =>
  (
    await session.rows<{ name: string }>(
      'SELECT schema_name AS name FROM information_schema.schemata ORDER BY schema_name',
    )
  ).map(({ name }) => name);

export async function tableExists(session: Session, database: string, table: string): Promise<boolean> {
  const found = await session.rows(
    'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
    [database, table],
  );
  return found.length > 0;
}

/** True when it was there. */
export async function dropDatabase(session: Session, name: string): Promise<boolean> {
  if (!(await databaseExists(session, name))) return false;
  await session.rows('SET SESSION foreign_key_checks = 0');
  await session.rows(`DROP DATABASE IF EXISTS ${ident(name)}`);
  return true;
}

/** What a failure leaves; that it could not be dropped is no reason to forget what failed. */
export async function dropUnfinished(server: Server, place: string): Promise<void> {
  try {
    const session = await server.lastSession();
    try {
      await dropDatabase(session, place);
    } finally {
      await session.close();
    }
  } catch (thrown) {
    server.context.report.warn(`The unfinished database ${place} could not be dropped: ${String(thrown)}`);
  }
}

export interface Note {
  /** Id of the restore that made the database, or set it aside. */
  readonly restore?: string;
  /** Of a ledger: id of the backup that is restored. */
  readonly backup?: string;
  /** `1` once the restored rows were compared and found equal. */
  readonly equal?: string;
  /** JSON: names of the events that run when the database serves. */
  readonly events?: string;
  /** `1` once its rows have replaced those of the living tables. */
  readonly replaced?: string;
  /** JSON of what an exchange of names moves; while one is under way. */
  readonly plan?: string;
  /** JSON: the plan of an exchange that broke off and could not be finished. */
  readonly aside?: string;
}

/** Undefined where there is none. */
export async function readNote(session: Session, database: string): Promise<Note | undefined> {
  try {
    const rows = await session.rows<{ k: string; v: string }>(`SELECT k, v FROM ${qualified(database, NOTE_TABLE)}`);
    return Object.fromEntries(rows.map(({ k, v }) => [k, v]));
  } catch (thrown) {
    // 1049: no database, 1146: no table.
    if ([1049, 1146].includes(numberOf(thrown) ?? 0)) return undefined;
    throw thrown;
  }
}

/** `made`: the table is there; so it can be written to inside a transaction, which making it would end. */
export async function writeNote(
  session: Session,
  database: string,
  note: Note,
  { table = NOTE_TABLE, made = false }: { table?: string; made?: boolean } = {},
): Promise<void> {
  const place = qualified(database, table);
  if (!made)
    await session.rows(
      `CREATE TABLE IF NOT EXISTS ${place} (k varchar(20) CHARACTER SET ascii PRIMARY KEY, v longtext CHARACTER SET utf8mb4) ENGINE = InnoDB`,
    );
  for (const [key, value] of Object.entries(note))
    await session.rows(`REPLACE INTO ${place} (k, v) VALUES (?, ?)`, [key, value]);
}
