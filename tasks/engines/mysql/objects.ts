/** Views, routines, triggers and events: what RENAME TABLE leaves behind, read and made again from the server's own words. */
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import { asleep } from './dump-statements.ts';
import { numberOf } from './errors.ts';
import { ident, qualified } from './names.ts';
import { withOwnNameUnicode } from './own-name.ts';
import { runOn } from './packages.ts';
import type { Session } from './server.ts';
import { folds } from './tables.ts';
import { UNREADABLE } from './views.ts';

export interface CodeObject {
  /** As SHOW CREATE and DROP take it: `VIEW`, `TRIGGER`, `EVENT`, or a kind of routine. */
  readonly kind: string;
  readonly name: string;
  /** In the words of one database: a name of its own that stands in it is that one's. */
  readonly sql: string;
  readonly mode: string;
  readonly charset: string;
  readonly collation: string;
  /** Of an event. */
  readonly zone?: string;
}

const LISTS: readonly string[] = [
  `SELECT routine_type AS kind, routine_name AS name FROM information_schema.routines WHERE routine_schema = ? ORDER BY 1, 2`,
  `SELECT 'VIEW' AS kind, table_name AS name FROM information_schema.views WHERE table_schema = ? ORDER BY 2`,
  `SELECT 'TRIGGER' AS kind, trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = ?
    ORDER BY event_object_table, action_timing, event_manipulation, action_order`,
  `SELECT 'EVENT' AS kind, event_name AS name FROM information_schema.events WHERE event_schema = ? ORDER BY 2`,
];

/** `broken`: hears of views that the server itself can't show any more. @throws PRIVILEGE_MISSING for what may not be read. */
export async function readObjects(
  session: Session,
  database: string,
  broken: (name: string) => void,
): Promise<CodeObject[]> {
  // Names of this database are left out of a view's text only while it is the current one.
  await session.rows(`USE ${ident(database)}`);
  const objects: CodeObject[] = [];
  for (const list of LISTS)
    for (const { kind, name } of await session.rows<{ kind: string; name: string }>(list, [database])) {
      try {
        objects.push(await readObject(session, database, kind, name));
      } catch (thrown) {
        if (kind !== 'VIEW' || numberOf(thrown) !== 1356) throw thrown;
        broken(name);
      }
    }
  return objects;
}

async function readObject(session: Session, database: string, kind: string, name: string): Promise<CodeObject> {
  const row = await session.row<Record<string, string | null>>(`SHOW CREATE ${kind} ${qualified(database, name)}`);
  const sql = Object.entries(row).find(([key]) => /^(Create |SQL Original)/.test(key))?.[1];
  if (sql === null || sql === undefined)
    throw new NightjarError('PRIVILEGE_MISSING', {
      operation: `SHOW CREATE ${kind}`,
      detail: `The login may not read the body of ${name}: grant SELECT ON mysql.proc (MariaDB), SHOW_ROUTINE or SELECT ON *.* (MySQL).`,
    });
  return {
    kind,
    name,
    sql,
    mode: row.sql_mode ?? '',
    charset: row.character_set_client ?? 'utf8mb4',
    collation: row.collation_connection ?? 'utf8mb4_general_ci',
    ...(row.time_zone ? { zone: row.time_zone } : {}),
  };
}

/** In the words of another database. */
export async function inWordsOf(
  session: Session,
  objects: readonly CodeObject[],
  from: string,
  to: string,
): Promise<CodeObject[]> {
  if (from === to || objects.length === 0) return [...objects];
  const renaming = { from, to, anyCase: await folds(session) };
  return objects.map((one) => ({
    ...one,
    sql: withOwnNameUnicode(one.sql, renaming, {
      typed: one.kind !== 'VIEW',
      ansi: one.kind !== 'VIEW' && one.mode.includes('ANSI_QUOTES'),
    }),
  }));
}

export const sameObject = (one: CodeObject, other: CodeObject): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

export async function dropObject(session: Session, database: string, { kind, name }: CodeObject): Promise<void> {
  await runOn(session, `DROP ${kind} IF EXISTS ${qualified(database, name)}`);
}

async function createObject(session: Session, database: string, one: CodeObject): Promise<void> {
  await dropObject(session, database, one);
  // The text comes as UTF-8, whatever the one who wrote it used.
  const plain = /^[\x00-\x7f]*$/.test(one.sql);
  await session.rows('SET SESSION sql_mode = ?, character_set_client = ?, collation_connection = ?, time_zone = ?', [
    one.mode,
    plain ? one.charset : 'utf8mb4',
    plain ? one.collation : 'utf8mb4_general_ci',
    one.zone ?? '+00:00',
  ]);
  try {
    await session.rows(one.sql);
  } finally {
    await session.rows(`SET NAMES utf8mb4`);
    await session.rows(`SET SESSION sql_mode = '', time_zone = '+00:00'`);
  }
}

/**
 * Makes them in this database; events do not run yet. Views that read others come when those are there. `of`: the database in
 * whose words they are. `broken`: hears of views that read what is not there; undefined: then it throws.
 */
export async function createObjects(
  session: Session,
  database: string,
  objects: readonly CodeObject[],
  { of, broken }: { readonly of: string; readonly broken?: (view: CodeObject, why: string) => void },
): Promise<void> {
  const own = await inWordsOf(session, objects, of, database);
  await session.rows(`USE ${ident(database)}`);
  const kinds = (test: (kind: string) => boolean): CodeObject[] => own.filter((one) => test(one.kind));
  for (const one of kinds((kind) => !['VIEW', 'TRIGGER', 'EVENT'].includes(kind)))
    await createObject(session, database, one);
  await createViews(
    session,
    database,
    kinds((kind) => kind === 'VIEW'),
    broken,
  );
  for (const one of kinds((kind) => kind === 'TRIGGER')) await createObject(session, database, one);
  for (const one of kinds((kind) => kind === 'EVENT'))
    await createObject(session, database, { ...one, sql: asleep(one.sql) ?? one.sql });
}

async function createViews(
  session: Session,
  database: string,
  views: readonly CodeObject[],
  broken?: (view: CodeObject, why: string) => void,
): Promise<void> {
  let waiting = [...views];
  while (waiting.length > 0) {
    const failed: { one: CodeObject; why: unknown }[] = [];
    for (const one of waiting) {
      try {
        await createObject(session, database, one);
      } catch (why) {
        if (!UNREADABLE.includes(numberOf(why) ?? 0)) throw why;
        failed.push({ one, why });
      }
    }
    if (failed.length === waiting.length) {
      if (!broken) throw failed[0]!.why;
      for (const { one, why } of failed) broken(one, wordsOf(why));
      return;
    }
    waiting = failed.map(({ one }) => one);
  }
}

/** Names of events that run, as their texts say. */
export const runningEvents = (objects: readonly CodeObject[]): string[] =>
  objects.filter((one) => one.kind === 'EVENT' && asleep(one.sql) !== undefined).map((one) => one.name);
