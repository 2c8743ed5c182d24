/**
 * The name of their own database in definitions. Servers write it into views that call a function of it or, in MariaDB, also read
 * another database, and into defaults that are a sequence's; the bodies of routines, triggers and events have it wherever somebody
 * typed it. Under another name each of them would read the old database, or nothing.
 */
import { isSign, isWord, solid, textOf, tokensOf, type Token } from './tokens.ts';

export interface Renaming {
  readonly from: string;
  readonly to: string;
  /** Whether the server takes names of databases for equal whose cases differ. */
  readonly anyCase: boolean;
  /** Also where it stood without quotes: the new name may be a reserved word. Else the text comes back as it was when renamed back. */
  readonly quoted?: boolean;
}

export interface Renamed {
  readonly text: string;
  /** Why this may still read the database of the old name; undefined: it does not. */
  readonly doubt?: 'another meaning' | 'in a text' | 'not in the backup';
}

export interface Wording {
  /** As somebody typed it; else the server's own words, in which a column is never named by database and column alone. */
  readonly typed: boolean;
  /** Double quotes are those of names (`ANSI_QUOTES`). */
  readonly ansi?: boolean;
  /** Which of the database's objects are meant; all of them by default. */
  readonly only?: (name: string) => boolean;
}

/** What names a table next. */
const TABLE_NEXT = ['FROM', 'JOIN', 'STRAIGHT_JOIN', 'UPDATE', 'INTO', 'TABLE', 'DELETE', 'REFERENCES'];
/** What names another thing of a database next. */
const THING_NEXT = ['CALL', 'TRIGGER', 'PROCEDURE', 'FUNCTION', 'EVENT', 'VIEW', 'SEQUENCE', 'PACKAGE', 'BODY'];
const OF_SEQUENCES = ['NEXTVAL', 'LASTVAL', 'SETVAL'];
const CLAUSES = [
  'SELECT',
  'WHERE',
  'SET',
  'GROUP',
  'ORDER',
  'HAVING',
  'LIMIT',
  'VALUES',
  'VALUE',
  'DO',
  'BEGIN',
  'END',
];
/** `FROM` is a word of theirs. */
const WITH_FROM = ['EXTRACT', 'TRIM', 'SUBSTRING', 'SUBSTR', 'MID', 'OVERLAY'];

interface Level {
  /** A table's name comes next. */
  awaits: boolean;
  /** After a comma comes another table. */
  tables: boolean;
  readonly ownFrom: boolean;
}

/** @param text Latin-1, or none but ASCII outside of what is quoted. */
export function withOwnName(text: string, renaming: Renaming, wording: Wording): Renamed {
  const { from, anyCase } = renaming;
  const bytes = latin(from);
  if (!contains(text, bytes, anyCase)) return { text };
  const tokens = tokensOf(text);
  const same = (name: string | undefined): boolean =>
    name === bytes || (anyCase && name?.toLowerCase() === bytes.toLowerCase());
  const nameAt = (at: number): string | undefined => nameOf(tokens[at], wording.ansi);
  const shadowed = wording.typed && (isShadowed(tokens, same, nameAt) || ['new', 'old'].includes(from.toLowerCase()));
  let doubt: Renamed['doubt'];

  let before = -1;
  let headOn = !wording.typed || !isTrigger(tokens);
  let level: Level = { awaits: false, tables: false, ownFrom: false };
  const levels: Level[] = [];
  for (let at = solid(tokens, 0); at < tokens.length; at = solid(tokens, at + 1)) {
    const token = tokens[at]!;
    if (token.kind === 'open' || token.kind === 'close') continue;
    const last = tokens[before];
    const second = isSign(last, '.') ? undefined : partAfter(tokens, at, nameAt);
    if (second !== undefined && !isSign(last, '@') && same(nameAt(at))) {
      const after = tokens[solid(tokens, second + 1)];
      const sure = isSign(after, '.') || isSign(after, '(') || level.awaits;
      if (wording.only && !wording.only(utf8(nameAt(second)!))) doubt ??= 'not in the backup';
      else if (sure || (wording.typed && !shadowed)) tokens[at] = written(token, renaming);
      else if (wording.typed) doubt = 'another meaning';
      level.awaits = false;
      before = at = second;
      continue;
    }
    if (token.kind === 'string' && wording.typed && mentions(token.text, bytes, anyCase)) doubt ??= 'in a text';
    if (isSign(token, '(')) {
      levels.push(level);
      level = {
        awaits: level.awaits || isWord(last, ...OF_SEQUENCES),
        tables: level.awaits,
        ownFrom: isWord(last, ...WITH_FROM),
      };
    } else if (isSign(token, ')')) level = levels.pop() ?? level;
    else if (isSign(token, ',')) level.awaits = level.tables;
    else if (isSign(token, ';')) level = { awaits: false, tables: false, ownFrom: false };
    else if (!headOn && isWord(token, 'ON')) headOn = level.awaits = true;
    else if (isWord(token, ...TABLE_NEXT)) {
      const isTable = !(level.ownFrom && isWord(token, 'FROM')) && !(isWord(token, 'UPDATE') && isWord(last, 'KEY'));
      level.awaits = isTable;
      level.tables = isTable;
    } else if (isWord(token, ...THING_NEXT) || (isWord(token, 'FOR') && isWord(last, 'VALUE'))) level.awaits = true;
    else if (isWord(token, ...CLAUSES)) level.awaits = level.tables = false;
    else if (!isWord(token, 'IF', 'NOT', 'EXISTS', 'IGNORE', 'LOW_PRIORITY', 'LATERAL')) level.awaits = false;
    before = at;
  }
  return { text: textOf(tokens), ...(doubt && { doubt }) };
}

/** The same of a text as the session has it. */
export function withOwnNameUnicode(text: string, renaming: Renaming, wording: Wording): string {
  return utf8(withOwnName(latin(text), renaming, wording).text);
}

const latin = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const utf8 = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');

const contains = (text: string, name: string, anyCase: boolean): boolean =>
  text.includes(name.replaceAll('`', '``')) || (anyCase && text.toLowerCase().includes(name.toLowerCase()));

/** Quoted as the other was. */
function written({ kind }: Token, { to, quoted = false }: Renaming): Token {
  const name = latin(to);
  if (kind === 'string') return { kind, text: `"${name.replaceAll('"', '""')}"` };
  if (kind === 'word' && !quoted && /^[A-Za-z_$\x80-\xff][\w$\x80-\xff]*$/.test(name)) return { kind, text: name };
  return { kind: 'name', text: `\`${name.replaceAll('`', '``')}\`` };
}

/** A name as it is; undefined of what is none. */
function nameOf(token: Token | undefined, ansi = false): string | undefined {
  if (token?.kind === 'word') return token.text;
  if (token?.kind === 'name') return token.text.slice(1, -1).replaceAll('``', '`');
  if (ansi && token?.kind === 'string' && token.text.startsWith('"'))
    return token.text.slice(1, -1).replaceAll('""', '"');
  return undefined;
}

/** Index of the name that follows this one and its dot. */
function partAfter(
  tokens: readonly Token[],
  at: number,
  nameAt: (at: number) => string | undefined,
): number | undefined {
  const dot = solid(tokens, at + 1);
  if (!isSign(tokens[dot], '.')) return undefined;
  const next = solid(tokens, dot + 1);
  return nameAt(next) === undefined ? undefined : next;
}

/** Whether something else is called so, too: a table, an alias, a variable. Users are not meant. */
function isShadowed(
  tokens: readonly Token[],
  same: (name: string | undefined) => boolean,
  nameAt: (at: number) => string | undefined,
): boolean {
  return tokens.some((_token, at) => {
    if (!same(nameAt(at))) return false;
    const after = tokens[solid(tokens, at + 1)];
    return !isSign(after, '.') && !isSign(after, '@') && !isSign(tokens[at - 1], '@');
  });
}

const isTrigger = (tokens: readonly Token[]): boolean =>
  isWord(
    tokens.find((one) => isWord(one, 'TRIGGER', 'PROCEDURE', 'FUNCTION', 'EVENT', 'PACKAGE')),
    'TRIGGER',
  );

/** In what a prepared statement may be made of. */
function mentions(text: string, name: string, anyCase: boolean): boolean {
  const quoted = name.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  return new RegExp(`(?<![\\w$\\x80-\\xff])[\`"]?${quoted}[\`"]?\\s*\\.`, anyCase ? 'i' : '').test(text);
}
