/** Databases as wholes: which are there, making, dropping, and what is set on them besides their content. */
import type { NightjarError } from '../../../core/errors.ts';
import { sqlStateOf } from './errors.ts';
import { ident, literal } from './names.ts';
import { enterFirst, type Server, type Session } from './server.ts';
import { noLimits } from './snapshot.ts';
import { toolText } from './tool-run.ts';
import { parseToc } from './toc.ts';

/** Databases that every server has; there are two, because one of them may be what is to be renamed. */
export const maintenanceDatabases = (not: readonly string[]): string[] =>
  ['postgres', 'template1'].filter((name) => !not.includes(name));

/** Works beside the databases of these names. A session of its own: hours may lie between two steps. */
export async function beside<T>(
  server: Server,
  names: readonly string[],
  work: (session: Session) => Promise<T>,
  options: { last?: boolean } = {},
): Promise<T> {
  const session = await enterFirst(maintenanceDatabases(names), (name) =>
    options.last ? server.lastSession(name) : server.session(name),
  );
  try {
    await noLimits(server, session);
    return await work(session);
  } finally {
    await session.close();
  }
}

export interface DatabaseState {
  readonly name: string;
  readonly comment: string | null;
}

export async function databaseNamed(session: Session, name: string): Promise<DatabaseState | undefined> {
  const [found] = await session.rows<DatabaseState>(
    `SELECT datname AS name, pg_catalog.shobj_description(oid, 'pg_database') AS comment
       FROM pg_catalog.pg_database WHERE datname = $1`,
    [name],
  );
  return found;
}

/** True when it was there. Sessions in it are ended. */
export async function dropDatabase(session: Session, name: string): Promise<boolean> {
  if (!(await databaseNamed(session, name))) return false;
  await session.rows(`DROP DATABASE IF EXISTS ${ident(name)} WITH (FORCE)`);
  return true;
}

/** Statements on a database as a whole, taken from an archive and written for another name. */
export interface DatabaseDefinition {
  readonly create: string | undefined;
  readonly owner: string | undefined;
  /** Settings and the connection limit. */
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
  writeList: (text: string) => Promise<string>,
  options: { tablespaces: boolean },
): Promise<DatabaseDefinition> {
  const read = { signal, fallback: 'RESTORE_FAILED', stdin: head } as const;
  const toc = parseToc(await toolText(server, 'pg_restore', ['--list', '--verbose', '--create'], read));
  const list = await writeList(
    toc
      .filter((one) => ['ACL', 'COMMENT'].includes(one.kind) && one.rest.startsWith('- DATABASE '))
      .map((one) => `${one.line}\n`)
      .join(''),
  );
  const args = ['--create', `--use-list=${list}`, '--file=-', ...(options.tablespaces ? [] : ['--no-tablespaces'])];
  const statements = splitStatements(await toolText(server, 'pg_restore', args, read));
  return renamed(statements, names);
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
    properties: altered.filter((one) => !isOwner(one)),
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

/** Makes it as the source was; where the server lacks the locale, with the server's own, and says so. */
export async function createDatabase(
  session: Session,
  name: string,
  definition: DatabaseDefinition,
  fallback: { encoding: string },
  warn: (text: string) => void,
): Promise<void> {
  const plain = `CREATE DATABASE ${ident(name)} TEMPLATE template0 ENCODING ${literal(fallback.encoding)}`;
  try {
    await session.rows(definition.create ?? plain);
  } catch (thrown) {
    // 22023, 42809, 42704, 22000: locale, provider or encoding that this server does not know or does not pair.
    if (!['22023', '42809', '42704', '22000', '0A000'].includes(sqlStateOf(thrown) ?? '')) throw thrown;
    await session.rows(plain);
    warn(
      `The destination can not make a database as the source was (${(thrown as NightjarError).detail ?? String(thrown)}); ` +
        'its own default locale was used, so texts may sort differently.',
    );
  }
}

const NOTE = 'Nightjar restore ';

/** The comment that a restored database carries: the one it had, and where it comes from. */
export function noteOf(restoreId: string, backupId: string, comment: string | null): string {
  const kept = (comment ?? '')
    .split('\n')
    .filter((line) => !line.startsWith(NOTE))
    .join('\n');
  return `${kept === '' ? '' : `${kept}\n`}${NOTE}${restoreId} of backup ${backupId}`;
}

/** Whether this very restore made the database and found its rows right. */
export const isMadeBy = (state: DatabaseState | undefined, restoreId: string): boolean =>
  (state?.comment ?? '').split('\n').some((line) => line.startsWith(`${NOTE}${restoreId} `));

export async function setComment(session: Session, name: string, comment: string): Promise<void> {
  await session.rows(`COMMENT ON DATABASE ${ident(name)} IS ${literal(comment)}`);
}
