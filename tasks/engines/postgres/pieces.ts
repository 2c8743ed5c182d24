/**
 * A script of pg_dump or pg_restore, cut into pieces while it streams: statements, psql's own commands, comments, and the rows
 * that follow a COPY. Knows just enough of SQL to tell where a statement ends; holds one statement at a time, never a row.
 */

export type Piece =
  /** Whole, with its semicolon. `text` has a character for each byte (latin1). */
  | { readonly kind: 'statement'; readonly bytes: Buffer; readonly text: string }
  /** Of a statement that is too long to be held. `text`: how it begins, with its first part only. */
  | { readonly kind: 'part'; readonly bytes: Buffer; readonly text?: string }
  | { readonly kind: 'comment' | 'command'; readonly bytes: Buffer }
  /** Behind a COPY, in any portions. `rows`: how many end in it; its closing line is none. */
  | { readonly kind: 'rows'; readonly bytes: Buffer; readonly rows: number };

/** A statement longer than this comes in parts. */
const HELD_AT_MOST = 1024 * 1024;
/** What is looked at before and behind a character: the longest dollar quote, with room to spare. */
const AROUND = 80;

const [NEWLINE, QUOTE, DOUBLE, SEMICOLON, BACKSLASH, DASH, DOLLAR, SLASH, STAR, DOT] = Buffer.from('\n\'";\\-$/*.');
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
const isWord = (byte: number | undefined): boolean =>
  byte !== undefined &&
  ((byte >= 48 && byte <= 57) ||
    (byte >= 65 && byte <= 90) ||
    (byte >= 97 && byte <= 122) ||
    byte === 95 ||
    byte > 127);

type Mode = 'sql' | 'quote' | 'escaping' | 'double' | 'dollar' | 'comment' | 'block' | 'command' | 'rows';

export class Pieces {
  #mode: Mode = 'sql';
  #held: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Something besides white space and comments was seen of the statement. */
  #begun = false;
  /** Its beginning was given out already. */
  #parted = false;
  #tag: Buffer = Buffer.alloc(0);
  #depth = 0;
  /** Old servers may be set so that a backslash escapes in every string. */
  #escapes = false;
  #lineStart = false;
  /** The line of the COPY itself has ended. */
  #copied = false;

  /** What is open, in words; undefined between two statements. */
  get open(): string | undefined {
    if (this.#mode === 'rows') return 'the rows of a COPY';
    return this.#begun || this.#parted || this.#mode !== 'sql' ? 'a statement' : undefined;
  }

  *push(chunk: Buffer): Generator<Piece> {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      const piece = this.#mode === 'rows' ? this.#nextRows() : this.#next();
      if (!piece) break;
      yield piece;
    }
    if (this.#held.length > HELD_AT_MOST && this.#mode !== 'rows' && this.#at > AROUND) yield this.#part();
  }

  /** What is left when the script has ended. */
  *end(): Generator<Piece> {
    if (this.#held.length === 0) return;
    const bytes = this.#held;
    this.#held = Buffer.alloc(0);
    yield { kind: 'comment', bytes };
  }

  #take(length: number): Buffer {
    const bytes = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    this.#at = 0;
    return bytes;
  }

  #part(): Piece {
    // What stands before the place that is looked at next may decide what it means.
    const at = this.#at;
    const bytes = this.#take(at - AROUND);
    this.#at = AROUND;
    const first = !this.#parted;
    this.#parted = true;
    return { kind: 'part', bytes, ...(first ? { text: bytes.toString('latin1') } : {}) };
  }

  #statement(): Piece {
    const bytes = this.#take(this.#at);
    this.#begun = false;
    if (this.#parted) {
      this.#parted = false;
      return { kind: 'part', bytes };
    }
    const text = bytes.toString('latin1');
    const strings = /^\s*SET standard_conforming_strings = (on|off);$/.exec(text);
    if (strings) this.#escapes = strings[1] === 'off';
    if (/^\s*COPY [^]* FROM stdin;$/.test(text)) {
      this.#mode = 'rows';
      this.#lineStart = false;
      this.#copied = false;
    }
    return { kind: 'statement', bytes, text };
  }

  /** Up to the end of what was begun; undefined when that is not here yet. */
  #next(): Piece | undefined {
    const held = this.#held;
    for (;;) {
      if (this.#mode === 'sql') {
        if (this.#at >= held.length) return undefined;
        const done = this.#step(held);
        if (done === 'wait') return undefined;
        if (done) return this.#statement();
        continue;
      }
      const end = this.#endOf(held);
      if (end < 0) return undefined;
      this.#at = end;
      const was = this.#mode;
      this.#mode = 'sql';
      if ((was === 'comment' && !this.#begun && !this.#parted) || was === 'command')
        return { kind: was, bytes: this.#take(end) };
    }
  }

  /** One character of SQL: true when it ends the statement. */
  #step(held: Buffer): boolean | 'wait' {
    const at = this.#at;
    const byte = held[at]!;
    const rest = held.length - at;
    const enter = (mode: Mode, length: number): false => {
      this.#mode = mode;
      this.#at = at + length;
      return false;
    };
    if (byte === DASH || byte === SLASH) {
      if (rest < 2) return 'wait';
      if (byte === DASH && held[at + 1] === DASH) return enter('comment', 2);
      if (byte === SLASH && held[at + 1] === STAR) {
        this.#begun = true;
        this.#depth = 1;
        return enter('block', 2);
      }
    }
    if (byte === BACKSLASH && !this.#begun && !this.#parted) return enter('command', 1);
    if (!isSpace(byte)) this.#begun = true;
    if (byte === SEMICOLON) {
      this.#at = at + 1;
      return true;
    }
    if (byte === DOUBLE) return enter('double', 1);
    if (byte === QUOTE) {
      const marked = (held[at - 1] === 69 || held[at - 1] === 101) && !isWord(held[at - 2]);
      return enter(marked || this.#escapes ? 'escaping' : 'quote', 1);
    }
    if (byte === DOLLAR && !isWord(held[at - 1])) {
      const end = held.indexOf(DOLLAR, at + 1);
      if (end < 0 && rest < AROUND) return 'wait';
      const tag = end < 0 ? undefined : held.subarray(at, end + 1);
      if (tag && tag.length < AROUND && tag.subarray(1, -1).every(isWord) && !(tag[1]! >= 48 && tag[1]! <= 57)) {
        this.#tag = Buffer.from(tag);
        return enter('dollar', tag.length);
      }
    }
    this.#at = at + 1;
    return false;
  }

  /** Where what is open ends, or -1; what was looked at is not looked at again. */
  #endOf(held: Buffer): number {
    const find = (what: Buffer | number, length: number): number => {
      const found = held.indexOf(what, this.#at);
      if (found < 0) this.#at = Math.max(this.#at, held.length - length + 1);
      return found < 0 ? -1 : found + length;
    };
    switch (this.#mode) {
      case 'comment':
      case 'command':
        return find(NEWLINE!, 1);
      // A doubled quote ends one string and begins the next, which comes to the same.
      case 'quote':
        return find(QUOTE!, 1);
      case 'double':
        return find(DOUBLE!, 1);
      case 'dollar':
        return find(this.#tag, this.#tag.length);
      case 'escaping':
        for (; this.#at < held.length; this.#at += 1) {
          const byte = held[this.#at];
          if (byte !== BACKSLASH && byte !== QUOTE) continue;
          if (this.#at + 1 >= held.length) return -1;
          if (byte === BACKSLASH || held[this.#at + 1] === QUOTE) this.#at += 1;
          else return this.#at + 1;
        }
        return -1;
      default:
        for (; this.#at + 1 < held.length; this.#at += 1) {
          const [one, two] = [held[this.#at], held[this.#at + 1]];
          if (one === SLASH && two === STAR) this.#depth += 1;
          else if (one === STAR && two === SLASH) this.#depth -= 1;
          else continue;
          this.#at += 1;
          if (this.#depth === 0) return this.#at + 1;
        }
        return -1;
    }
  }

  #nextRows(): Piece | undefined {
    const held = this.#held;
    let rows = 0;
    let at = 0;
    while (at < held.length) {
      if (this.#lineStart && held[at] === BACKSLASH) {
        // The closing line is `\.` alone; it may be cut between two chunks.
        if (held.length - at < 3) break;
        if (held[at + 1] === DOT && held[at + 2] === NEWLINE) {
          this.#mode = 'sql';
          return { kind: 'rows', bytes: this.#take(at + 3), rows };
        }
      }
      const end = held.indexOf(NEWLINE!, at);
      if (end < 0) {
        this.#lineStart = false;
        at = held.length;
        break;
      }
      if (this.#copied) rows += 1;
      this.#copied = true;
      this.#lineStart = true;
      at = end + 1;
    }
    return at === 0 ? undefined : { kind: 'rows', bytes: this.#take(at), rows };
  }
}

/** All pieces of a script, in its order. */
export async function* piecesOf(script: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  const pieces = new Pieces();
  for await (const chunk of script) yield* pieces.push(chunk);
  yield* pieces.end();
}
