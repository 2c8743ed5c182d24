/** Owners and grants in the statements that pg_dump writes: given to other roles, or left out. */
import { ident } from './names.ts';

/** Old name to new. */
export type RoleMap = Readonly<Record<string, string>>;

/** What a restore does with owners and grants; both are undefined where they stay as they were. */
export interface Owners {
  readonly noOwner?: boolean | undefined;
  readonly roleMap?: RoleMap | undefined;
}

/** The same for texts that have a character for each byte of UTF-8. */
export const ofBytes = ({ noOwner, roleMap }: Owners): Owners => {
  const narrow = (name: string): string => Buffer.from(name).toString('latin1');
  return {
    noOwner,
    roleMap:
      roleMap && Object.fromEntries(Object.entries(roleMap).map(([from, to]) => [narrow(from), narrow(to)] as const)),
  };
};

export const isChanging = ({ noOwner, roleMap }: Owners): boolean =>
  noOwner === true || Object.keys(roleMap ?? {}).length > 0;

/** Statements that name roles, by how they begin. Source: pg_dump of 14 to 18. */
const NAMES_ROLES = /^\s*(ALTER|GRANT|REVOKE|CREATE POLICY|CREATE USER MAPPING|SET SESSION AUTHORIZATION)\b/;
/** Of these, what is nothing but owners and grants. */
const OWNERS_ONLY =
  /^\s*(GRANT\b|REVOKE\b|ALTER DEFAULT PRIVILEGES\b|(RE)?SET SESSION AUTHORIZATION\b|ALTER [^]* OWNER TO (?:"(?:[^"]|"")+"|[^\s"';]+)\s*;?$)/;

const TOKEN = /"(?:[^"]|"")*"|'(?:[^']|'')*'|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\s+|[^]/g;

/** The statement as it is to be run; undefined when it is to be left out. */
export function withOwners(statement: string, { noOwner, roleMap }: Owners): string | undefined {
  if (noOwner && OWNERS_ONLY.test(statement)) return undefined;
  if (!roleMap || !NAMES_ROLES.test(statement)) return statement;
  const tokens = statement.match(TOKEN) ?? [];
  for (const at of roleTokens(tokens)) tokens[at] = renamed(tokens[at]!, roleMap);
  return tokens.join('');
}

function renamed(token: string, roleMap: RoleMap): string {
  const quote = token.startsWith('"') || token.startsWith("'") ? token[0] : '';
  const name = quote ? token.slice(1, -1).replaceAll(quote + quote, quote) : token;
  const to = Object.hasOwn(roleMap, name) && (quote !== '' || token !== 'PUBLIC') ? roleMap[name]! : undefined;
  if (to === undefined) return token;
  return quote === "'" ? `'${to.replaceAll("'", "''")}'` : ident(to);
}

/** Where in the statement roles are named. */
function roleTokens(tokens: readonly string[]): number[] {
  const words = tokens.flatMap((token, at) => (/^\s/.test(token) ? [] : [{ token, at }]));
  const begins = (...expected: string[]): boolean => expected.every((word, index) => words[index]?.token === word);
  const behind = (index: number): number[] => (index >= 0 && words[index] ? [words[index].at] : []);
  const last = (...sought: string[]): number => words.findLastIndex(({ token }) => sought.includes(token));
  if (begins('ALTER', 'DEFAULT', 'PRIVILEGES'))
    return [
      ...(begins('ALTER', 'DEFAULT', 'PRIVILEGES', 'FOR', 'ROLE') ? behind(5) : []),
      ...behind(last('TO', 'FROM') + 1),
    ];
  if (begins('GRANT') || begins('REVOKE')) return behind(last('TO', 'FROM') + 1);
  if (begins('SET', 'SESSION', 'AUTHORIZATION')) return behind(3);
  if (begins('CREATE', 'USER', 'MAPPING', 'FOR')) return behind(4);
  if (begins('CREATE', 'POLICY')) return policyRoles(words);
  if (begins('ALTER', 'ROLE')) return behind(2);
  const owner = last('OWNER');
  return begins('ALTER') && owner > 0 && words[owner + 1]?.token === 'TO' ? behind(owner + 2) : [];
}

/** `CREATE POLICY name ON table [AS …] [FOR …] [TO role, …] [USING (…)] [WITH CHECK (…)]`. */
function policyRoles(words: readonly { token: string; at: number }[]): number[] {
  const to = words.findIndex(({ token }) => token === 'TO');
  const body = words.findIndex(({ token }) => token === 'USING' || token === 'WITH');
  if (to < 0 || (body >= 0 && body < to)) return [];
  const roles: number[] = [];
  for (const { token, at } of words.slice(to + 1)) {
    if (token === 'USING' || token === 'WITH' || token === ';') break;
    if (token !== ',') roles.push(at);
  }
  return roles;
}
