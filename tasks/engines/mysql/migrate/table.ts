/** A table's definition in the words of the other kind of server. What only one of them has is mapped by a rule that is told, or refused. */
import type { Dialect, Findings } from './dialect.ts';
import { closing, isSign, isWord, solid, splitAtCommas, textOf, tokensOf, type Token } from '../tokens.ts';

/** Types of MariaDB's that MySQL lacks, and what holds the same text. */
const TYPES: Readonly<Record<string, string>> = {
  UUID: 'char(36) CHARACTER SET ascii',
  INET4: 'varchar(15) CHARACTER SET ascii',
  INET6: 'varchar(39) CHARACTER SET ascii',
};
/** MariaDB's own default; older ones do not write it out, and MySQL 8's is another. */
const MARIADB_DEFAULT = 'COLLATE utf8mb4_general_ci';
const WITHOUT_LITERAL_DEFAULT = /^(TINY|MEDIUM|LONG)?(BLOB|TEXT)$|^JSON$|^GEOMETRY/i;
/** Of a table's options those that only say how MariaDB stores it. */
const STORAGE = ['PAGE_CHECKSUM', 'TRANSACTIONAL', 'PAGE_COMPRESSED', 'PAGE_COMPRESSION_LEVEL', 'ENCRYPTED'];
const STORAGE_MORE = ['ENCRYPTION_KEY_ID', 'COMPRESSION', 'ENCRYPTION', 'AUTOEXTEND_SIZE', 'SECONDARY_ENGINE'];

/** @param text `CREATE TABLE …` as SHOW CREATE writes it. @param object the table, in words. */
export function translateTable(text: string, object: string, dialect: Dialect, findings: Findings): string {
  const all = tokensOf(text);
  // MySQL marks each text in an expression so, and MariaDB loses its quotes over it; a dump's texts are UTF-8 anyway.
  const tokens = all.filter(
    (one, at) => !(dialect.isMariadb && isWord(one, '_UTF8MB4') && all[at + 1]?.kind === 'string'),
  );
  if (!dialect.isMariadb) spellOut(tokens);
  const open = tokens.findIndex((one) => isSign(one, '('));
  if (open === -1) return text;
  const close = closing(tokens, open);
  const work = new TableWork(object, dialect, findings);
  const items = splitAtCommas(tokens.slice(open + 1, close)).flatMap((item) => work.item(item));
  return `${textOf(tokens.slice(0, open + 1))}${items.join(',')}\n${textOf(work.options(tokens.slice(close)))}`;
}

class TableWork {
  readonly #object: string;
  readonly #to: Dialect;
  readonly #findings: Findings;

  constructor(object: string, dialect: Dialect, findings: Findings) {
    this.#object = object;
    this.#to = dialect;
    this.#findings = findings;
  }

  /** A column, a key or a constraint; none when it is left out. */
  item(item: readonly Token[]): string[] {
    const first = item[solid(item, 0)];
    const left = first?.kind === 'name' ? this.#column(item) : this.#key(item);
    return left === undefined ? [] : [textOf(left).trimEnd()];
  }

  /** What follows the columns, from the bracket on. */
  options(tokens: readonly Token[]): Token[] {
    const { isMariadb } = this.#to;
    let left = this.#comments(tokens);
    if (!isMariadb) {
      const versioned = left.findIndex((one, at) => isWord(one, 'WITH') && isWord(left[at + 2], 'SYSTEM'));
      if (versioned !== -1) {
        this.#rule('MySQL has no system versioning: made as plain tables');
        left = [...left.slice(0, versioned), ...left.slice(versioned + 5)];
      }
    }
    return this.#engine(this.#withoutStorage(left));
  }

  #rule(rule: string): void {
    this.#findings.rule(rule, this.#object);
  }
  #refuse(why: string): void {
    this.#findings.refuse(this.#object, why);
  }

  /** Comments that only a newer MySQL runs: MariaDB would pass them over in silence. */
  #comments(tokens: readonly Token[]): Token[] {
    if (!this.#to.isMariadb) return [...tokens];
    const left: Token[] = [];
    for (let at = 0; at < tokens.length; at += 1) {
      const token = tokens[at]!;
      const version = token.kind === 'open' ? Number(/\d+/.exec(token.text)?.[0] ?? 0) : 0;
      if (version < 50_700 || version > 99_999) {
        left.push(token);
        continue;
      }
      const end = tokens.findIndex((one, index) => index > at && one.kind === 'close');
      const inner = tokens.slice(at + 1, end);
      at = end;
      const words = textOf(inner).trim();
      if (/^INVISIBLE$/i.test(words)) left.push({ kind: 'word', text: 'INVISIBLE' });
      else this.#rule(`MariaDB has no \`${words.replace(/=?\s*'.*$|\d+$/, '').trim()}\`: left out`);
    }
    return left;
  }

  #column(item: readonly Token[]): Token[] {
    let left = this.#comments(item);
    const at = solid(left, 0);
    const name = left[at]!.text;
    const typeAt = solid(left, at + 1);
    if (this.#to.isMariadb) return this.#nullable(left, name);
    const type = left[typeAt]!;
    const other = TYPES[type.text.toUpperCase()];
    if (other !== undefined) {
      this.#rule(`MySQL has no type ${type.text.toLowerCase()}: made as ${other}`);
      left[typeAt] = { kind: 'word', text: other };
    }
    if (left.some((one, index) => isWord(one, 'ROW') && isWord(left[solid(left, index + 1)], 'START', 'END')))
      this.#refuse('MySQL has no system versioning, and these keep its times in columns of their own');
    left = left.filter((one, index) => {
      if (!isWord(one, 'INVISIBLE') || this.#to.version >= 80_023) return true;
      if (index > typeAt) this.#rule('MySQL before 8.0.23 has no invisible columns: made visible');
      return index <= typeAt;
    });
    if (/^longtext$/i.test(type.text) && /check \(json_valid\(/i.test(textOf(left)))
      this.#rule('JSON of MariaDB is text, and stays text (ALTER TABLE … MODIFY … JSON, if you want MySQL’s type)');
    return this.#defaults(this.#checks(left), typeAt, type.text);
  }

  /** MariaDB allows no NOT NULL on a computed column. */
  #nullable(tokens: readonly Token[], name: string): Token[] {
    const generated = tokens.findIndex((one) => isWord(one, 'GENERATED'));
    if (generated === -1) return [...tokens];
    const end = closing(
      tokens,
      tokens.findIndex((one, index) => index > generated && isSign(one, '(')),
    );
    const not = tokens.findIndex((one, index) => index > end && isWord(one, 'NOT'));
    if (not === -1 || !isWord(tokens[solid(tokens, not + 1)], 'NULL')) return [...tokens];
    this.#findings.rule('MariaDB has no NOT NULL on computed columns: left out', `${this.#object} (${name})`);
    return [...tokens.slice(0, not), ...tokens.slice(solid(tokens, not + 1) + 1)];
  }

  /** MySQL wants brackets around a default that is computed, and computes those of texts. */
  #defaults(tokens: readonly Token[], typeAt: number, type: string): Token[] {
    const at = tokens.findIndex((one, index) => index > typeAt && isWord(one, 'DEFAULT'));
    if (at === -1) return [...tokens];
    const from = solid(tokens, at + 1);
    const value = tokens[from]!;
    const plain =
      value.kind === 'string' || value.kind === 'sign' || /^[0-9]|^(NULL|CURRENT_TIMESTAMP|[bxn])$/i.test(value.text);
    const bracket = solid(tokens, from + 1);
    const isCall = value.kind === 'word' && isSign(tokens[bracket], '(') && !isWord(value, 'CURRENT_TIMESTAMP');
    if (isSign(value, '(')) return this.#computed([...tokens]);
    const literal = plain && WITHOUT_LITERAL_DEFAULT.test(type) && !isWord(value, 'NULL');
    if (!isCall && !literal) return [...tokens];
    const end = isCall ? closing(tokens, bracket) : from;
    return this.#computed([
      ...tokens.slice(0, from),
      { kind: 'sign', text: '(' },
      ...tokens.slice(from, end + 1),
      { kind: 'sign', text: ')' },
      ...tokens.slice(end + 1),
    ]);
  }

  #computed(tokens: Token[]): Token[] {
    if (this.#to.version < 80_013) this.#refuse('MySQL before 8.0.13 has no computed defaults');
    return tokens;
  }

  #checks(tokens: Token[]): Token[] {
    if (this.#to.version < 80_016 && tokens.some((one) => isWord(one, 'CHECK')))
      this.#rule('MySQL before 8.0.16 holds no CHECK: rows are no longer checked');
    return tokens;
  }

  /** Keys, constraints, periods. */
  #key(item: readonly Token[]): Token[] | undefined {
    const words = textOf(item);
    const isKey = item.some((one) => isWord(one, 'KEY')) && !item.some((one) => isWord(one, 'FOREIGN'));
    if (!this.#to.isMariadb) return this.#keyOfMariadb(item, words, isKey);
    if (/\/\*!80016 NOT ENFORCED/i.test(words)) {
      this.#rule('MariaDB enforces every CHECK: those that were not enforced are left out');
      return undefined;
    }
    if (isKey && hasFunctionalPart(item)) this.#refuse('MariaDB has no index on an expression (use a computed column)');
    return this.#comments(item).map((one) => (isKey && isWord(one, 'INVISIBLE') ? this.#ignored() : one));
  }

  #ignored(): Token {
    if (this.#to.version >= 100_600) return { kind: 'word', text: 'IGNORED' };
    this.#rule('MariaDB before 10.6 ignores no index: used again');
    return { kind: 'space', text: ' ' };
  }

  #keyOfMariadb(item: readonly Token[], words: string, isKey: boolean): Token[] {
    if (/^\s*PERIOD\s/i.test(words) || item.some((one) => isWord(one, 'OVERLAPS')))
      this.#refuse('MySQL has no periods (PERIOD FOR, WITHOUT OVERLAPS)');
    return this.#checks(
      item.map((one) => (isKey && isWord(one, 'IGNORED') ? { kind: 'word' as const, text: 'INVISIBLE' } : one)),
    );
  }

  #withoutStorage(tokens: readonly Token[]): Token[] {
    const left: Token[] = [];
    for (let at = 0; at < tokens.length; at += 1) {
      const token = tokens[at]!;
      const next = solid(tokens, at + 1);
      const name = token.text.replaceAll('`', '').toUpperCase();
      const isOption = (token.kind === 'word' || token.kind === 'name') && isSign(tokens[next], '=');
      if (isOption && [...STORAGE, ...STORAGE_MORE].includes(name)) {
        this.#rule(`How tables are stored is the other server’s affair (${name}): left out`);
        at = solid(tokens, next + 1);
      } else left.push(token);
    }
    return left;
  }

  #engine(tokens: readonly Token[]): Token[] {
    const left = [...tokens];
    const at = left.findIndex((one) => isWord(one, 'ENGINE'));
    const value = at === -1 ? -1 : solid(left, solid(left, at + 1) + 1);
    const engine = left[value];
    if (engine === undefined || this.#to.engines.has(engine.text.toUpperCase())) return left;
    if (isWord(engine, 'ARIA')) {
      this.#rule('MySQL has no storage engine Aria: made with InnoDB');
      left[value] = { kind: 'word', text: 'InnoDB' };
    } else this.#refuse(`The server has no storage engine ${engine.text}`);
    return left;
  }
}

function spellOut(tokens: Token[]): void {
  for (const [at, one] of tokens.entries()) {
    const before = textOf(tokens.slice(Math.max(0, at - 4), at));
    if (!isWord(one, 'UTF8MB4') || !/(?:CHARSET|CHARACTER SET)\s*=?\s*$/i.test(before)) continue;
    if (!isWord(tokens[solid(tokens, at + 1)], 'COLLATE'))
      tokens[at] = { kind: 'word', text: `${one.text} ${MARIADB_DEFAULT}` };
  }
}

/** `KEY (((a + 1)))`: a part that is no name. */
function hasFunctionalPart(item: readonly Token[]): boolean {
  const open = item.findIndex((one) => isSign(one, '('));
  if (open === -1) return false;
  const parts = splitAtCommas(item.slice(open + 1, closing(item, open)));
  return parts.some((part) => isSign(part[solid(part, 0)], '('));
}
