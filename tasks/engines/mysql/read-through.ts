/**
 * The reader of what mariadb-dump writes: to its end, statement by statement. What it counts are the rows of the dump's own
 * snapshot, whatever else was counted beside it.
 */
import { NightjarError, wordsOf } from '../../../core/errors.ts';
import type { Outlet } from '../../pipes/pipes.ts';
import { DumpLexer } from './dump-lexer.ts';
import { definerOf, isCompleted, statementOf } from './dump-statements.ts';

export type Code = 'view' | 'trigger' | 'event' | 'procedure' | 'function';

export interface DumpContents {
  /** Rows by table; of tables without rows there is no entry. */
  readonly rows: ReadonlyMap<string, number>;
  /** Tables that are created. */
  readonly created: ReadonlySet<string>;
  /** Tables whose rows were written, also when they had none. */
  readonly visited: ReadonlySet<string>;
  /** Who runs views, triggers, routines and events: `user@host`. */
  readonly definers: ReadonlySet<string>;
  /** Kinds of what has a definer, as {@link Code} names them. */
  readonly code: ReadonlySet<Code>;
  /** In bytes: a server must take it in one packet. */
  readonly longest: number;
}

/** Counts; its contents are whole only after `end`. @throws READ_THROUGH_FAILED. */
export class DumpReader implements Outlet {
  readonly #rows = new Map<string, number>();
  readonly #created = new Set<string>();
  readonly #visited = new Set<string>();
  readonly #definers = new Set<string>();
  readonly #code = new Set<Code>();
  #longest = 0;
  #completed = false;
  readonly #lexer = new DumpLexer({
    statement: (text) => {
      this.#longest = Math.max(this.#longest, text.length);
      const { kind, name } = statementOf(text);
      if (kind === 'table') this.#created.add(name!);
      if (kind === 'keys') this.#visited.add(name!);
      const definer = kind === 'setting' || kind === 'table' ? undefined : definerOf(text);
      if (definer !== undefined) this.#definers.add(definer);
      if (kind === 'routine') this.#code.add(isProcedure(text) ? 'procedure' : 'function');
      else if (kind === 'view' || kind === 'trigger' || kind === 'event') this.#code.add(kind);
      return '';
    },
    comment: (text) => {
      this.#completed = isCompleted(text);
      return '';
    },
    rows: () => undefined,
    rowsEnd: (table, count, bytes) => {
      this.#longest = Math.max(this.#longest, bytes);
      this.#rows.set(table, (this.#rows.get(table) ?? 0) + count);
    },
  });

  async write(chunk: Buffer): Promise<boolean> {
    try {
      this.#lexer.push(chunk);
    } catch (cause) {
      throw unreadable(wordsOf(cause));
    }
    return Promise.resolve(true);
  }

  async end(): Promise<void> {
    try {
      this.#lexer.end();
    } catch (cause) {
      throw unreadable(wordsOf(cause));
    }
    if (!this.#completed) throw unreadable('Its last line is not the one that mariadb-dump writes when all is well.');
    return Promise.resolve();
  }

  get contents(): DumpContents {
    return {
      rows: this.#rows,
      created: this.#created,
      visited: this.#visited,
      definers: this.#definers,
      code: this.#code,
      longest: this.#longest,
    };
  }
}

/** Packages are made as functions are. */
const isProcedure = (text: string): boolean => /\b(PROCEDURE|FUNCTION|PACKAGE)\b/.exec(text)?.[1] === 'PROCEDURE';

const unreadable = (detail: string): NightjarError =>
  new NightjarError('READ_THROUGH_FAILED', { operation: 'read the dump', detail });
