/** Narrower restores: which entries of an archive belong to some tables. */
import type { Manifest } from '../../../core/backup.ts';
import { NightjarError } from '../../../core/errors.ts';
import { byTable, type TocEntry } from './toc.ts';

interface ScopedTable {
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

/** What stands for a table: its definition, or in an archive without definitions its rows. */
export function tablesIn(toc: readonly TocEntry[]): TocEntry[] {
  const made = toc.filter((entry) => entry.kind === 'TABLE');
  return made.length > 0 ? made : toc.filter((entry) => entry.kind === 'TABLE DATA');
}

/**
 * The tables of these names with their partitions, as ids of entries. @throws INPUT_INVALID for names that are not in the
 * archive; SCOPE_REFUSED for tables whose rows the backup's own scope has left out.
 */
export function wantedTables(
  toc: readonly TocEntry[],
  names: readonly string[],
  { scope: held }: Pick<Manifest, 'scope'>,
): Set<number> {
  const named = tablesNamed(toc, names);
  if ((held?.tables ?? held?.exclude) && !held?.schemaOnly) {
    const rowless = rowlessIn(toc);
    const empty = named.filter(({ entry }) => rowless.has(entry.id));
    if (empty.length > 0)
      throw new NightjarError('SCOPE_REFUSED', {
        operation: 'read scope',
        detail: `The backup holds no rows of ${empty.map((one) => `${one.schema}.${one.table}`).join(', ')}: the target's scope leaves them out.`,
      });
  }
  return withPartitions(
    toc,
    named.map((one) => one.entry.id),
  );
}

/** Tables whose rows, or some of them, the archive lacks. */
export function rowlessIn(toc: readonly TocEntry[]): Set<number> {
  const filled = new Set(toc.filter((entry) => entry.kind === 'TABLE DATA').map((entry) => entry.rest));
  const parents = new Map(attachments(toc).map(({ parent, child }) => [child, parent]));
  const above = new Set(parents.values());
  const rowless = new Set<number>();
  for (const { id, rest } of tablesIn(toc)) {
    if (above.has(id) || filled.has(rest)) continue;
    for (let one: number | undefined = id; one !== undefined; one = parents.get(one)) rowless.add(one);
  }
  return rowless;
}

/** Foreign keys of tables with rows to tables without. */
export function cutByRows(toc: readonly TocEntry[]): TocEntry[] {
  const rowless = rowlessIn(toc);
  const tables = new Map(tablesIn(toc).map((entry) => [entry.id, entry]));
  return toc.filter((entry) => {
    if (entry.kind !== 'FK CONSTRAINT') return false;
    const ends = entry.dependsOn.filter((id) => tables.has(id));
    // Its line begins with schema and name of its own table, which names with spaces make a question of length.
    const own = ends.sort((a, b) => sharedWords(tables.get(b)!, entry) - sharedWords(tables.get(a)!, entry))[0];
    return own !== undefined && !rowless.has(own) && ends.some((id) => rowless.has(id));
  });
}

function sharedWords(a: TocEntry, b: TocEntry): number {
  let shared = 0;
  for (let at = a.rest.indexOf(' '); at >= 0; at = a.rest.indexOf(' ', at + 1))
    if (b.rest.startsWith(a.rest.slice(0, at + 1))) shared = at;
  return shared;
}

function tablesNamed(toc: readonly TocEntry[], names: readonly string[]): ScopedTable[] {
  const find = byTable(tablesIn(toc));
  const found = new Map<number, ScopedTable>();
  const unknown: string[] = [];
  for (const name of names) {
    const one = tableNamed(find, name);
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

function tableNamed(find: ReturnType<typeof byTable>, name: string): ScopedTable | undefined {
  // Names may hold dots themselves, so every dot may be the one between schema and table.
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const [schema, table] = [name.slice(0, dot), name.slice(dot + 1)];
    const matching = find({ schema, table });
    if (matching.length === 1) return { schema, table, entry: matching[0]! };
  }
  return undefined;
}

/** The tables with the partitions of those that are partitioned, as ids of entries. */
export function withPartitions(toc: readonly TocEntry[], ids: readonly number[]): Set<number> {
  const all = new Set(ids);
  const pairs = attachments(toc);
  for (let grown = true; grown;) {
    grown = false;
    for (const { parent, child } of pairs) {
      if (!all.has(parent) || all.has(child)) continue;
      all.add(child);
      grown = true;
    }
  }
  return all;
}

/** Which tables are partitions of which. */
function attachments(toc: readonly TocEntry[]): { parent: number; child: number }[] {
  const tables = new Map(toc.filter((entry) => entry.kind === 'TABLE').map((entry) => [entry.id, entry]));
  return toc.flatMap(({ kind, dependsOn, rest }) => {
    if (kind !== 'TABLE ATTACH') return [];
    // It depends on both tables and bears the name of the partition.
    const child = dependsOn.find((id) => tables.get(id)?.rest === rest);
    const parent = dependsOn.find((id) => tables.has(id) && id !== child);
    return parent === undefined || child === undefined ? [] : [{ parent, child }];
  });
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
