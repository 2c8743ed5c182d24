/** What pg_dumpall wrote of roles and tablespaces, taken apart: what is done for a server that lacks some of it. */
import { splitStatements } from './definition.ts';
import { aliasDatabase } from '../../../core/names.ts';
import { ident } from './names.ts';

/** What a server has already. */
export interface Present {
  readonly roles: ReadonlySet<string>;
  /** By name, where each lies; '' of the server's own. */
  readonly tablespaces: ReadonlyMap<string, string>;
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
  readonly tablespaces: readonly TablespacePlan[];
  readonly made: readonly string[];
  /** Roles that were there already. */
  readonly leftAlone: readonly string[];
  /** Made, may log in, and have no password. */
  readonly withoutPassword: readonly string[];
  /** Memberships between roles that were both there already: not for us to give. */
  readonly untouched: readonly { readonly role: string; readonly member: string }[];
  /** Tablespaces that were there already. */
  readonly spacesLeftAlone: readonly string[];
}

/** Made outside of a transaction, so under a working name: under its own it has all that is its own. */
export interface TablespacePlan {
  readonly name: string;
  readonly working: string;
  /** Undefined: a restore that died has made it. */
  readonly create: Step | undefined;
  /** To its own name; the others are in the same transaction. */
  readonly rename: Step;
  readonly steps: readonly Step[];
}

const NAME = String.raw`("(?:[^"]|"")+"|[^\s";,]+)`;
const TEXT = String.raw`'(?:[^']|'')*'`;
const match = (pattern: string, statement: string): string[] | undefined =>
  new RegExp(`^${pattern}$`, 's').exec(statement)?.slice(1);
const plain = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

const plainText = (text: string): string => {
  const inside = text.replace(/^ ?E?'|'$/g, '').replaceAll("''", "'");
  return text.trimStart().startsWith('E') ? inside.replaceAll('\\\\', '\\') : inside;
};

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

/** The working name that a restore gave it which died, this one or another; it must lie where it is to lie. */
const begunBefore = (name: string, location: string, { tablespaces }: Present): string | undefined =>
  [...tablespaces].find(([one, where]) => {
    const id = /_nj_([0-9a-z]{10})$/.exec(one)?.[1];
    return id !== undefined && aliasDatabase(name, id) === one && where === location;
  })?.[0];

/** Source: pg_dumpall of 14 to 18. Whatever else it says is about what is there, and is not touched. */
export function planGlobals(text: string, present: Present, restoreId: string): GlobalsPlan {
  const statements = splitStatements(text);
  const named = statements.flatMap((one) => match(`CREATE ROLE ${NAME}`, one)?.map(plain) ?? []);
  const fresh = new Set(named.filter((name) => !present.roles.has(name)));
  const spaces = new Map<string, TablespacePlan & { readonly steps: Step[] }>();
  const spacesLeftAlone: string[] = [];
  const roles: Step[] = [];
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
      `CREATE TABLESPACE ${NAME} (.*?LOCATION ( ?E?${TEXT}))`,
      (_, [quoted, rest, location]) => {
        const name = plain(quoted!);
        if (present.tablespaces.has(name)) return void spacesLeftAlone.push(name);
        const before = begunBefore(name, plainText(location!), present);
        const working = before ?? aliasDatabase(name, restoreId);
        const what = `the tablespace ${name}`;
        const create = before === undefined ? { sql: `CREATE TABLESPACE ${ident(working)} ${rest!}`, what } : undefined;
        const rename = { sql: `ALTER TABLESPACE ${ident(working)} RENAME TO ${ident(name)}`, what };
        spaces.set(name, { name, working, create, rename, steps: [] });
      },
    ],
    [
      `(?:ALTER TABLESPACE|COMMENT ON TABLESPACE|SECURITY LABEL FOR \\S+ ON TABLESPACE|(?:GRANT|REVOKE) \\S+ ON TABLESPACE) ${NAME} .*`,
      (sql, [name]) => spaces.get(plain(name!))?.steps.push({ sql, what: sql }),
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
    tablespaces: [...spaces.values()],
    made: [...fresh],
    leftAlone: named.filter((name) => present.roles.has(name)),
    withoutPassword: [...canLogIn].filter((role) => !hasPassword.has(role)),
    untouched,
    spacesLeftAlone,
  };
}
