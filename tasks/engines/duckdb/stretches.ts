/**
 * A table's rows a stretch at a time. DuckDB reads 2,048 rows at once, however large their values, and counts only those of
 * 256 KiB and more against its limit; of a range of row ids within those it holds the range's. Source: DuckDB,
 * `row_group.cpp`, `TemplatedScan`; `string_uncompressed.cpp`, `ReadOverflowString`.
 */
import { isShortOfMemory } from './errors.ts';
import { ident, qualified } from './names.ts';
import type { Session } from './session.ts';
import type { Column, DataTable } from './tables.ts';

/** Rows that DuckDB stores as one group by default, and the longest stretch: of short rows it takes about twice as long as all at once. */
export const GROUP = 122_880;
const VECTOR = 2_048;
/** Bytes of values that may be held at once; of less than 4 KiB each they are, whatever the stretch. */
const BUDGET = 8 * 1024 * 1024;
/** So few rows stay small, or take so much that DuckDB counts it. */
const FEW = 32;
/** So many stretches must have fitted after one that did not, before a longer one is tried. */
const CALM = 8;

/** Rows from an id up to, and without, another. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}
export const conditionOf = (stretch: Stretch | undefined): string =>
  stretch ? `WHERE rowid >= ${stretch.from} AND rowid < ${stretch.to}` : '';

/** How many rows of so many bytes are stored as one group: all values of a group are held while it is packed. */
export function groupOf(bytes: number): number {
  let vectors = GROUP / VECTOR;
  while (vectors * VECTOR * bytes > BUDGET && vectors > 4) vectors = Math.floor(vectors / 2);
  return vectors * VECTOR;
}

/** SQL of how many bytes the texts and blobs of all rows have. */
export const bytesOf = (columns: readonly Column[]): string => {
  const lengths = columns.flatMap(({ name, type }) => {
    const length = type === 'VARCHAR' || type === 'JSON' ? 'strlen' : type === 'BLOB' ? 'octet_length' : undefined;
    return length === undefined ? [] : [`coalesce(sum(${length}(${ident(name)})), 0)`];
  });
  return lengths.length === 0 ? '0' : lengths.join(' + ');
};

/**
 * Calls `ask` with stretch after stretch (undefined: all rows), until all rows were asked for; with a shorter one again where
 * the session had too little memory, so `ask` must change nothing before its statement has answered. It resolves with what
 * {@link bytesOf} said. Resolves with the stretches of a table whose values are large.
 *
 * @throws what `ask` throws, also want of memory where a single row is too much.
 */
export async function inStretches(
  session: Session,
  table: DataTable,
  catalog: string | undefined,
  ask: (stretch: Stretch | undefined) => Promise<number>,
): Promise<Stretch[] | undefined> {
  const fitted = async (stretch: Stretch | undefined, last: boolean): Promise<number | undefined> => {
    try {
      return await ask(stretch);
    } catch (thrown) {
      if (last || !isShortOfMemory(thrown)) throw thrown;
      return undefined;
    }
  };
  if (!table.hasRowIds) return void (await fitted(undefined, true));
  if (table.storedRows <= FEW && (await fitted(undefined, false)) !== undefined) return undefined;
  const { end, longest } = await lookAt(session, table, catalog);
  const usual = isUsual({ longest });
  if (usual && (await fitted(undefined, false)) !== undefined) return undefined;
  const taken: Stretch[] = [];
  let [length, calm] = [usual ? VECTOR / 4 : Math.max(1, Math.floor(BUDGET / longest)), CALM];
  for (let from = 0; from < end;) {
    const stretch = { from, to: Math.min(from + length, end) };
    const bytes = await fitted(stretch, length === 1);
    if (bytes === undefined) {
      // Whatever is longer than a vector takes no less than a vector does.
      length = Math.ceil(Math.min(length, VECTOR) / 4);
      calm = 0;
      continue;
    }
    taken.push(stretch);
    from = stretch.to;
    calm += 1;
    const atOnce = bytes / Math.max(1, length / VECTOR);
    if (atOnce > BUDGET) length = Math.max(1, Math.floor((Math.min(length, VECTOR) * BUDGET) / atOnce));
    else if (atOnce * 2 <= BUDGET && calm >= CALM) length = Math.min(length * 2, GROUP);
  }
  return taken;
}

/**
 * Statements that together answer with all rows of a table, by their columns' names: one, or several where its values are
 * large. Each may be stored before the next is asked.
 */
export async function piecesOf(session: Session, table: DataTable, catalog: string): Promise<string[]> {
  const from = `FROM ${qualified(table, catalog)}`;
  const all = `SELECT * ${from}`;
  if (!table.hasRowIds || table.storedRows <= FEW || isUsual(await lookAt(session, table, catalog))) return [all];
  const stretches = await inStretches(session, table, catalog, async (stretch) => {
    const [found] = await session.rows<{ bytes: string }>(
      `SELECT (${bytesOf(table.columns)})::VARCHAR AS bytes ${from} ${conditionOf(stretch)}`,
    );
    return Number(found!.bytes);
  });
  return stretches?.map((one) => `${all} ${conditionOf(one)}`) ?? [all];
}

const isUsual = ({ longest }: { longest: number }): boolean => longest * VECTOR <= BUDGET;

/** In so many shorter ones as a step needs that holds its values several times. */
export function quartered({ from, to }: Stretch): Stretch[] {
  const length = to - from > VECTOR ? to - from : Math.max(1, Math.ceil((to - from) / 4));
  const parts: Stretch[] = [];
  for (let at = from; at < to; at += length) parts.push({ from: at, to: Math.min(at + length, to) });
  return parts;
}

/** Where its row ids end, and the bytes of its longest text or blob, as its statistics have it. */
async function lookAt(
  session: Session,
  table: DataTable,
  catalog: string | undefined,
): Promise<{ end: number; longest: number }> {
  const from = `FROM ${qualified(table, catalog)}`;
  const [found] = await session.rows<{ last: string | null }>(`SELECT max(rowid)::VARCHAR AS last ${from}`);
  if (found!.last === null) return { end: 0, longest: 0 };
  const all = table.columns.map(({ name }) => `stats(${ident(name)})`).join(', ');
  // Of the whole table, whatever the row: this one is there.
  const [row] = await session.rows<{ all: string }>(
    `SELECT concat(${all}) AS "all" ${from} WHERE rowid >= ${found!.last}`,
  );
  const lengths = [...row!.all.matchAll(/Max String Length: (\d+)/g)].map(([, bytes]) => Number(bytes));
  return { end: Number(found!.last) + 1, longest: Math.max(0, ...lengths) };
}
