/** What pg_dumpall wrote of roles and tablespaces, taken apart: what is done for a server that lacks some of it. */
import { splitStatements } from './definition.ts';
import { ident } from './names.ts';

/** What a server has already. */
export interface Present {
  readonly roles: ReadonlySet<string>;
  readonly tablespaces: ReadonlySet<string>;
}

/** One thing to be done. */
export interface Step {
  readonly sql: string;
  /** Tried where the first is refused. */
  readonly otherwise?: string;
  /** In words without secrets, for whoever reads that it could not be done. */
  readonly what: string;
}

export interface GlobalsPlan {
  readonly roles: readonly Step[];
  /** Not possible inside a transaction. */
  readonly tablespaces: readonly Step[];
  readonly made: readonly string[];
  /** Roles that were there already. */
  readonly leftAlone: readonly string[];
  /** Made, may log in, and have no password. */
  readonly withoutPassword: readonly string[];
  /** Memberships between roles that were both there already: not for us to give. */
  readonly untouched: readonly { readonly role: string; readonly member: string }[];
}

const NAME = String.raw`("(?:[^"]|"")+"|[^\s";,]+)`;
const TEXT = String.raw`'(?:[^']|'')*'`;
const match = (pattern: string, statement: string): string[] | undefined =>
  new RegExp(`^${pattern}$`, 's').exec(statement)?.slice(1);
const plain = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

/** Of CREATE ROLE without any. */
const DEFAULTS = new Set([
  'NOSUPERUSER',
  'INHERIT',
  'NOCREATEROLE',
  'NOCREATEDB',
  'NOLOGIN',
  'NOREPLICATION',
  'NOBYPASSRLS',
]);
const ATTRIBUTE = new RegExp(
  String.raw`(CONNECTION LIMIT -?\d+|(?:ENCRYPTED )?PASSWORD ${TEXT}|VALID UNTIL ${TEXT}|[A-Z]+)`,
  'gs',
);

/** Source: pg_dumpall of 14 to 18. Whatever else it says is about what is there, and is not touched. */
export function planGlobals(text: string, present: Present): GlobalsPlan {
  const statements = splitStatements(text);
  const named = statements.flatMap((one) => match(`CREATE ROLE ${NAME}`, one)?.map(plain) ?? []);
  const fresh = new Set(named.filter((name) => !present.roles.has(name)));
  const spaces = new Set<string>();
  const roles: Step[] = [];
  const tablespaces: Step[] = [];
  const canLogIn = new Set<string>();
  const hasPassword = new Set<string>();
  const untouched: { role: string; member: string }[] = [];

  const attributes = (role: string, words: string): void => {
    for (const [word] of words.matchAll(ATTRIBUTE)) {
      if (DEFAULTS.has(word) || word === 'CONNECTION LIMIT -1') continue;
      const isPassword = word.includes("PASSWORD '");
      if (isPassword) hasPassword.add(role);
      if (word === 'LOGIN') canLogIn.add(role);
      roles.push({ sql: `ALTER ROLE ${ident(role)} ${word}`, what: `${role}: ${isPassword ? 'its password' : word}` });
    }
  };
  const membership = (statement: string, role: string, member: string): void => {
    if (!fresh.has(role) && !fresh.has(member)) {
      untouched.push({ role, member });
      return;
    }
    const otherwise = statement.replace(new RegExp(` GRANTED BY ${NAME}$`), '');
    roles.push({
      sql: statement,
      ...(otherwise === statement ? {} : { otherwise }),
      what: `${member} as a member of ${role}`,
    });
  };
  const rules: readonly (readonly [string, (statement: string, found: string[]) => void])[] = [
    [
      `CREATE ROLE ${NAME}`,
      (sql, [role]) => fresh.has(plain(role!)) && roles.push({ sql, what: `the role ${plain(role!)}` }),
    ],
    [`ALTER ROLE ${NAME} WITH (.*)`, (_, [role, words]) => fresh.has(plain(role!)) && attributes(plain(role!), words!)],
    [
      `(?:ALTER ROLE|COMMENT ON ROLE|SECURITY LABEL FOR \\S+ ON ROLE) ${NAME} .*`,
      (sql, [role]) => fresh.has(plain(role!)) && roles.push({ sql, what: sql }),
    ],
    [
      `GRANT ${NAME} TO ${NAME}(?: WITH [^"']*?)?(?: GRANTED BY ${NAME})?`,
      (sql, [role, member]) => membership(sql, plain(role!), plain(member!)),
    ],
    [
      `(?:GRANT|REVOKE) .* ON PARAMETER .* (?:TO|FROM) ${NAME}(?: WITH GRANT OPTION)?`,
      (sql, [role]) => fresh.has(plain(role!)) && roles.push({ sql, what: sql }),
    ],
    [
      `CREATE TABLESPACE ${NAME} .*`,
      (sql, [name]) => {
        if (present.tablespaces.has(plain(name!))) return;
        spaces.add(plain(name!));
        tablespaces.push({ sql, what: `the tablespace ${plain(name!)}` });
      },
    ],
    [
      `(?:ALTER TABLESPACE|COMMENT ON TABLESPACE|SECURITY LABEL FOR \\S+ ON TABLESPACE|(?:GRANT|REVOKE) \\S+ ON TABLESPACE) ${NAME} .*`,
      (sql, [name]) => spaces.has(plain(name!)) && tablespaces.push({ sql, what: sql }),
    ],
  ];
  for (const statement of statements) {
    for (const [pattern, take] of rules) {
      const found = match(pattern, statement);
      if (!found) continue;
      take(statement, found);
      break;
    }
  }
  return {
    roles,
    tablespaces,
    made: [...fresh],
    leftAlone: named.filter((name) => present.roles.has(name)),
    withoutPassword: [...canLogIn].filter((role) => !hasPassword.has(role)),
    untouched,
  };
}
