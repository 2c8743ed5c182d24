/** What the server of a migration knows, as far as what comes from the other kind of server may need it. */
import { NightjarError } from '../../../../core/errors.ts';
import { numberOf } from '../errors.ts';
import type { Server, Session } from '../server.ts';
import { countsSpaces, kinOf } from './collations.ts';

export interface Dialect {
  readonly isMariadb: boolean;
  /** As in the servers' version comments: 80015, 101119. */
  readonly version: number;
  /** Lower case. */
  readonly collations: ReadonlySet<string>;
  /** Upper case. */
  readonly engines: ReadonlySet<string>;
}

export async function dialectOf(server: Server, session: Session): Promise<Dialect> {
  const [major = 0, minor = 0, patch = 0] = server.version.split(/[.-]/).map(Number);
  const collations = await session.rows<{ name: string }>(
    `SELECT collation_name AS name FROM information_schema.collations`,
  );
  // MariaDB lists those of UCA 14 there without a charset; full names are here from 10.10 on.
  const full = await session
    .rows<{ name: string }>(
      `SELECT full_collation_name AS name FROM information_schema.collation_character_set_applicability`,
    )
    .catch((thrown: unknown) => {
      if (!(thrown instanceof NightjarError) || numberOf(thrown) !== 1054) throw thrown;
      return [];
    });
  const engines = await session.rows<{ name: string }>(
    `SELECT engine AS name FROM information_schema.engines WHERE support IN ('YES', 'DEFAULT')`,
  );
  return {
    isMariadb: server.isMariadb,
    version: major * 10_000 + minor * 100 + patch,
    collations: new Set([...collations, ...full].map((one) => one.name.toLowerCase())),
    engines: new Set(engines.map((one) => one.name.toUpperCase())),
  };
}

/** The nearest collation that the server knows; undefined when it knows none. */
export const nearest = ({ collations }: Pick<Dialect, 'collations'>, name: string): string | undefined =>
  kinOf(name).find((one) => collations.has(one));

/** The rule by which a text's collation was replaced; undefined when it is the same one by another name. */
export function collationRule(collation: string, other: string): string | undefined {
  if (/^utf8(mb3)?_/.test(collation) && collation.replace(/^utf8(mb3)?_/, '') === other.replace(/^utf8(mb3)?_/, ''))
    return undefined;
  const spaces =
    countsSpaces(collation) === countsSpaces(other)
      ? ''
      : countsSpaces(other)
        ? ', spaces at the end count now'
        : ', spaces at the end do not count any more';
  return `Texts compare and sort by ${other} instead of ${collation}, nearly the same${spaces}`;
}

/** Gathers what can't be carried over, and by which rule the rest is. */
export class Findings {
  readonly #refused = new Map<string, Set<string>>();
  readonly #rules = new Map<string, Set<string>>();

  /** How often something was refused. */
  refusals = 0;

  /** `object`: such as `table a`. */
  refuse(object: string, why: string): void {
    this.refusals += 1;
    add(this.#refused, why, object);
  }
  /** `rule`: a sentence's beginning, the objects follow it. */
  rule(rule: string, object: string): void {
    add(this.#rules, rule, object);
  }
  get refused(): string[] {
    return inWords(this.#refused);
  }
  get rules(): string[] {
    return inWords(this.#rules);
  }
}

function add(to: Map<string, Set<string>>, key: string, object: string): void {
  to.set(key, (to.get(key) ?? new Set()).add(object));
}

const NAMED = 50;
const inWords = (all: ReadonlyMap<string, ReadonlySet<string>>): string[] =>
  [...all].map(
    ([what, objects]) =>
      `${what}: ${[...objects].slice(0, NAMED).join(', ')}${objects.size > NAMED ? `, … (${objects.size} in all)` : ''}.`,
  );
