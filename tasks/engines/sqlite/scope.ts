/** A file with a part of what another holds. Both lie on the task's disk. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import type { BackupScope } from '../../../core/scope.ts';
import { listTables } from './fingerprint.ts';
import { readHeader } from './header.ts';
import { ident, text, withShell, type Shell } from './shell.ts';
import { moduleOf } from './virtual.ts';
import { alive, type Work } from './work.ts';

type Narrow = Pick<BackupScope, 'tables' | 'exclude' | 'schemaOnly' | 'dataOnly'>;

/**
 * Takes from the file what the scope leaves out, and resolves with the file that is left. Of some tables no view comes along;
 * with `dataOnly` the tables stay bare: no views, triggers and indexes of their own.
 *
 * @throws INPUT_INVALID for a table that is not there.
 */
export async function cut(work: Work, file: string, scope: Narrow | undefined, fallback: ErrorCode): Promise<string> {
  if (!scope?.tables && !scope?.exclude && !scope?.schemaOnly && !scope?.dataOnly) return file;
  const meaning = { operation: 'narrow the scope', fallback } as const;
  const left = join(work.room, 'narrowed.db');
  await rm(left, { force: true });
  await withShell(work, file, meaning, async (shell) => {
    const out = await leftOut(work, shell, scope);
    const drops = [
      // Triggers before the views that would take theirs along.
      ...(scope.dataOnly ? await dropsOf(shell, ['trigger', 'index']) : []),
      ...(scope.tables || scope.dataOnly ? await dropsOf(shell, ['view']) : []),
      ...(await dropsOfTables(shell, out)),
    ];
    await alive(work, shell.ask(`BEGIN;\n${drops.join('\n')}\nCOMMIT;`));
    if (out.length > 0) await tellOrphans(work, shell);
    if (!scope.schemaOnly) await alive(work, shell.ask(`VACUUM INTO ${text(left)};`));
  });
  if (scope.schemaOnly) await hollow(work, file, left, fallback);
  await rm(file, { force: true });
  return left;
}

async function leftOut(work: Work, shell: Shell, scope: Narrow): Promise<string[]> {
  const tables = (await listTables(shell)).map((one) => one.name);
  const unknown = (scope.tables ?? scope.exclude ?? []).filter((name) => !tables.includes(name));
  if (unknown.length > 0 && scope.tables)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read scope',
      detail: `scope.tables: there is no ${unknown.join(', ')}; a table is named as the backup’s fingerprint names it.`,
    });
  if (unknown.length > 0) work.context.report.warn(`There is no table ${unknown.join(', ')} to exclude.`);
  return tables.filter((name) =>
    scope.tables ? !scope.tables.includes(name) : (scope.exclude?.includes(name) ?? false),
  );
}

async function dropsOf(shell: Shell, types: readonly string[]): Promise<string[]> {
  const found = await shell.rows<{ type: string; name: string }>(
    `SELECT type, name FROM sqlite_schema WHERE type IN (${types.map(text).join(', ')}) AND sql IS NOT NULL`,
  );
  return found.map(({ type, name }) => `DROP ${type.toUpperCase()} ${ident(name)};`);
}

/** A virtual table whose module the image has not can only be struck off. */
async function dropsOfTables(shell: Shell, names: readonly string[]): Promise<string[]> {
  const modules = new Set(
    (await shell.rows<{ name: string }>('SELECT name FROM pragma_module_list')).map((one) => one.name),
  );
  const virtual = await shell.rows<{ name: string; sql: string }>(
    `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage = 0`,
  );
  const strange = new Set(
    virtual.filter(({ sql }) => !modules.has(moduleOf(sql).toLowerCase())).map((one) => one.name),
  );
  return names.map((name) =>
    strange.has(name)
      ? `PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE type = 'table' AND name = ${text(name)}; PRAGMA writable_schema = OFF;`
      : `DROP TABLE ${ident(name)};`,
  );
}

/** What the application will stumble over, though SQLite keeps it. */
async function tellOrphans(work: Work, shell: Shell): Promise<void> {
  const orphans = await shell.rows<{ name: string; parent: string }>(
    `SELECT DISTINCT l.name, f."table" AS parent FROM pragma_table_list l, pragma_foreign_key_list(l.name) f
      WHERE l.schema = 'main' AND l.type = 'table'
        AND NOT EXISTS (SELECT 1 FROM sqlite_schema s WHERE s.type = 'table' AND s.name = f."table" COLLATE NOCASE)`,
  );
  if (orphans.length > 0)
    work.context.report.warn(
      `Foreign keys to tables outside the scope: ${orphans.map((one) => `${one.name} to ${one.parent}`).join(', ')}.`,
    );
}

/** The same schema without a row: made anew, because not every virtual table lets its rows be deleted. */
async function hollow(work: Work, file: string, left: string, fallback: ErrorCode): Promise<void> {
  const meaning = { operation: 'copy the schema', fallback } as const;
  const header = await readHeader(file, 'the copy');
  const statements = await withShell(work, file, meaning, (shell) =>
    shell.rows<{ sql: string }>(
      `SELECT sql FROM sqlite_schema s LEFT JOIN pragma_table_list l ON s.type = 'table' AND l.name = s.name AND l.schema = 'main'
        WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND coalesce(l.type, '') <> 'shadow'
        ORDER BY s.type <> 'table', s.rowid`,
    ),
  );
  await withShell(work, left, meaning, (shell) =>
    shell.ask(
      [
        ...settingsBefore(header),
        'BEGIN;',
        ...statements.map(({ sql }) => `${sql};`),
        ...settingsAfter(header),
        'COMMIT;',
      ].join('\n'),
    ),
  );
}

type Settings = Pick<
  Awaited<ReturnType<typeof readHeader>>,
  'pageSize' | 'encoding' | 'autoVacuum' | 'userVersion' | 'applicationId'
>;

/** What can only be set while a file is empty. */
export const settingsBefore = ({ pageSize, encoding, autoVacuum }: Settings): string[] => [
  `PRAGMA page_size = ${pageSize};`,
  `PRAGMA encoding = '${encoding}';`,
  `PRAGMA auto_vacuum = ${autoVacuum};`,
];
export const settingsAfter = ({ userVersion, applicationId }: Settings): string[] => [
  `PRAGMA user_version = ${userVersion};`,
  `PRAGMA application_id = ${applicationId};`,
];
