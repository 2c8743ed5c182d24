/** What an engine can not do with what it is asked for, and why: one rule for the config, the command line and the workflow. */
import { ENGINES, type DumpEngine, type EngineName } from './engines.ts';
import { scopeKinds, type BackupScope, type Scope, type ScopeKind } from './scope.ts';
import type { RestoreMode } from './engines.ts';

type Reasons = Partial<Record<ScopeKind, string>>;

/**
 * Why an engine can not take this alone or leave it out, to be read after its name; undefined where it can. `format`: of the
 * target.
 */
export function whyNotScope(engine: DumpEngine, kind: ScopeKind, format?: string): string | undefined {
  const row: { scopes: readonly ScopeKind[]; lacks?: Reasons; lacksIn?: Readonly<Record<string, Reasons>> } =
    ENGINES[engine];
  if (!row.scopes.includes(kind)) return row.lacks?.[kind] ?? 'it has no such thing';
  return format === undefined ? undefined : row.lacksIn?.[format]?.[kind];
}

/** Each kind of the scope that the engine can't, with its reason. */
export const lackingIn = (
  engine: DumpEngine,
  scope: Scope | BackupScope | undefined,
  format?: string,
): readonly { readonly kind: ScopeKind; readonly why: string }[] =>
  scopeKinds(scope).flatMap((kind) => {
    const why = whyNotScope(engine, kind, format);
    return why === undefined ? [] : [{ kind, why }];
  });

/** Why a backup of this format comes back as it is only, to be read after a colon; undefined where a part of it can. */
export function whyWhole(engine: EngineName, format: string): string | undefined {
  const { wholeIn }: { label: string; wholeIn?: Readonly<Record<string, string>> } = ENGINES[engine];
  return wholeIn?.[format];
}

/** Why a part of a backup can not come back in this mode, as a sentence; undefined where it can. */
export function whyNotPart(engine: DumpEngine, mode: RestoreMode, scope: Scope): string | undefined {
  const { label, restoring } = ENGINES[engine];
  if (scopeKinds(scope).length === 0) return undefined;
  if (mode === 'swap') return 'A part of a database never takes the place of the whole: use mode new or overwrite.';
  if (mode === 'new' && scope.dataOnly) return 'Rows alone need tables that are there: use mode overwrite.';
  const why = 'refuses' in restoring ? restoring.refuses?.(mode, scope) : undefined;
  return why === undefined ? undefined : `${label} can not: ${why}.`;
}

/** Why no database may be called so, as a sentence; undefined where one may. */
export function whyNotName(engine: DumpEngine, database: string): string | undefined {
  const { label, fields } = ENGINES[engine];
  const said = fields.database.safeParse(database).error?.issues[0]?.message;
  return said === undefined ? undefined : `The name '${database}' ${said}, which ${label} does not take.`;
}

/** Why nobody can be made the owner of what comes back; undefined where it can be done. */
export function whyNoOwners(engine: DumpEngine): string | undefined {
  const { owners } = ENGINES[engine].restoring;
  return 'none' in owners ? owners.none : undefined;
}
