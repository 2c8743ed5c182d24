/**
 * What stands where in a dump: settings, what is of one database or of one after the other, and the settings again as they were.
 * On its way it becomes what is stored: values of generated columns become `DEFAULT`, because mariadb-dump writes them out and MySQL
 * takes none (error 3105); and a charset that code was written under is set on whichever database it goes into, not on the one
 * that it came from.
 */
import { DumpLexer } from './dump-lexer.ts';
import { isCompleted, nameIn } from './dump-statements.ts';

/** By table, the names of its generated columns. */
export type Generated = ReadonlyMap<string, ReadonlySet<string>>;

export interface SectionHandler {
  /** What follows is of this database. Only of a dump of several. */
  use(database: string): void;
  body(bytes: Buffer): void;
  /** Of the database that is being read. */
  generated(): Generated;
}

const HEAD = /^\/\*M?!\d+ SET (?:@OLD_\w+ *=|NAMES |TIME_ZONE *=)/;
const TAIL = /^\/\*M?!\d+ SET \w+ *= *@OLD_\w+/;
const USE = /^USE `((?:[^`]|``)*)`\s*;$/;
const ALTER_DATABASE = /^(\s*ALTER DATABASE) `(?:[^`]|``)*`(?= CHARACTER SET )/;
const NONE: ReadonlySet<number> = new Set();

export class DumpSections {
  /** Latin-1, as all texts here. */
  head = '';
  tail = '';
  readonly #handler: SectionHandler;
  readonly #lexer: DumpLexer;
  #section: 'head' | 'body' | 'tail' = 'head';
  /** Lines of comment that belong to what follows. */
  #pending = '';

  constructor(handler: SectionHandler) {
    this.#handler = handler;
    this.#lexer = new DumpLexer({
      statement: (text) => this.#statement(text),
      comment: (text) => this.#comment(text),
      rows: (table, columns) => {
        this.#open();
        this.#flush();
        const names = handler.generated().get(table);
        if (!names) return NONE;
        return new Set(columns.flatMap((name, index) => (names.has(name) ? [index] : [])));
      },
      rowsEnd: () => undefined,
      pass: (bytes) => handler.body(bytes),
    });
  }

  /** @throws Error for what no dump looks like. */
  push(chunk: Buffer): void {
    this.#lexer.push(chunk);
  }

  /** What is left of a dump that was cut off goes into its body: whoever reads it there says so. */
  end(): void {
    const rest = this.#lexer.rest();
    if (rest.toString('latin1').trim() === '') return;
    this.#flush();
    this.#handler.body(rest);
  }

  /** Whether the last line is the one that the tool writes when all is well. */
  get completed(): boolean {
    return isCompleted(this.tail.trimEnd().split('\n').at(-1) ?? '');
  }

  #statement(text: string): string {
    const bare = text.trim();
    if (this.#section === 'head' && HEAD.test(bare)) {
      this.head += this.#taken() + text;
      return '';
    }
    if (TAIL.test(bare)) {
      this.#section = 'tail';
      this.tail += this.#taken() + text;
      return '';
    }
    this.#open();
    const use = USE.exec(bare);
    if (use) {
      this.#pending = '';
      this.#handler.use(nameIn(use[1]!));
      return '';
    }
    return this.#taken() + text.replace(ALTER_DATABASE, '$1');
  }

  #comment(text: string): string {
    if (this.#section === 'tail') this.tail += text;
    else if (text.trim() === '' || text.trimStart().startsWith('--')) this.#pending += text;
    else if (this.#section === 'head') this.head += this.#taken() + text;
    else return this.#taken() + text;
    return '';
  }

  #open(): void {
    if (this.#section === 'tail') throw new Error('After the dump’s end comes more.');
    this.#section = 'body';
  }

  #taken(): string {
    const text = this.#pending;
    this.#pending = '';
    return text;
  }

  #flush(): void {
    const text = this.#taken();
    if (text !== '') this.#handler.body(Buffer.from(text, 'latin1'));
  }
}

/** The settings as they were, of what a dump's head has set; and its last line. */
export function tailFor(head: string): string {
  const set = [...head.matchAll(/(\/\*M?!\d+) SET @(OLD_\w+) *= *@@(\w+)/g)].reverse();
  const lines = set.map(([, comment, old, name]) => `${comment!} SET ${name!}=@${old!} */;\n`);
  return `\n${lines.join('')}\n-- Dump completed\n`;
}
