/** What a restore brought back, beside what the backup recorded: the same words for every engine. */
import type { Comparison, Fingerprint, TablePrint } from '../core/backup.ts';
import { NightjarError } from '../core/errors.ts';
import { tableName } from '../core/scope.ts';

const DIFFERENCES_KEPT = 50;
const DIFFERENCES_TOLD = 10;

export type Print = Pick<TablePrint, 'rows' | 'checksum'>;
export type Difference = Comparison['differences'][number];

/** A checksum that was recorded must be found. */
export const isSame = (one: Print, found: Print | undefined): boolean =>
  found?.rows === one.rows && (!one.checksum || found.checksum === one.checksum);
/** Where a checksum can be missing for a good reason, the rows decide then. */
export const isSameAsFarAsSeen = (one: Print, found: Print | undefined): boolean =>
  found?.rows === one.rows && (!one.checksum || !found.checksum || found.checksum === one.checksum);

interface Words {
  /** What an engine calls a table and its rows. */
  readonly table: string;
  readonly rows: string;
}

/** `found` stands in the order of `expected`. */
export function comparisonOf(
  mode: Fingerprint['mode'],
  expected: readonly TablePrint[],
  found: readonly (Print | undefined)[],
  options: {
    readonly same?: typeof isSame;
    readonly words?: Words;
  } = {},
): Comparison {
  const { same = isSame, words = { table: 'table', rows: 'rows' } } = options;
  const show = (print: Print | undefined): string =>
    print === undefined
      ? `no such ${words.table}`
      : `${print.rows} ${words.rows}${print.checksum ? `, checksum ${print.checksum}` : ''}`;
  const differences = expected.flatMap((one, index) =>
    same(one, found[index])
      ? []
      : [{ schema: one.schema, table: one.table, expected: show(one), found: show(found[index]) }],
  );
  return {
    mode,
    tablesCompared: expected.length,
    rowsExpected: sum(expected),
    rowsFound: sum(found),
    differences: differences.slice(0, DIFFERENCES_KEPT),
    equal: differences.length === 0,
  };
}

/** The same with what differs besides the rows, such as definitions. */
export const withDifferences = (comparison: Comparison, more: readonly Difference[]): Comparison => ({
  ...comparison,
  differences: [...comparison.differences, ...more].slice(0, DIFFERENCES_KEPT),
  equal: comparison.equal && more.length === 0,
});

const sum = (prints: readonly (Print | undefined)[]): number =>
  prints.reduce((rows, print) => rows + (print?.rows ?? 0), 0);

/** Nothing to compare, or what an earlier attempt of the same restore found: only then is a database marked as its own. */
export const equalAsBefore = (mode: Fingerprint['mode'], tables: readonly TablePrint[]): Comparison =>
  comparisonOf(mode, tables, tables);

/** A sentence. `what` differs: tables, or more than tables. */
export const differencesInWords = ({ differences }: Comparison, what = 'tables differ'): string =>
  `${differences.length} ${what}: ${differences
    .slice(0, DIFFERENCES_TOLD)
    .map((one) => `${tableName(one)}: expected ${one.expected}, found ${one.found}`)
    .join('; ')}.`;

/** `where`: what became of the data that differs. */
export const differs = (
  comparison: Comparison,
  where: string,
  { operation = 'compare rows', what }: { operation?: string; what?: string } = {},
): NightjarError =>
  new NightjarError('FINGERPRINT_DIFFERS', { operation, detail: `${where} ${differencesInWords(comparison, what)}` });
