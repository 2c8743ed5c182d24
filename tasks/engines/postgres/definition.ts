/** What is set on a database besides its content: owner, settings, privileges, comment. */
import { NightjarError } from '../../../core/errors.ts';
import type { Asker } from './fingerprint.ts';
import { writeListFile } from './load.ts';
import { ident } from './names.ts';
import { withOwners, type Owners } from './owners.ts';
import type { Server } from './server.ts';
import { parseToc } from './toc.ts';
import { toolBytes, toolText } from './tool-run.ts';

/** Statements on a database as a whole, taken from an archive and written for another name. */
export interface DatabaseDefinition {
  readonly create: string | undefined;
  readonly owner: string | undefined;
  /** Settings, the connection limit, whether it is a template, and security labels. */
  readonly properties: readonly string[];
  readonly privileges: readonly string[];
  readonly comment: string | undefined;
}

/**
 * Reads what an archive says of its database. Every archive of pg_dump holds it, though only `--create` restores it,
 * and that under the old name. `head` must hold the whole table of contents.
 */
export async function definitionIn(
  server: Server,
  head: Buffer,
  names: { from: string; to: string },
  signal: AbortSignal,
  options: { tablespaces: boolean },
): Promise<DatabaseDefinition> {
  return renamed(await statementsIn(server, head, signal, options), names);
}

async function statementsIn(
  server: Server,
  head: Buffer,
  signal: AbortSignal,
  options: { tablespaces: boolean },
): Promise<string[]> {
  const read = { signal, fallback: 'RESTORE_FAILED', stdin: head } as const;
  const toc = parseToc(await toolText(server, 'pg_restore', ['--list', '--verbose', '--create'], read));
  const list = await writeListFile(
    server,
    'definition.list',
    toc
      .filter((one) => ['ACL', 'COMMENT', 'SECURITY LABEL'].includes(one.kind) && one.rest.startsWith('- DATABASE '))
      .map((one) => `${one.line}\n`)
      .join(''),
  );
  const args = ['--create', `--use-list=${list}`, '--file=-', ...(options.tablespaces ? [] : ['--no-tablespaces'])];
  return splitStatements(await toolText(server, 'pg_restore', args, read));
}

function renamed(statements: readonly string[], names: { from: string; to: string }): DatabaseDefinition {
  const to = ident(names.to);
  const isPlain = /^[a-z_][a-z0-9_]*$/.test(names.from);
  // pg_dump quotes a name only where it must.
  const spellings = isPlain ? [names.from, ident(names.from)] : [ident(names.from)];
  const rename = (statement: string): string | undefined => {
    for (const spelling of spellings) {
      const mark = ` DATABASE ${spelling}`;
      const at = statement.indexOf(mark);
      if (at >= 0) return `${statement.slice(0, at)} DATABASE ${to}${statement.slice(at + mark.length)}`;
    }
    return undefined;
  };
  const pick = (pattern: RegExp): string[] =>
    statements.filter((one) => pattern.test(one)).flatMap((one) => rename(one) ?? []);
  const altered = pick(/^ALTER (DATABASE|ROLE) /);
  const isOwner = (statement: string): boolean => statement.startsWith(`ALTER DATABASE ${to} OWNER TO `);
  return {
    create: pick(/^CREATE DATABASE /)[0],
    owner: altered.find(isOwner),
    properties: [...altered.filter((one) => !isOwner(one)), ...pick(/^SECURITY LABEL .*ON DATABASE /)],
    privileges: pick(/^(GRANT|REVOKE|SET SESSION AUTHORIZATION) .* ON DATABASE /s),
    comment: pick(/^COMMENT ON DATABASE /)[0],
  };
}

/** SQL as pg_restore writes it, in single statements; psql's own commands and comments are left out. */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let current = '';
  let quote = '';
  const atStart = (): boolean => current.trim() === '';
  for (let index = 0; index < script.length; index += 1) {
    const char = script[index]!;
    const lineStart = index === 0 || script[index - 1] === '\n';
    if (quote === '' && lineStart && atStart() && (char === '\\' || script.startsWith('--', index))) {
      const end = script.indexOf('\n', index);
      if (end < 0) break;
      index = end;
      continue;
    }
    if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === "'" || char === '"') quote = char;
    if (char === ';' && quote === '') {
      statements.push(current.trim());
      current = '';
    } else current += char;
  }
  return statements;
}

/** What is set on the living database: the one that takes its place carries on with that, not with what was once. */
export async function livingDefinition(server: Server, database: string, to: string): Promise<DatabaseDefinition> {
  return renamed(await livingStatements(server, database, server.context.signal), { from: database, to });
}

async function livingStatements(server: Server, database: string, signal: AbortSignal): Promise<string[]> {
  const archive = toolBytes(
    server,
    'pg_dump',
    [
      '--format=custom',
      '--schema-only',
      '--exclude-schema=*',
      '--no-password',
      `--dbname=${server.conninfo(database)}`,
    ],
    { signal, fallback: 'DUMP_FAILED' },
  );
  return statementsIn(server, await archive, signal, { tablespaces: false });
}

/** For a backup whose format can't hold it. */
export const definitionText = async (server: Server, signal: AbortSignal): Promise<string> =>
  JSON.stringify(await livingStatements(server, server.context.target.database, signal));

/** Of such a backup, as {@link definitionText} wrote it. */
export const definitionOf = (text: string, names: { from: string; to: string }): DatabaseDefinition =>
  renamed(JSON.parse(text) as string[], names);

/** The same for other owners. */
export function definedFor(definition: DatabaseDefinition, owners: Owners): DatabaseDefinition {
  const map = (statement: string): string => withOwners(statement, { roleMap: owners.roleMap }) ?? statement;
  const one = (statement: string | undefined): string | undefined => statement && map(statement);
  return {
    ...definition,
    owner: one(definition.owner),
    properties: definition.properties.map((each) => map(each)),
    privileges: definition.privileges.map((each) => map(each)),
  };
}

/** What can't be set is told, and is no reason to fail. */
export async function applyDefinition(
  server: Server,
  session: Asker,
  definition: DatabaseDefinition,
  noOwner: boolean,
): Promise<void> {
  const roleBound = (statement: string): boolean => statement.startsWith('ALTER ROLE ');
  const statements = [
    ...(definition.comment ? [definition.comment] : []),
    ...definition.properties.filter((one) => !noOwner || !roleBound(one)),
    ...(noOwner ? [] : definition.privileges),
  ];
  for (const statement of statements) {
    await session.rows(statement).catch((thrown: unknown) => {
      if (!(thrown instanceof NightjarError) || thrown.code === 'CONNECTION_LOST') throw thrown;
      server.context.report.warn(`Not taken over: ${statement} (${thrown.detail ?? thrown.message})`);
    });
  }
}
