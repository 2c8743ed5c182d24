/** The users, roles and grants of a backup, statement by statement. */
import { NightjarError } from '../../../core/errors.ts';
import { DumpLexer } from './dump-lexer.ts';
import { isSign, isWord, solid, tokensOf } from './tokens.ts';
import { ident } from './names.ts';

export interface Statement {
  readonly sql: string;
  readonly kind: 'create' | 'grant';
  /** Of a grant on a single table or routine, which must be there for it. */
  readonly database: string | undefined;
  /** As it stands in the statement: `` `a`@`%` ``, or a role's name. */
  readonly account: string;
}

/** @throws RESTORE_FAILED for what is no list of users. */
export function statementsIn(text: string): Statement[] {
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
  let at = on + 1;
  while (isWord(tokens[at], 'PROCEDURE', 'FUNCTION', 'PACKAGE', 'BODY', 'TABLE')) at += 1;
  const [database, dot, inside] = tokens.slice(at);
  if (on === -1 || database?.kind !== 'name' || !isSign(dot, '.') || inside?.kind !== 'name') return undefined;
  return database.text.slice(1, -1).replaceAll('``', '`');
}
