/** What part of a database a backup holds, and what part of a backup comes back. */
import { z } from 'zod';

const names = z.array(z.string().min(1)).min(1).max(1_000);
const together = (scope: { schemaOnly?: boolean | undefined; dataOnly?: boolean | undefined }): boolean =>
  !(scope.schemaOnly && scope.dataOnly);
const TOGETHER = { message: 'schemaOnly and dataOnly exclude each other' };

/** What part of a backup comes back. */
export const scopeSchema = z
  .strictObject({
    /** `schema.table`, or the bare name where the engine has no schemas: as the fingerprint names them. */
    tables: names.optional(),
    schemaOnly: z.boolean().optional(),
    dataOnly: z.boolean().optional(),
  })
  .refine(together, TOGETHER);
export type Scope = z.output<typeof scopeSchema>;

/** What part of a database is in a backup. */
export const backupScopeSchema = z
  .strictObject({
    tables: names.optional(),
    /** All but these. */
    exclude: names.optional(),
    schemaOnly: z.boolean().optional(),
    dataOnly: z.boolean().optional(),
    /** Every database of the server, and its users and globals. */
    allDatabases: z.boolean().optional(),
  })
  .refine(together, TOGETHER)
  .refine((scope) => !(scope.tables && scope.exclude), { message: 'tables and exclude exclude each other' })
  .refine((scope) => !scope.allDatabases || (!scope.tables && !scope.exclude), {
    message: 'allDatabases takes no names of tables',
  });
export type BackupScope = z.output<typeof backupScopeSchema>;

/** What an engine can narrow. */
export const SCOPES = ['tables', 'exclude', 'schemaOnly', 'dataOnly', 'allDatabases'] as const;
export type ScopeKind = (typeof SCOPES)[number];

/** Of an engine that takes databases whole, why it does. */
export const noPart = (why: string) => ({ tables: why, exclude: why, schemaOnly: why, dataOnly: why });

/** The parts of a scope that are asked for. */
export function scopeKinds(scope: Scope | BackupScope | undefined): ScopeKind[] {
  const asked: Partial<Record<ScopeKind, unknown>> = scope ?? {};
  return SCOPES.filter((kind) => asked[kind] !== undefined && asked[kind] !== false);
}

/** As the fingerprint, a scope and people name a table. */
export const tableName = ({ schema, table }: { readonly schema: string; readonly table: string }): string =>
  schema === '' ? table : `${schema}.${table}`;
