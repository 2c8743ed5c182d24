/** What of a dump goes into a restored database, statement by statement. */
import type { RestoreJob } from '../../../core/job.ts';
import type { DumpHandler } from './dump-lexer.ts';
import {
  asleep,
  definerOf,
  isCompleted,
  statementOf,
  withDefiner,
  wordsFor,
  type Statement,
} from './dump-statements.ts';
import { withOwnName, type Renaming } from './own-name.ts';

export interface Selected {
  readonly handler: DumpHandler;
  /** Tables that were made. */
  readonly created: ReadonlySet<string>;
  /** Tables whose rows came, also when they had none. */
  readonly visited: ReadonlySet<string>;
  /** Events that run in the source; they are restored asleep, and woken when their database serves. */
  readonly events: readonly string[];
  /** What may still read the database whose name the backup has, and why: such as `view v (another meaning)`. */
  readonly doubts: readonly string[];
  /** Whether the dump's last line was seen. */
  completed(): boolean;
}

/** Code in the server's own words, or with a body that somebody typed. */
const CODE: readonly Statement['kind'][] = ['view', 'trigger', 'routine', 'event'];

/**
 * The job's scope and who is to own things. `renaming`: of the database itself in its definitions. `translate`: into the words of
 * another kind of server.
 */
export function select(
  job: Pick<RestoreJob, 'scope' | 'noOwner' | 'roleMap'>,
  renaming: Renaming,
  translate: (text: string) => string = (text) => text,
): Selected {
  const { scope = {} } = job;
  const wanted = scope.tables === undefined ? undefined : new Set(scope.tables);
  const created = new Set<string>();
  const visited = new Set<string>();
  const events: string[] = [];
  const sequences = new Set<string>();
  const doubts: string[] = [];
  let ansi = false;
  let completed = false;
  /** A trigger comes after its table. */
  let current = '';

  const isWanted = ({ kind, name }: Statement): boolean => {
    if (kind === 'setting') return true;
    if (scope.dataOnly && kind !== 'keys') return false;
    if (kind === 'keys') return !scope.schemaOnly && (!wanted || wanted.has(name!));
    if (kind === 'trigger') return !wanted || wanted.has(current);
    if (kind === 'table') return !wanted || wanted.has(name!);
    return !wanted;
  };
  const owned = (text: string): string => {
    const definer = definerOf(text);
    if (definer === undefined) return text;
    if (job.noOwner) return withDefiner(text, undefined);
    const other = job.roleMap?.[definer];
    return other === undefined ? text : withDefiner(text, other);
  };
  const inPlace = (statement: Statement, text: string): string => {
    const { kind } = statement;
    const wording =
      kind === 'table'
        ? { typed: false, only: (name: string) => sequences.has(name) }
        : { typed: kind !== 'view', ansi: ansi && kind !== 'view' };
    const { text: own, doubt } = withOwnName(text, renaming, wording);
    if (doubt) doubts.push(`${wordsFor(statement, text)} (${doubt})`);
    return own;
  };
  return {
    created,
    visited,
    events,
    doubts,
    completed: () => completed,
    handler: {
      statement(text) {
        const statement = statementOf(text);
        const { kind, name } = statement;
        if (kind === 'table' || kind === 'keys') current = name!;
        if (!isWanted(statement)) return '';
        if (kind === 'table') created.add(name!);
        if (kind === 'keys') visited.add(name!);
        if (kind === 'sequence') sequences.add(name!);
        if (kind === 'keys') return text;
        if (kind === 'setting') ansi = /SET sql_mode\s*= '(.*)'/.exec(text)?.[1]!.includes('ANSI_QUOTES') ?? ansi;
        if (kind === 'setting') return translate(text);
        if (kind === 'table') return translate(inPlace(statement, text));
        const mine = translate(owned(CODE.includes(kind) ? inPlace(statement, text) : text));
        const sleeping = kind === 'event' ? asleep(mine) : undefined;
        if (sleeping === undefined) return mine;
        events.push(name!);
        return sleeping;
      },
      comment(text) {
        completed = isCompleted(text);
        return text;
      },
      rows(table) {
        current = table;
        return scope.schemaOnly || (wanted && !wanted.has(table)) ? undefined : new Set();
      },
      rowsEnd: () => undefined,
    },
  };
}
