/** Users and roles that a server lacks, from a backup of a whole one. What is there stays as it is. */
import { NightjarError } from '../../../core/errors.ts';
import type { OnceBack, RestoreSource } from '../../engine.ts';
import { DumpLexer } from './dump-lexer.ts';
import { names } from './dump-plan.ts';
import { numberOf } from './errors.ts';
import { isForeign } from './migrate/rehearse.ts';
import { isSign, isWord, solid, tokensOf } from './migrate/tokens.ts';
import { ident } from './names.ts';
import { reachServer, within, type MysqlContext, type Session } from './server.ts';

interface Statement {
  readonly sql: string;
  readonly kind: 'create' | 'grant';
  /** Of a grant on a single table or routine, which must be there for it. */
  readonly database: string | undefined;
  /** As it stands in the statement: `` `a`@`%` ``, or a role's name. */
  readonly account: string;
}

/**
 * What was granted on single tables and routines waits until their database is back.
 *
 * @throws CONNECT_FAILED …; RESTORE_FAILED for what is no list of users. What can't be made is warned of.
 */
export async function restoreGlobals(context: MysqlContext, source: RestoreSource): Promise<OnceBack | undefined> {
  const { report } = context;
  const text = await source.readGlobals();
  if (text === undefined) {
    report.warn('The backup holds no users and grants.');
    return undefined;
  }
  const server = await reachServer(context);
  if (isForeign(server, source.manifest)) {
    report.warn(
      'Users, roles and grants were not carried over: MySQL and MariaDB keep passwords and rights in ways of their own. Make them by hand.',
    );
    return undefined;
  }
  const statements = statementsIn(text);
  const made = await within(server, (session) => makeMissing(session, statements, (words) => report.warn(words)));
  const inside = statements.filter(
    (one) => one.kind === 'grant' && one.database !== undefined && made.has(one.account),
  );
  return (database) =>
    grantInside(
      context,
      inside.filter((one) => one.database === database),
    );
}

async function grantInside(context: MysqlContext, grants: readonly Statement[]): Promise<void> {
  if (grants.length === 0) return;
  const failed: string[] = [];
  await within(await reachServer(context), async (session) => {
    for (const { sql, account } of grants) await ran(session, sql, account, failed);
  });
  if (failed.length > 0) context.report.warn(`Grants that could not be made: ${names(failed)}.`);
}

async function makeMissing(
  session: Session,
  statements: readonly Statement[],
  warn: (text: string) => void,
): Promise<ReadonlySet<string>> {
  const there: string[] = [];
  const failed: string[] = [];
  const locked: string[] = [];
  const made = new Set<string>();
  for (const { sql, account } of statements.filter((one) => one.kind === 'create')) {
    if (await isThere(session, account)) there.push(account);
    else if (await ran(session, sql, account, failed)) {
      made.add(account);
      if (!/ IDENTIFIED |^CREATE ROLE /.test(sql)) locked.push(account);
    }
  }
  for (const { sql, account, kind, database } of statements)
    if (kind === 'grant' && database === undefined && made.has(account)) await ran(session, sql, account, failed);
  if (there.length > 0) warn(`Users and roles that were there already were left as they are: ${names(there)}.`);
  if (locked.length > 0) warn(`Users that have no password: ${names(locked)}.`);
  if (failed.length > 0) warn(`Users and grants that could not be made: ${names(failed)}.`);
  return made;
}

/** SHOW GRANTS says 1141 of whoever is not there; for whom nothing was granted it says that in a row. */
async function isThere(session: Session, account: string): Promise<boolean> {
  try {
    await session.rows(`SHOW GRANTS FOR ${account}`);
    return true;
  } catch (thrown) {
    if (numberOf(thrown) === 1141 || numberOf(thrown) === 1133) return false;
    throw thrown;
  }
}

/** What the server says of a statement may hold its password's hash: its number tells enough. */
async function ran(session: Session, sql: string, account: string, failed: string[]): Promise<boolean> {
  try {
    await session.rows(sql);
    return true;
  } catch (thrown) {
    const number = numberOf(thrown);
    if (!(thrown instanceof NightjarError) || number === undefined || thrown.code === 'CONNECTION_LOST') throw thrown;
    failed.push(`${sql.startsWith('GRANT') ? 'a grant of ' : ''}${account} (error ${number})`);
    return false;
  }
}

function statementsIn(text: string): Statement[] {
  const found: Statement[] = [];
  const lexer = new DumpLexer({
    statement(statement, delimiter) {
      const sql = Buffer.from(statement.trim().slice(0, -delimiter.length), 'latin1').toString('utf8');
      found.push({
        sql,
        kind: sql.startsWith('CREATE') ? 'create' : 'grant',
        account: accountOf(sql),
        database: insideOf(sql),
      });
      return '';
    },
    comment: () => '',
    rows: () => undefined,
    rowsEnd: () => undefined,
  });
  try {
    lexer.push(Buffer.from(text));
    lexer.end();
  } catch (cause) {
    throw new NightjarError('RESTORE_FAILED', { operation: 'read users', detail: String(cause), cause });
  }
  return found;
}

/** After `CREATE USER IF NOT EXISTS`; of a grant after its last `TO` or `FOR`. */
function accountOf(sql: string): string {
  const tokens = tokensOf(sql);
  const after = sql.startsWith('CREATE')
    ? tokens.findIndex((one) => isWord(one, 'EXISTS'))
    : tokens.findLastIndex((one) => isWord(one, 'TO', 'FOR'));
  const from = solid(tokens, after + 1);
  const isUser = isSign(tokens[from + 1], '@');
  return tokens
    .slice(from, isUser ? from + 3 : from + 1)
    .map(({ kind, text }) => (kind === 'string' ? ident(text.slice(1, -1).replaceAll(/\\(.)|'(')/g, '$1$2')) : text))
    .join('');
}

/** ``ON `shop`.`orders` ``, ``ON PROCEDURE `shop`.`tell` ``; undefined of `ON *.*`, ``ON `shop`.* `` and of roles. */
function insideOf(sql: string): string | undefined {
  const tokens = tokensOf(sql).filter((one) => one.kind !== 'space');
  const on = tokens.findIndex((one) => isWord(one, 'ON'));
  const at = on + (isWord(tokens[on + 1], 'PROCEDURE', 'FUNCTION', 'PACKAGE', 'TABLE') ? 2 : 1);
  if (on === -1 || tokens[at]?.kind !== 'name' || !isSign(tokens[at + 1], '.') || tokens[at + 2]?.kind !== 'name')
    return undefined;
  return tokens[at].text.slice(1, -1).replaceAll('``', '`');
}
