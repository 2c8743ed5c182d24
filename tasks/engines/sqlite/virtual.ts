/** Virtual tables: names whose content their module keeps in tables beside them, such as FTS5's index in `<name>_data`. */
import type { Tables } from './rows.ts';
import { ident, text, type Shell } from './shell.ts';

/** Such as `fts5`; `?` where the definition does not say. */
export const moduleOf = (sql: string): string => /\bUSING\s+["'`[]?(\w+)/i.exec(sql)?.[1] ?? '?';

/** By whom a table of the type `shadow` is kept. Source: SQLite, build.c, sqlite3ShadowTableName. */
export const keptBy = (shadow: string): string => shadow.slice(0, shadow.lastIndexOf('_'));

/** Without its module, which would make the tables that it keeps, and which the image may not have: as `.dump` does it. */
export async function makeVirtual(shell: Shell, name: string, sql: string): Promise<void> {
  const [version] = await shell.rows<{ schema_version: number }>('SELECT schema_version FROM pragma_schema_version');
  await shell.ask(`PRAGMA writable_schema = ON;
    INSERT INTO main.sqlite_schema VALUES ('table', ${text(name)}, ${text(name)}, 0, ${text(sql)});
    PRAGMA writable_schema = OFF;
    PRAGMA main.schema_version = ${version!.schema_version + 1};`);
}

/** An index for full text over the rows of a table or a view that is not its own. Source: sqlite.org/fts5.html, fts3.html. */
const CONTENT = /\bcontent\s*=\s*(?:'((?:[^']|'')*)'|"([^"]*)"|(\w+))/i;

/** Undefined of a table that keeps its own rows, or none. */
function contentOf(sql: string): string | undefined {
  if (!/^fts[45]$/i.test(moduleOf(sql))) return undefined;
  const [, quoted, doubled, bare] = CONTENT.exec(sql) ?? [];
  const name = quoted?.replaceAll("''", "'") ?? doubled ?? bare;
  return name === '' ? undefined : name;
}

/**
 * Triggers, which else keep such an index, are silent while rows are replaced. Resolves with the names of those that were built
 * anew, because it or its rows did not come along.
 */
export async function rebuildIndexes(shell: Shell, living: Tables, brought: Tables): Promise<string[]> {
  const found = new Map([...living, ...brought].map(([name, one]) => [name.toLowerCase(), one.type]));
  const came = new Set([...brought].filter(([, one]) => one.type !== 'view').map(([name]) => name.toLowerCase()));
  const stale = [...new Map([...living, ...brought])].filter(([name, { sql }]) => {
    const content = contentOf(sql)?.toLowerCase();
    if (content === undefined || !found.has(content)) return false;
    const [index, rows] = [came.has(name.toLowerCase()), came.has(content)];
    return (index || rows || found.get(content) === 'view') && !(index && rows);
  });
  const names = stale.map(([name]) => name).sort();
  for (const name of names) await shell.ask(`INSERT INTO main.${ident(name)} (${ident(name)}) VALUES ('rebuild');`);
  return names;
}
