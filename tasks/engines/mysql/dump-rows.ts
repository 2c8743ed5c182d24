/** The rows of one statement, on their way through: counted, and passed on without being held. */

const [QUOTE, BACKSLASH, OPEN, CLOSE, COMMA, SEMICOLON, NEWLINE, SPACE] = [
  0x27, 0x5c, 0x28, 0x29, 0x2c, 0x3b, 0x0a, 0x20,
];
const DEFAULT = Buffer.from('DEFAULT');

export class DumpRows {
  readonly table: string;
  /** Rows so far. */
  count = 0;
  /** Of the statement so far, with its beginning. */
  bytes: number;
  readonly #pass: (bytes: Buffer) => void;
  /** Positions of the columns whose values become `DEFAULT`; undefined: nothing is passed on. */
  readonly #defaults: ReadonlySet<number> | undefined;
  #inTuple = false;
  #inString = false;
  /** The next byte is no quote, whatever it is. */
  #escaped = false;
  #field = 0;
  #skipping = false;

  constructor(table: string, begun: number, defaults: ReadonlySet<number> | undefined, pass: (bytes: Buffer) => void) {
    this.table = table;
    this.bytes = begun;
    this.#defaults = defaults;
    this.#pass = pass;
  }

  /** Reads on. `done`: the statement has ended right before `at`. @throws Error for what is no row. */
  read(chunk: Buffer, from: number): { at: number; done: boolean } {
    const replace = this.#defaults !== undefined && this.#defaults.size > 0;
    const end = chunk.length;
    let [at, copied] = [from, from];
    let { inTuple, inString } = { inTuple: this.#inTuple, inString: this.#inString };
    let [escaped, count] = [this.#escaped, this.count];
    let done = false;
    while (at < end) {
      if (inString) {
        if (escaped) {
          escaped = false;
          at += 1;
          continue;
        }
        while (at < end && chunk[at] !== QUOTE && chunk[at] !== BACKSLASH) at += 1;
        if (at === end) break;
        if (chunk[at] === QUOTE) inString = false;
        else escaped = true;
        at += 1;
      } else if (inTuple) {
        const byte = chunk[at]!;
        if (byte === QUOTE) inString = true;
        else if (byte === CLOSE || (replace && byte === COMMA)) {
          if (this.#skipping) {
            this.#pass(DEFAULT);
            copied = at;
            this.#skipping = false;
          }
          if (byte === CLOSE) inTuple = false;
          else if (this.#defaults!.has((this.#field += 1))) copied = this.#skipFrom(chunk, copied, at + 1);
        }
        at += 1;
      } else {
        const byte = chunk[at]!;
        at += 1;
        if (byte === OPEN) {
          inTuple = true;
          count += 1;
          this.#field = 0;
          if (replace && this.#defaults.has(0)) copied = this.#skipFrom(chunk, copied, at);
        } else if (byte === SEMICOLON) {
          done = true;
          break;
        } else if (byte !== COMMA && byte !== NEWLINE && byte !== SPACE)
          throw new Error(`Between rows of ${this.table} stands ${JSON.stringify(String.fromCharCode(byte))}.`);
      }
    }
    if (this.#defaults && !this.#skipping && at > copied) this.#pass(chunk.subarray(copied, at));
    this.bytes += at - from;
    [this.#inTuple, this.#inString, this.#escaped, this.count] = [inTuple, inString, escaped, count];
    return { at, done };
  }

  /** Passes on what came before a value that is replaced. */
  #skipFrom(chunk: Buffer, copied: number, value: number): number {
    this.#pass(chunk.subarray(copied, value));
    this.#skipping = true;
    return value;
  }
}
