/** Narrower restores: which entries of an archive belong to some tables. */
import { NightjarError } from '../../../core/errors.ts';
import { isOf, type TocEntry } from './toc.ts';

export interface ScopedTable {
  readonly schema: string;
  readonly table: string;
  readonly entry: TocEntry;
}

/** Entries that come along with the table that they depend on. */
const BELONGINGS = new Set([
  'ACL',
  'CHECK CONSTRAINT',
  'COMMENT',
  'CONSTRAINT',
  'DEFAULT',
  'FK CONSTRAINT',
  'INDEX',
  'INDEX ATTACH',
  'POLICY',
  'ROW SECURITY',
  'RULE',
  'SECURITY LABEL',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'STATISTICS',
  'STATISTICS DATA',
  'TABLE ATTACH',
  'TABLE DATA',
  'TRIGGER',
]);
const RELATIONS = new Set(['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW']);

/** Finds the tables by their `schema.table`; of a partitioned one all partitions too. @throws INPUT_INVALID. */
export function tablesNamed(toc: readonly TocEntry[], names: readonly string[]): ScopedTable[] {
  const tables = toc.filter((entry) => entry.kind === 'TABLE');
  const found = new Map<number, ScopedTable>();
  const unknown: string[] = [];
  for (const name of names) {
    const one = tableNamed(tables, name);
    if (one) found.set(one.entry.id, one);
    else unknown.push(name);
  }
  if (unknown.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `scope.tables: the backup has no ${unknown.join(', ')}; right would be schema.table, as the backup’s fingerprint names them.`,
    });
  return [...found.values()];
}

function tableNamed(tables: readonly TocEntry[], name: string): ScopedTable | undefined {
  // Names may hold dots themselves, so every dot may be the one between schema and table.
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const [schema, table] = [name.slice(0, dot), name.slice(dot + 1)];
    const matching = tables.filter((entry) => isOf(entry, schema, table));
    if (matching.length === 1) return { schema, table, entry: matching[0]! };
  }
  return undefined;
}

/** The tables with the partitions of those that are partitioned, as ids of entries. */
export function withPartitions(toc: readonly TocEntry[], ids: readonly number[]): Set<number> {
  const all = new Set(ids);
  const tables = new Map(toc.filter((entry) => entry.kind === 'TABLE').map((entry) => [entry.id, entry]));
  const attached = toc.filter((entry) => entry.kind === 'TABLE ATTACH');
  for (let grown = true; grown;) {
    grown = false;
    for (const { dependsOn, rest } of attached) {
      // It depends on both tables and bears the name of the partition.
      const child = dependsOn.find((id) => tables.get(id)?.rest === rest);
      const parent = dependsOn.find((id) => tables.has(id) && id !== child);
      if (parent === undefined || child === undefined || !all.has(parent) || all.has(child)) continue;
      all.add(child);
      grown = true;
    }
  }
  return all;
}

/** Everything that these tables need to be made, and everything that is theirs. */
export function entriesFor(
  toc: readonly TocEntry[],
  tables: ReadonlySet<number>,
): { chosen: Set<number>; leftOut: TocEntry[] } {
  const byId = new Map(toc.map((entry) => [entry.id, entry]));
  const theirs = new Set(tables);
  const chosen = new Set(tables);
  const leftOut = new Map<number, TocEntry>();
  const need = (id: number): void => {
    for (const below of byId.get(id)?.dependsOn ?? []) {
      const entry = byId.get(below);
      if (!entry || chosen.has(below) || RELATIONS.has(entry.kind)) continue;
      chosen.add(below);
      need(below);
    }
  };
  for (const id of tables) need(id);
  for (let grown = true; grown;) {
    grown = false;
    for (const entry of toc) {
      if (!BELONGINGS.has(entry.kind) || theirs.has(entry.id)) continue;
      if (!entry.dependsOn.some((id) => theirs.has(id))) continue;
      const foreign = entry.dependsOn.some((id) => RELATIONS.has(byId.get(id)?.kind ?? '') && !theirs.has(id));
      if (foreign) {
        leftOut.set(entry.id, entry);
        continue;
      }
      theirs.add(entry.id);
      chosen.add(entry.id);
      need(entry.id);
      grown = true;
    }
  }
  return { chosen, leftOut: [...leftOut.values()] };
}

/** Of the chosen entries only rows and the state of sequences. */
export const dataOf = (toc: readonly TocEntry[], chosen: (id: number) => boolean): TocEntry[] =>
  toc.filter((entry) => (entry.kind === 'TABLE DATA' || entry.kind === 'SEQUENCE SET') && chosen(entry.id));

/** For --use-list, in the archive's own order. */
export const listFile = (toc: readonly TocEntry[], chosen: (id: number) => boolean): string =>
  toc
    .filter((entry) => chosen(entry.id))
    .map((entry) => `${entry.line}\n`)
    .join('');
