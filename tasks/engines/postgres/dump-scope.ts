/** What of a database a backup leaves out, in pg_dump's words, and whose rows are expected in it. */
import { NightjarError } from '../../../core/errors.ts';
import { scopeKinds, tableName, type BackupScope } from '../../../core/scope.ts';
import { qualified } from './names.ts';
import type { Session } from './server.ts';
import type { DataTable } from './tables.ts';

export interface DumpScope {
  /** pg_dump's. */
  readonly args: readonly string[];
  /** Whose rows are in the archive. */
  readonly filled: readonly DataTable[];
  /** How many tables it makes. */
  readonly made: number;
  readonly largeObjects: boolean;
  readonly warnings: readonly string[];
}

/** More than this of a command line is refused here, for Linux would refuse it with fewer words. */
const ARGUMENT_BYTES = 1_000_000;

/**
 * A backup of some tables holds the definitions of all, so that whatever they need comes back with them; of the rows it holds
 * theirs only. @throws INPUT_INVALID for tables that are not there; SCOPE_REFUSED.
 */
export async function dumpScope(
  session: Session,
  { scope, format }: { scope?: BackupScope | undefined; format: string },
  tables: readonly DataTable[],
): Promise<DumpScope> {
  const kinds = scopeKinds(scope);
  const unfit = format === 'plain' ? kinds.filter((kind) => kind !== 'schemaOnly' && kind !== 'allDatabases') : [];
  if (unfit.length > 0)
    throw refused(`Format plain has no table of contents to restore by: use format custom for ${unfit.join(', ')}.`);
  const made = scope?.dataOnly ? 0 : tables.filter((one) => !one.ofExtension).length;
  if (!scope || kinds.length === 0) return { args: [], filled: tables, made, largeObjects: true, warnings: [] };
  const names = scope.tables ?? scope.exclude;
  const named = names ? await namedIn(session, names) : undefined;
  const unknown = names?.filter((name) => !named!.has(name)) ?? [];
  if (scope.tables && unknown.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `The database has no tables ${unknown.join(', ')}, which scope.tables of the target names; right would be schema.table.`,
    });
  const family = new Set([...(named?.values() ?? [])].flat());
  const isFilled = (name: string): boolean => (scope.tables ? family.has(name) : !family.has(name));
  const filled = scope.schemaOnly ? [] : tables.filter((one) => isFilled(tableName(one)));
  const warnings = unknown.length > 0 ? [`scope.exclude names tables that are not there: ${unknown.join(', ')}.`] : [];
  return {
    args: [
      ...(scope.schemaOnly ? ['--schema-only'] : []),
      ...(scope.dataOnly ? ['--data-only'] : []),
      ...(scope.tables || scope.dataOnly ? ['--no-blobs'] : []),
      ...(names && !scope.schemaOnly ? await withoutRows(session, tables, isFilled, scope.tables !== undefined) : []),
    ],
    filled,
    made,
    largeObjects: !scope.tables && !scope.dataOnly && !scope.schemaOnly,
    warnings: [...warnings, ...(scope.schemaOnly || !names ? [] : await cutKeys(session, filled))],
  };
}

const refused = (detail: string): NightjarError =>
  new NightjarError('SCOPE_REFUSED', { operation: 'read scope', detail });

/** Each name that is there, with its partitions. */
async function namedIn(session: Session, names: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await session.rows<{ name: string; parts: string[] }>(
    `SELECT n.nspname || '.' || c.relname AS name,
            ARRAY(SELECT pn.nspname || '.' || p.relname
                    FROM (SELECT c.oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)) AS tree
                    JOIN pg_catalog.pg_class p ON p.oid = tree.oid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace) AS parts
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname || '.' || c.relname = ANY ($1)`,
    [names],
  );
  return new Map(rows.map((one) => [one.name, one.parts]));
}

/** pg_dump has no option for the rows of some tables, so the others are named: whole schemas where nothing of them is wanted. */
async function withoutRows(
  session: Session,
  tables: readonly DataTable[],
  isFilled: (name: string) => boolean,
  views: boolean,
): Promise<string[]> {
  const materialized = await session.rows<{ schema: string; table: string }>(
    `SELECT schemaname AS schema, matviewname AS table FROM pg_catalog.pg_matviews`,
  );
  const all = [...tables, ...materialized];
  // Of some tables no view is made; of all but some each view is made of what is there.
  const isLeft = (one: { schema: string; table: string }): boolean =>
    isFilled(tableName(one)) && (!views || tables.some((table) => table === one));
  const kept = new Set(all.filter(isLeft).map((one) => one.schema));
  const patterns = new Set(
    all
      .filter((one) => !isLeft(one))
      .map((one) =>
        kept.has(one.schema) ? qualified(one.schema, one.table) : `"${one.schema.replaceAll('"', '""')}".*`,
      ),
  );
  const args = [...patterns].map((pattern) => `--exclude-table-data=${pattern}`);
  if (args.reduce((sum, one) => sum + Buffer.byteLength(one) + 1, 0) > ARGUMENT_BYTES)
    throw refused(
      `${patterns.size} tables are left out, more than a command line can name: put them into schemas of their own.`,
    );
  return args;
}

/** Foreign keys from tables with rows to tables without: no restore can make them. */
async function cutKeys(session: Session, filled: readonly DataTable[]): Promise<string[]> {
  const keys = await session.rows<{ name: string }>(
    `SELECT format('%I on %s to %s', conname, conrelid::regclass, confrelid::regclass) AS name FROM pg_catalog.pg_constraint
      WHERE contype = 'f' AND conparentid = 0
        AND EXISTS (SELECT FROM (SELECT conrelid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(conrelid)) AS t
                     WHERE t.oid = ANY ($1::regclass[]::oid[]))
        AND EXISTS (SELECT FROM (SELECT confrelid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(confrelid)) AS t
                      JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind = 'r'
                     WHERE NOT t.oid = ANY ($1::regclass[]::oid[])) ORDER BY 1`,
    [filled.map((one) => qualified(one.schema, one.table))],
  );
  if (keys.length === 0) return [];
  const some = keys
    .slice(0, 10)
    .map((one) => one.name)
    .join(', ');
  return [`A restore leaves out ${keys.length} foreign keys to tables whose rows are not in the backup: ${some}.`];
}
