/** What a statement of mariadb-dump is about. All texts are Latin-1: a byte is a character. */

export type StatementKind =
  | 'table'
  | 'sequence'
  /** Stands for a view until those that it reads are there. */
  | 'placeholder'
  | 'view'
  | 'trigger'
  | 'routine'
  | 'event'
  /** Of a table's keys while its rows come. */
  | 'keys'
  | 'setting';

export interface Statement {
  readonly kind: StatementKind;
  /** Of a table, view, sequence, event or routine; a trigger's is that of the table before it. */
  readonly name: string | undefined;
}

const NAME = '`((?:[^`]|``)*)`';
const PATTERNS: readonly (readonly [StatementKind, RegExp])[] = [
  ['table', new RegExp(`^CREATE (?:OR REPLACE )?TABLE (?:IF NOT EXISTS )?${NAME}`)],
  ['sequence', new RegExp(`^CREATE (?:OR REPLACE )?SEQUENCE (?:IF NOT EXISTS )?${NAME}`)],
  ['sequence', new RegExp(`^(?:SELECT|DO) SETVAL\\(${NAME}`)],
  ['keys', new RegExp(`^/\\*!40000 ALTER TABLE ${NAME} (?:DIS|EN)ABLE KEYS`)],
  ['placeholder', new RegExp(`^/\\*!50001 CREATE VIEW ${NAME} AS SELECT`)],
  ['view', new RegExp(`^/\\*!50001 DROP (?:VIEW|TABLE) IF EXISTS ${NAME}`)],
  ['view', new RegExp(`^/\\*!50001 CREATE ALGORITHM[\\s\\S]*?VIEW ${NAME}`)],
  ['trigger', /^\/\*!5000[0-9] CREATE\*\/[\s\S]*? TRIGGER /],
  ['event', new RegExp(`^/\\*!50106 CREATE\\*/[\\s\\S]*? EVENT (?:IF NOT EXISTS )?${NAME}`)],
  ['routine', /^(?:\/\*!5000[0-9] )?CREATE(?:\*\/)? [\s\S]*?(?:FUNCTION|PROCEDURE|PACKAGE)/],
];

export function statementOf(text: string): Statement {
  const start = text.trimStart();
  for (const [kind, pattern] of PATTERNS) {
    const match = pattern.exec(start);
    if (match) return { kind, name: match[1] === undefined ? undefined : nameIn(match[1]) };
  }
  return { kind: 'setting', name: undefined };
}

/** What a person calls it: such as `view v`. */
export const wordsFor = ({ kind, name }: Statement, text: string): string => {
  const found = /(?:TRIGGER|FUNCTION|PROCEDURE|PACKAGE(?: BODY)?)\s+(`(?:[^`]|``)*`|[^\s(]+)/.exec(text)?.[1] ?? '';
  const called = name ?? (found.startsWith('`') ? nameIn(found.slice(1, -1)) : found);
  return called === '' ? kind : `${kind} ${called}`;
};

/** A name as it is, of one as it stands between backticks. */
export const nameIn = (quoted: string): string => utf8(quoted.replaceAll('``', '`'));
const utf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** As it stands in the dump: in double quotes of what was made under ANSI_QUOTES. */
const QUOTED = '`(?:[^`]|``)*`|"(?:[^"]|"")*"';
const DEFINER = new RegExp(`DEFINER=(${QUOTED})(?:@(${QUOTED}))?\\s?`);
const unquoted = (name: string): string => {
  const [sign, inside] = [name[0]!, name.slice(1, -1)];
  return utf8(inside.replaceAll(sign + sign, sign));
};

/** Who runs the view, trigger, routine or event, as `user@host`; of a role its name alone. */
export function definerOf(text: string): string | undefined {
  const match = DEFINER.exec(text);
  if (!match) return undefined;
  return [match[1]!, match[2]].flatMap((one) => (one === undefined ? [] : unquoted(one))).join('@');
}

/** With another definer; without any when it is undefined: whoever restores it runs it then. */
export function withDefiner(text: string, definer: string | undefined): string {
  return text.replace(DEFINER, (found) => {
    const space = /\s$/.exec(found)?.[0] ?? '';
    if (definer === undefined) return '';
    const at = definer.lastIndexOf('@');
    const parts = at === -1 ? [definer] : [definer.slice(0, at), definer.slice(at + 1)];
    const quoted = parts.map((part) => `\`${Buffer.from(part, 'utf8').toString('latin1').replaceAll('`', '``')}\``);
    return `DEFINER=${quoted.join('@')}${space}`;
  });
}

const ENABLED = /( ON COMPLETION (?:NOT )?PRESERVE )ENABLE\b/;
/** An event that does not run until it is told to; undefined when it would not run anyway. */
export const asleep = (text: string): string | undefined =>
  ENABLED.test(text) ? text.replace(ENABLED, '$1DISABLE') : undefined;

/** Whether this comment is the dump's last line, which the tool writes when all is well. */
export const isCompleted = (comment: string): boolean => comment.trimStart().startsWith('-- Dump completed');
