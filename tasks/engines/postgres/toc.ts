/** The table of contents of an archive, as `pg_restore --list --verbose` prints it. */

export interface TocEntry {
  readonly id: number;
  /** Such as `TABLE DATA`; for what is unknown here the words are as pg_restore wrote them. */
  readonly kind: string;
  /** The line after the kind: schema, name and owner, separated by spaces that names may contain too. */
  readonly rest: string;
  /** As it stands in the list, to be given back in a list file. */
  readonly line: string;
  readonly dependsOn: readonly number[];
}

/** Kinds of more than one word; those of one word are read as they stand. Source: pg_dump of 14 to 18. */
const KINDS = [
  'ACCESS METHOD',
  'ACL LANGUAGE',
  'BLOB COMMENTS',
  'BLOB METADATA',
  'CHECK CONSTRAINT',
  'DATABASE PROPERTIES',
  'DEFAULT ACL',
  'EVENT TRIGGER',
  'FK CONSTRAINT',
  'FOREIGN DATA WRAPPER',
  'FOREIGN SERVER',
  'FOREIGN TABLE',
  'INDEX ATTACH',
  'LARGE OBJECT',
  'MATERIALIZED VIEW DATA',
  'MATERIALIZED VIEW',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PUBLICATION TABLE',
  'PUBLICATION TABLES IN SCHEMA',
  'ROW SECURITY',
  'SECURITY LABEL',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'SHELL TYPE',
  'STATISTICS DATA',
  'SUBSCRIPTION TABLE',
  'TABLE ATTACH',
  'TABLE DATA',
  'TEXT SEARCH CONFIGURATION',
  'TEXT SEARCH DICTIONARY',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
  'USER MAPPING',
].sort((a, b) => b.length - a.length);

export function parseToc(list: string): TocEntry[] {
  const entries: TocEntry[] = [];
  for (const line of list.split('\n')) {
    const depends = /^;\s+depends on: ([\d ]+)$/.exec(line);
    const last = entries.at(-1);
    if (depends && last) {
      entries[entries.length - 1] = { ...last, dependsOn: depends[1]!.trim().split(' ').map(Number) };
      continue;
    }
    const match = /^(\d+); \d+ \d+ (.*)$/.exec(line);
    if (!match) continue;
    const text = match[2]!;
    const kind = KINDS.find((one) => text.startsWith(`${one} `)) ?? text.split(' ', 1)[0]!;
    entries.push({ id: Number(match[1]), kind, rest: text.slice(kind.length + 1), line, dependsOn: [] });
  }
  return entries;
}

/** As pg_restore writes a name into the list. */
const inList = (name: string): string => name.replaceAll(/[\r\n]/g, ' ');

/** Finds the entries of a table. Names hold spaces, so every beginning that ends before one may be "schema table". */
export function byTable(
  entries: readonly TocEntry[],
): (place: { readonly schema: string; readonly table: string }) => readonly TocEntry[] {
  const found = new Map<string, TocEntry[]>();
  for (const entry of entries)
    for (let at = entry.rest.indexOf(' '); at >= 0; at = entry.rest.indexOf(' ', at + 1)) {
      const beginning = entry.rest.slice(0, at);
      const same = found.get(beginning);
      if (same) same.push(entry);
      else found.set(beginning, [entry]);
    }
  return ({ schema, table }) => found.get(`${inList(schema)} ${inList(table)}`) ?? [];
}

/** Tables whose rows the archive should hold and does not. `byName` is false where the list is not written in UTF-8. */
export function missingData(
  toc: readonly TocEntry[],
  tables: readonly { schema: string; table: string }[],
  byName: boolean,
): string[] {
  const data = toc.filter((entry) => entry.kind === 'TABLE DATA');
  if (!byName) return data.length >= tables.length ? [] : [`${tables.length - data.length} of ${tables.length} tables`];
  const find = byTable(data);
  return tables.filter((one) => find(one).length === 0).map((one) => `${one.schema}.${one.table}`);
}

/** Roughly how many entries of the lock table restoring all of it in one transaction takes. */
export function locksOf(toc: readonly TocEntry[]): number {
  const cost: Readonly<Record<string, number>> = {
    // The table, its TOAST table, and that one's index.
    TABLE: 3,
    'MATERIALIZED VIEW': 3,
    'FOREIGN TABLE': 1,
    'TABLE DATA': 0,
    ACL: 0,
    COMMENT: 0,
    DEFAULT: 0,
    'SEQUENCE SET': 0,
    'SEQUENCE OWNED BY': 0,
    'FK CONSTRAINT': 0,
  };
  // From 17 on one entry stands for many large objects: `16400..16410`.
  const blobs = (rest: string): number => {
    const range = /(\d+)\.\.(\d+)/.exec(rest);
    return range ? Number(range[2]) - Number(range[1]) + 1 : 1;
  };
  return toc.reduce(
    (sum, entry) => sum + (entry.kind === 'BLOB METADATA' ? blobs(entry.rest) : (cost[entry.kind] ?? 1)),
    0,
  );
}
