/**
 * Users, roles and what they were granted: as the SQL that makes them, in the server's own words. Passwords are hashes, which a
 * server tells whoever may read its `mysql` database.
 */
import { NightjarError } from '../../../core/errors.ts';
import type { DumpSink } from '../../engine.ts';
import { strictOutlet } from '../../pipes/pipes.ts';
import { names } from './dump-plan.ts';
import { numberOf } from './errors.ts';
import { account, ident } from './names.ts';
import { within, type Server, type Session } from './server.ts';

const FILE = 'globals.sql';
/** Of the servers, of RDS and Aurora, of Azure and of Google: made with the server, and nobody else's affair. */
const NOT_OURS =
  /^(?:mysql\.(?:sys|session|infoschema)|mariadb\.sys|PUBLIC|rds(?:admin|repladmin|topmgr|_superuser_role|proxyadmin|_.*)|AWS_[A-Z0-9_]+|azure_superuser|azure_\w+|cloudsql\w*)$/;

interface Account {
  readonly user: string;
  readonly host: string;
  readonly isRole: boolean;
}

const quoted = ({ user, host, isRole }: Account): string => (isRole ? ident(user) : `${ident(user)}@${ident(host)}`);

/** Where they may not be read that is said, and nothing is written. */
export async function dumpGlobals(server: Server, sink: DumpSink): Promise<void> {
  const { report } = server.context;
  report.phase('dumping users');
  const text = await within(server, (session) => globalsOf(server, session));
  if (text === undefined) return;
  const outlet = strictOutlet(sink.open('globals', FILE));
  await outlet.write(Buffer.from(text));
  await outlet.end();
}

async function globalsOf(server: Server, session: Session): Promise<string | undefined> {
  const { report } = server.context;
  let accounts: Account[];
  try {
    accounts = await accountsOf(server, session);
  } catch (thrown) {
    if (!isDenied(thrown)) throw thrown;
    report.warn(
      `Users, roles and grants are not in the backup: ${thrown.detail ?? thrown.message} GRANT SELECT ON mysql.* to the login.`,
    );
    return undefined;
  }
  await sayHashesInHex(session);
  const made: string[] = [];
  const granted: string[] = [];
  const bare: string[] = [];
  const unused: string[] = [];
  for (const one of accounts) {
    const known = await creationOf(server, session, quoted(one), one.isRole);
    if (known === undefined) {
      unused.push(account(one.user, one.host));
      continue;
    }
    const { create, after } = known;
    if (create === undefined) bare.push(account(one.user, one.host));
    made.push(create ?? `CREATE USER IF NOT EXISTS ${quoted(one)} ACCOUNT LOCK`);
    granted.push(...(await grantsOf(session, one)), ...after);
  }
  if (unused.length > 0)
    report.warn(
      `Users that the server itself does not know as it runs, such as those of a host by name: ${names(unused)}.`,
    );
  if (bare.length > 0)
    report.warn(
      `Users without password and grants, which the login may not read: ${names(bare)}. GRANT SELECT ON mysql.* to it.`,
    );
  const head = `-- Users of ${server.isMariadb ? 'MariaDB' : 'MySQL'} ${server.version}, made by Nightjar\n`;
  return `${head}${[...made, ...granted].map((sql) => `${sql};\n`).join('')}`;
}

/** Since 8.0.17; before that a hash may hold any character. */
export const sayHashesInHex = async (session: Session): Promise<void> =>
  void (await session.rows('SET SESSION print_identified_with_as_hex = ON').catch((thrown: unknown) => {
    if (numberOf(thrown) !== 1193) throw thrown;
  }));

async function accountsOf({ isMariadb }: Server, session: Session): Promise<Account[]> {
  const rows = await session.rows<{ user: string; host: string; role: string }>(
    `SELECT User AS user, Host AS host, ${isMariadb ? 'is_role' : `'N'`} AS role FROM mysql.user ORDER BY role DESC, user, host`,
  );
  return rows
    .map(({ user, host, role }) => ({ user: String(user), host: String(host), isRole: role === 'Y' }))
    .filter((one) => !NOT_OURS.test(one.user));
}

/** `create`: undefined where it may not be read. `after`: what needs the others to be there. Undefined of nobody. */
export async function creationOf(
  { isMariadb }: Server,
  session: Session,
  who: string,
  isRole: boolean,
): Promise<{ create: string | undefined; after: string[] } | undefined> {
  if (isRole) return { create: `CREATE ROLE IF NOT EXISTS ${who}`, after: [] };
  let row: Record<string, string>;
  try {
    row = await session.row<Record<string, string>>(`SHOW CREATE USER ${who}`);
  } catch (thrown) {
    if (isDenied(thrown)) return { create: undefined, after: [] };
    // 1133, 1141, 1396: in the table, but not among those who may come in.
    if ([1133, 1141, 1396].includes(numberOf(thrown) ?? 0)) return undefined;
    throw thrown;
  }
  const text = Object.values(row)[0]!;
  const create = text.replace(/^CREATE USER (?!IF NOT EXISTS)/, 'CREATE USER IF NOT EXISTS ');
  if (isMariadb) return { create, after: [] };
  // MySQL wants the role to be there already. It stands between the password and REQUIRE.
  const role = / DEFAULT ROLE ((?:`(?:[^`]|``)*`@`(?:[^`]|``)*`,?)+)(?= REQUIRE )/.exec(create);
  if (!role) return { create, after: [] };
  return { create: create.replace(role[0], ''), after: [`SET DEFAULT ROLE ${role[1]!} TO ${who}`] };
}

/** The grant of a role comes before the default that needs it. */
async function grantsOf(session: Session, one: Account): Promise<string[]> {
  const rows = await session.rows<Record<string, string>>(`SHOW GRANTS FOR ${quoted(one)}`).catch((thrown: unknown) => {
    // 1141: nothing was granted.
    if (!isDenied(thrown) && numberOf(thrown) !== 1141) throw thrown;
    return [];
  });
  return rows.map((row) => Object.values(row)[0]!);
}

const isDenied = (thrown: unknown): thrown is NightjarError =>
  thrown instanceof NightjarError && thrown.code === 'PRIVILEGE_MISSING';
