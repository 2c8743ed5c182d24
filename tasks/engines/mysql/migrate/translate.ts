/** A dump of the one kind of server in the words of the other, statement by statement. */
import { statementOf, wordsFor } from '../dump-statements.ts';
import { collationRule, nearest, type Dialect, type Findings } from './dialect.ts';
import { translateTable } from './table.ts';
import { isSign, isWord, textOf, tokensOf, type Token } from '../tokens.ts';

/** Modes that only the other server has, and that change nothing of what is stored: since MySQL 8.0, and MariaDB's. */
const SILENT_MODES = ['NO_AUTO_CREATE_USER', 'NO_FIELD_OPTIONS', 'NO_KEY_OPTIONS', 'NO_TABLE_OPTIONS'];
/** Others that MySQL 8.0 does not know. Source: MariaDB's list of SQL_MODE values. */
const MARIADB_MODES = [
  'ORACLE',
  'MSSQL',
  'DB2',
  'MAXDB',
  'POSTGRESQL',
  'MYSQL323',
  'MYSQL40',
  'EMPTY_STRING_IS_NULL',
  'SIMULTANEOUS_ASSIGNMENT',
  'TIME_ROUND_FRACTIONAL',
];
const MYSQL_MODES = ['TIME_TRUNCATE_FRACTIONAL'];
/** What only one server's collations are called. */
const COLLATION = /^(?:(?:utf8|utf8mb3|utf8mb4|ucs2|utf16|utf32)_)\w+$|^\w*_nopad_\w+$|^uca1400_\w+$/i;

/** @returns the statement as the other server takes it; what it can't take is among the findings. */
export function translate(text: string, dialect: Dialect, findings: Findings): string {
  const statement = statementOf(text);
  const object = wordsFor(statement, text);
  if (statement.kind === 'sequence' && !dialect.isMariadb) {
    findings.refuse(object, 'MySQL has no sequences');
    return text;
  }
  if (/\bPACKAGE\b/.test(text.slice(0, 200)) && statement.kind === 'routine' && !dialect.isMariadb)
    findings.refuse(object, 'MySQL has no packages');
  const modes = statement.kind === 'setting' ? withKnownModes(text, dialect, findings) : text;
  const named = withKnownCollations(modes, object, dialect, findings);
  return statement.kind === 'table' ? translateTable(named, object, dialect, findings) : named;
}

/** Of ``SET sql_mode = '…'``, which stands before everything that has code in it. */
function withKnownModes(text: string, { isMariadb, version }: Dialect, findings: Findings): string {
  return text.replace(/(SET sql_mode\s*= ')([A-Z0-9_,]*)(')/, (_all, before: string, list: string, after: string) => {
    const unknown = isMariadb ? MYSQL_MODES : [...MARIADB_MODES, ...(version >= 80_000 ? SILENT_MODES : [])];
    const modes = list.split(',');
    for (const mode of modes)
      if (unknown.includes(mode) && !SILENT_MODES.includes(mode))
        findings.rule('Code runs without modes that the server does not know', mode);
    return `${before}${modes.filter((mode) => !unknown.includes(mode)).join(',')}${after}`;
  });
}

function withKnownCollations(text: string, object: string, dialect: Dialect, findings: Findings): string {
  if (!/_ci|_cs|_bin|_ks|_w2/i.test(text)) return text;
  const tokens = tokensOf(text);
  let changed = false;
  const left = tokens.map((token, at): Token => {
    if (token.kind !== 'word' || !COLLATION.test(token.text) || dialect.collations.has(token.text.toLowerCase()))
      return token;
    if (!isCollation(tokens, at)) return token;
    const other = nearest(dialect, token.text);
    if (other === undefined) {
      findings.refuse(object, `The server knows no collation ${token.text}, and none that is like it`);
      return token;
    }
    changed = true;
    const rule = collationRule(token.text, other);
    if (rule !== undefined) findings.rule(rule, object);
    return { kind: 'word', text: other };
  });
  return changed ? textOf(left) : text;
}

/** After COLLATE, `COLLATE =` or `collation_connection =`. */
function isCollation(tokens: readonly Token[], at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (tokens[before]!.kind === 'space' || isSign(tokens[before], '='))) before -= 1;
  return isWord(tokens[before], 'COLLATE', 'COLLATION_CONNECTION');
}
