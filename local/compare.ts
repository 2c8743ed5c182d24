/** What a database was and what it is: rows and content of each table. */
import type { TableHash } from './sample.ts';

/** By table. */
export type Hashes = Record<string, TableHash>;

/** Rows of every table at one moment, and their sum. */
export interface Counts {
  tables: number;
  rows: number;
  byTable: Record<string, number>;
}

export function countsOf(hashes: Hashes): Counts {
  const entries = Object.entries(hashes);
  return {
    tables: entries.length,
    rows: entries.reduce((sum, [, { rows }]) => sum + rows, 0),
    byTable: Object.fromEntries(entries.map(([name, { rows }]) => [name, rows])),
  };
}

/** Tables that are not as they were. */
export function differences(before: Hashes, after: Hashes): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    if (!was) return [`${name} is new`];
    if (!is) return [`${name} is missing`];
    if (was.rows !== is.rows) return [`${name} has ${is.rows} rows instead of ${was.rows}`];
    return was.hash === is.hash ? [] : [`${name} has other content in its ${is.rows} rows`];
  });
}
