/** Dropping tables only while they are empty: nobody's rows may come between the look and the drop. */
import { NightjarError } from '../../../core/errors.ts';
import type { Asker } from './fingerprint.ts';
import { literal, qualified } from './names.ts';
import { listTables } from './tables.ts';

const BATCH = 200;

interface Table {
  readonly id: string;
  readonly schema: string;
  readonly table: string;
}

/** Partitioned tables first, as whoever writes to them locks them. */
const TABLES = `
  SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS table
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
   ORDER BY c.relkind = 'p' DESC, c.relispartition, c.oid`;

/**
 * In a transaction: locks all tables, looks whether they are empty, and drops. What somebody made after the look, and the
 * drop took along, is told by the locks that it left; the transaction is to be rolled back then.
 *
 * @throws NightjarError SCOPE_REFUSED when a table has rows, or something new was dropped.
 */
export async function onlyIfEmpty(asker: Asker, drop: () => Promise<void>): Promise<void> {
  await lockTables(asker);
  await refuseRows(asker);
  const known = new Set(
    (await asker.rows<{ id: string }>('SELECT oid::text AS id FROM pg_catalog.pg_class')).map(idOf),
  );
  await drop();
  const dropped = await asker.rows<{ id: string }>(`
    SELECT DISTINCT relation::text AS id FROM pg_catalog.pg_locks
     WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND mode = 'AccessExclusiveLock'
       AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`);
  if (dropped.some((one) => !known.has(one.id))) throw refused('drops a table that somebody made at this very moment');
}

const idOf = (one: { id: string }): string => one.id;

async function lockTables(asker: Asker): Promise<void> {
  const locked = new Set<string>();
  for (;;) {
    const fresh = (await asker.rows<Table>(TABLES)).filter((one) => !locked.has(one.id));
    if (fresh.length === 0) return;
    for (const some of batches(fresh)) {
      const names = some.map((one) => `ONLY ${qualified(one.schema, one.table)}`);
      await asker.rows(`LOCK TABLE ${names.join(', ')} IN ACCESS EXCLUSIVE MODE`);
    }
    // A name may have meant another table by then: the next look finds it.
    for (const one of fresh) locked.add(one.id);
  }
}

async function refuseRows(asker: Asker): Promise<void> {
  for (const some of batches(await listTables(asker))) {
    const looks = some.map(
      ({ schema, table, condition }) =>
        `SELECT ${literal(`${schema}.${table}`)}::text AS name WHERE EXISTS (SELECT FROM ONLY ${qualified(schema, table)} AS "row" ${condition})`,
    );
    const [filled] = await asker.rows<{ name: string }>(`SELECT name FROM (${looks.join(' UNION ALL ')}) AS looks`);
    if (filled) throw refused(`drops ${filled.name}, which has rows`);
  }
}

const refused = (what: string): NightjarError =>
  new NightjarError('SCOPE_REFUSED', {
    operation: 'overwrite',
    detail: `Restoring the schema ${what}. The transaction was rolled back; nothing was touched.`,
  });

function* batches<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += BATCH) yield all.slice(from, from + BATCH);
}
