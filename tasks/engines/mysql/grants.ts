/** What a login was granted, in the server's own words. */
import type { Session } from './server.ts';

interface Grant {
  readonly revoked: boolean;
  readonly rights: ReadonlySet<string>;
  /** A pattern, as LIKE has them; undefined: everywhere. */
  readonly database: string | undefined;
  /** Undefined: all of them. */
  readonly table: string | undefined;
  /** The login, or a role of its that is in use. */
  readonly to: string;
}

const NAME = '`(?:[^`]|``)*`';
const PART = `(?:${NAME}|'(?:[^'\\\\]|''|\\\\.)*')`;
/** Those on routines and for proxies say something else behind ON. */
const LINE = new RegExp(
  `^(GRANT|REVOKE) ((?:${NAME}|[^\`])*?) ON (?:\\*\\.\\*|(${NAME})\\.(?:\\*|(${NAME}))) (?:TO|FROM) (${PART}(?:@${PART})?|PUBLIC)`,
);
const bare = (quoted: string | undefined): string | undefined => quoted?.slice(1, -1).replaceAll('``', '`');

/** Rights on some columns of a table are left out: they are none on the table. Undefined of a line that is about no tables. */
export function parseGrant(line: string): Grant | undefined {
  const found = LINE.exec(line);
  if (!found) return undefined;
  const [, verb, rights, database, table, to] = found;
  const named = rights!.split(/,(?![^(]*\))/).map((one) => one.trim());
  return {
    revoked: verb === 'REVOKE',
    rights: new Set(named.filter((one) => !one.includes('('))),
    database: bare(database),
    table: bare(table),
    to: to!,
  };
}

const has = ({ rights }: Grant, right: string): boolean => rights.has(right) || rights.has('ALL PRIVILEGES');

/** Where a pattern's first wildcard is: what the server sorts by. */
const plainTo = (pattern: string): number => {
  const at = pattern.replace(/\\./gs, 'xx').search(/[_%]/);
  return at < 0 ? Infinity : at;
};

export class Grants {
  /** As `CURRENT_USER()` says it: `nightjar@%`. */
  readonly user: string;
  readonly #all: readonly Grant[];
  readonly #flags: string;

  /** @param anyCase whether the server takes names of databases and tables for equal whose cases differ. */
  constructor(user: string, lines: readonly string[], anyCase = false) {
    this.user = user;
    this.#all = lines.map(parseGrant).filter((one) => one !== undefined);
    this.#flags = anyCase ? 'isu' : 'su';
  }

  /** On every database there is and will be, but for those that it was taken away on. */
  everywhere(right: string): boolean {
    return this.#all.some((one) => !one.revoked && one.database === undefined && has(one, right));
  }

  /** Databases that a right on everything was taken away on (MySQL's partial revokes). */
  revokedOn(right: string): string[] {
    return this.#all.filter((one) => one.revoked && has(one, right)).flatMap(({ database }) => database ?? []);
  }

  everywhereAlsoOn(database: string, right: string): boolean {
    return this.everywhere(right) && !this.revokedOn(right).some((name) => this.#matches(name, database));
  }

  /** On all of a database. */
  on(database: string, right: string): boolean {
    if (this.everywhereAlsoOn(database, right)) return true;
    // Of several patterns that match, a server takes the most specific one, and that alone: for a user, and for each role.
    const best = new Map<string, Grant[]>();
    for (const one of this.#all) {
      if (one.revoked || one.table !== undefined || one.database === undefined) continue;
      if (!this.#matches(one.database, database)) continue;
      const rank = plainTo(one.database);
      const known = best.get(one.to);
      const before = known === undefined ? -1 : plainTo(known[0]!.database!);
      if (rank > before) best.set(one.to, [one]);
      else if (rank === before) known!.push(one);
    }
    return [...best.values()].flat().some((one) => has(one, right));
  }

  onTable(database: string, table: string, right: string): boolean {
    const same = (one: string, other: string): boolean =>
      one === other || (this.#flags.includes('i') && one.toLowerCase() === other.toLowerCase());
    return (
      this.on(database, right) ||
      this.#all.some(
        (one) =>
          !one.revoked &&
          one.table !== undefined &&
          same(one.table, table) &&
          same(one.database!, database) &&
          has(one, right),
      )
    );
  }

  #matches(pattern: string, database: string): boolean {
    const regex = [...pattern.matchAll(/\\(.)|([\s\S])/gu)].map(([, escaped, plain]) =>
      plain === '_' ? '.' : plain === '%' ? '.*' : (escaped ?? plain!).replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&'),
    );
    return new RegExp(`^${regex.join('')}$`, this.#flags).test(database);
  }
}

/** Of the session's login, with the roles that are in use. */
export async function readGrants(session: Session): Promise<Grants> {
  const { user, folded } = await session.row<{ user: string; folded: number | string }>(
    'SELECT CURRENT_USER() AS user, @@lower_case_table_names AS folded',
  );
  const rows = await session.rows<Record<string, string>>('SHOW GRANTS');
  return new Grants(
    user,
    rows.flatMap((row) => Object.values(row)),
    Number(folded) !== 0,
  );
}
