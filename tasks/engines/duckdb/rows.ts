/** Rows from one place into tables that are there: in an order that foreign keys allow. */
import { NightjarError } from '../../../core/errors.ts';
import { tableName } from '../../../core/scope.ts';
import type { Reporter } from '../../engine.ts';
import { ident, qualified } from './names.ts';
import type { Session } from './session.ts';
import type { DataTable, ForeignKey } from './tables.ts';

/** A chain of rows that refer to each other takes as many rounds as it is long. */
const ROUNDS = 10_000;

export interface Load {
  readonly session: Session;
  /** Name of the attached database that is filled. */
  readonly into: string;
  /** SQL that answers with the table's rows, by their columns' names; in several pieces each is stored before the next. */
  from(table: DataTable): Promise<readonly string[]> | readonly string[];
  readonly report: Pick<Reporter, 'moved'>;
}

/** Parents before children; the order of making serves where nothing refers. */
export function inOrder(tables: readonly DataTable[]): DataTable[] {
  const done = new Map<string, DataTable>();
  const byName = new Map(tables.map((one) => [tableName(one), one]));
  const take = (one: DataTable): void => {
    if (done.has(tableName(one))) return;
    for (const key of one.foreignKeys) {
      const parent = byName.get(tableName({ schema: one.schema, table: key.table }));
      // Keys can't go round in a ring: a table must be there when another's key is made.
      if (parent && parent !== one) take(parent);
    }
    done.set(tableName(one), one);
  };
  for (const one of tables) take(one);
  return [...done.values()];
}

export async function loadRows(tables: readonly DataTable[], load: Load): Promise<void> {
  for (const table of inOrder(tables)) {
    if (table.columns.length === 0) continue;
    const pieces = await load.from(table);
    const own = table.foreignKeys.filter((key) => key.table === table.table);
    if (own.length > 0) await loadTree(table, own, pieces.join(' UNION ALL '), load);
    else
      for (const piece of pieces) {
        await load.session.rows(`INSERT INTO ${intoOf(table, load)} SELECT ${columnsOf(table)} FROM (${piece})`);
        if (pieces.length > 1) await load.session.rows(`CHECKPOINT ${ident(load.into)}`);
        load.report.moved(0);
      }
    load.report.moved(0);
  }
}

const columnsOf = (table: DataTable): string => table.columns.map((one) => ident(one.name)).join(', ');
const intoOf = (table: DataTable, { into }: Load): string => `${qualified(table, into)} (${columnsOf(table)})`;

/** Rows of a table that refer to rows of the same table: DuckDB wants the parent stored before, by another statement. */
async function loadTree(
  table: DataTable,
  keys: readonly ForeignKey[],
  from: string,
  { session, into, ...load }: Load,
): Promise<void> {
  await session.rows('DROP TABLE IF EXISTS temp.main.nightjar_tree');
  await session.rows(
    `CREATE TEMP TABLE nightjar_tree AS SELECT row_number() OVER () AS nightjar_row, * FROM (SELECT ${columnsOf(table)} FROM (${from}))`,
  );
  const target = qualified(table, into);
  const ready = keys
    .map(({ columns, referenced }) => {
      const nulls = columns.map((one) => `s.${ident(one)} IS NULL`).join(' OR ');
      const there = columns.map((one, index) => `t.${ident(referenced[index]!)} = s.${ident(one)}`).join(' AND ');
      return `(${nulls} OR EXISTS (SELECT 1 FROM ${target} t WHERE ${there}))`;
    })
    .join(' AND ');
  for (let round = 0; round < ROUNDS; round += 1) {
    await session.rows('DROP TABLE IF EXISTS temp.main.nightjar_ready');
    await session.rows(`CREATE TEMP TABLE nightjar_ready AS SELECT s.* FROM temp.main.nightjar_tree s WHERE ${ready}`);
    const [count] = await session.rows<{ ready: string; waiting: string }>(
      `SELECT (SELECT count(*) FROM temp.main.nightjar_ready)::VARCHAR AS ready, (SELECT count(*) FROM temp.main.nightjar_tree)::VARCHAR AS waiting`,
    );
    if (count!.waiting === '0') return;
    if (count!.ready === '0') break;
    await session.rows(
      `INSERT INTO ${intoOf(table, { session, into, ...load })} SELECT ${columnsOf(table)} FROM temp.main.nightjar_ready`,
    );
    await session.rows(
      'DELETE FROM temp.main.nightjar_tree WHERE nightjar_row IN (SELECT nightjar_row FROM temp.main.nightjar_ready)',
    );
    load.report.moved(0);
  }
  throw new NightjarError('RESTORE_FAILED', {
    operation: 'load rows',
    detail: `${tableName(table)} has rows that refer to each other in a ring or in too long a chain; format \`file\` keeps such rows as they are.`,
  });
}
