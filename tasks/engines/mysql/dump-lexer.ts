/**
 * Cuts what mariadb-dump writes into statements while it streams. Rows are counted and passed on without being held; every
 * other statement is handed over as a whole. The same lexer reads an archive through and narrows one that is restored.
 */
import { DumpRows } from './dump-rows.ts';

/** Latin-1 text: every byte one character, so that it can be written back as it was. */
export interface DumpHandler {
  /** Any statement but rows, with its delimiter and what stands before it; what it returns is passed on. */
  statement(text: string, delimiter: string): string;
  /** A line of comment between statements, with its line end. */
  comment(text: string): string;
  /**
   * Rows follow. `columns`: those that the statement names. Undefined leaves the rows out; else the positions of columns whose
   * values are replaced by `DEFAULT`.
   */
  rows(table: string, columns: readonly string[]): ReadonlySet<number> | undefined;
  /** Takes what is passed on, in its order. */
  pass?(bytes: Buffer): void;
  /** The rows of one statement have ended. */
  rowsEnd(table: string, count: number, bytes: number): void;
}

const [QUOTE, DOUBLE, BACKTICK, BACKSLASH, SEMICOLON, NEWLINE] = [0x27, 0x22, 0x60, 0x5c, 0x3b, 0x0a];
const [SLASH, STAR, DASH, HASH, BANG, LETTER_M] = [0x2f, 0x2a, 0x2d, 0x23, 0x21, 0x4d];
const INSERT = 'INSERT INTO `';
const SANDBOX = '/*M!999999';
/** No definition is longer; what is was not written by the tool. */
const LONGEST_STATEMENT = 256 * 1024 * 1024;

type State = 'start' | 'comment' | 'code' | 'single' | 'double' | 'backtick' | 'line' | 'block' | 'header';

export class DumpLexer {
  readonly #handler: DumpHandler;
  #state: State = 'start';
  #parts: Buffer[] = [];
  #length = 0;
  /** The byte before, as far as it may begin something. */
  #before = 0;
  /** Inside quotes: the next byte is no quote, whatever it is. */
  #escaped = false;
  #delimiter = ';';

  /** Of a header: what came since the last name. */
  #word = '';
  #rows: DumpRows | undefined;

  constructor(handler: DumpHandler) {
    this.#handler = handler;
  }

  /** @throws Error for what no dump looks like. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#step(chunk, at);
  }

  /** What was not passed on yet, because it is no whole statement; of a whole dump white space. */
  rest(): Buffer {
    return Buffer.concat(this.#parts.splice(0));
  }

  /** What is left at the end is no whole statement. */
  end(): void {
    if (!this.#rows && this.#state === 'start' && Buffer.concat(this.#parts).toString('latin1').trim() === '') return;
    throw new Error(`The dump ends in the middle of a statement: ${this.#text().slice(0, 200)}`);
  }

  #step(chunk: Buffer, at: number): number {
    if (this.#rows) return this.#readRows(this.#rows, chunk, at);
    if (this.#state === 'start') return this.#begin(chunk, at);
    if (this.#state === 'comment') return this.#line(chunk, at);
    if (this.#state === 'header') return this.#header(chunk, at);
    return this.#statement(chunk, at);
  }

  #keep(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length > LONGEST_STATEMENT) throw new Error('A statement is longer than any definition.');
  }
  #text(): string {
    const text = Buffer.concat(this.#parts).toString('latin1');
    this.#parts = [];
    this.#length = 0;
    return text;
  }
  #emit(text: string): void {
    if (text !== '') this.#handler.pass?.(Buffer.from(text, 'latin1'));
  }

  /** Reads as much as tells what begins here. */
  #begin(chunk: Buffer, at: number): number {
    this.#keep(chunk.subarray(at, at + 1));
    const seen = Buffer.concat(this.#parts).toString('latin1');
    const word = seen.trimStart();
    if (word === '') return at + 1;
    if (
      INSERT.startsWith(word) ||
      SANDBOX.startsWith(word) ||
      word === '-' ||
      word === 'DELIMITER'.slice(0, word.length)
    ) {
      if (word === INSERT) {
        this.#state = 'header';
        this.#word = '';
        this.#escaped = true;
      } else if (word === SANDBOX) this.#state = 'comment';
      else if (word === 'DELIMITER') this.#state = 'comment';
      else this.#state = 'start';
      return at + 1;
    }
    if (word.startsWith('--')) {
      this.#state = 'comment';
      return this.#line(chunk, at + 1);
    }
    // Lexed from its beginning, for quotes may have opened in it.
    const whole = Buffer.from(seen, 'latin1');
    this.#parts = [];
    this.#length = 0;
    this.#state = 'code';
    this.#before = 0;
    for (let index = 0; index < whole.length;) index = this.#step(whole, index);
    return at + 1;
  }

  #line(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(NEWLINE, at);
    this.#keep(chunk.subarray(at, end === -1 ? chunk.length : end + 1));
    if (end === -1) return chunk.length;
    const text = this.#text();
    this.#state = 'start';
    const delimiter = /^\s*DELIMITER (\S+)/.exec(text)?.[1];
    if (delimiter !== undefined) this.#delimiter = delimiter;
    this.#emit(this.#handler.comment(text));
    return end + 1;
  }

  #statement(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (this.#state === 'code') {
        if (byte === SEMICOLON && (this.#delimiter === ';' || this.#before === SEMICOLON)) {
          this.#keep(chunk.subarray(from, at + 1));
          this.#state = 'start';
          this.#emit(this.#handler.statement(this.#text(), this.#delimiter));
          return at + 1;
        }
        this.#code(byte);
      } else this.#quoted(byte);
    }
    this.#keep(chunk.subarray(from));
    return chunk.length;
  }

  #code(byte: number): void {
    const before = this.#before;
    this.#before = byte;
    if (byte === QUOTE) this.#state = 'single';
    else if (byte === DOUBLE) this.#state = 'double';
    else if (byte === BACKTICK) this.#state = 'backtick';
    else if (byte === HASH) this.#state = 'line';
    else if (before === 0x100 + STAR && byte !== BANG && byte !== LETTER_M) this.#state = 'block';
    else if (before === SLASH && byte === STAR) this.#before = 0x100 + STAR;
    else if (before === DASH && byte === DASH) this.#before = 0x100 + DASH;
    else if (before === 0x100 + DASH && byte <= 0x20) this.#state = byte === NEWLINE ? 'code' : 'line';
  }

  #quoted(byte: number): void {
    if (this.#state === 'line') {
      if (byte === NEWLINE) this.#state = 'code';
    } else if (this.#state === 'block') {
      if (this.#before === STAR && byte === SLASH) this.#state = 'code';
    } else if (this.#state === 'backtick') {
      if (byte === BACKTICK) this.#state = 'code';
    } else if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === (this.#state === 'single' ? QUOTE : DOUBLE)) this.#state = 'code';
    this.#before = this.#state === 'code' ? 0 : byte;
  }

  /** ``INSERT INTO `table` (`a`, `b`) VALUES``; `#escaped`: inside a name. */
  #header(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (byte === BACKTICK) {
        this.#escaped = !this.#escaped;
        this.#word = '';
      } else if (!this.#escaped && (this.#word += String.fromCharCode(byte)).endsWith(' VALUES')) {
        this.#keep(chunk.subarray(from, at + 1));
        this.#openRows(this.#text());
        return at + 1;
      }
    }
    this.#keep(chunk.subarray(from));
    return chunk.length;
  }

  #openRows(text: string): void {
    const names = [...text.matchAll(/`((?:[^`]|``)*)`/g)].map((match) =>
      Buffer.from(match[1]!.replaceAll('``', '`'), 'latin1').toString('utf8'),
    );
    const [table, ...columns] = names;
    const defaults = this.#handler.rows(table!, columns);
    this.#rows = new DumpRows(table!, text.length, defaults, (bytes) => this.#handler.pass?.(bytes));
    this.#state = 'start';
    this.#escaped = false;
    if (defaults) this.#emit(text);
  }

  #readRows(rows: DumpRows, chunk: Buffer, from: number): number {
    const { at, done } = rows.read(chunk, from);
    if (!done) return at;
    this.#rows = undefined;
    this.#handler.rowsEnd(rows.table, rows.count, rows.bytes);
    return at;
  }
}
