/**
 * Whether a login sees all that a dump is to hold. What it may not see, triggers, routines, databases, server and tool leave out
 * without a word: so it is asked for before the dump, and by the probe.
 */
import { NightjarError } from '../../../core/errors.ts';
import type { BackupScope } from '../../../core/scope.ts';
import { isServers } from './databases.ts';
import { names } from './dump-plan.ts';
import { readGrants, type Grants } from './grants.ts';
import { ident } from './names.ts';
import type { Server, Session } from './server.ts';

export interface Wanted {
  readonly database: string;
  /** Whether tables of it are locked. */
  readonly locks: boolean;
}

/** Something that a login lacks, or that can't be known, and the statement that mends it. */
export interface Lack {
  readonly what: string;
  readonly hint: string;
}

export interface Lacks {
  readonly user: string;
  /** Without these the dump would not be whole. */
  readonly needed: readonly Lack[];
  /** What can't be known: there may be more than the login sees. */
  readonly unsure: readonly Lack[];
}

const holdsCode = (scope: BackupScope): boolean => !scope.dataOnly && !scope.tables;

/** Views, routines and events belong to no table, rows alone have no triggers. */
const rightsFor = (scope: BackupScope, locks: boolean): string[] => [
  'SELECT',
  ...(holdsCode(scope) ? ['SHOW VIEW'] : []),
  ...(scope.dataOnly ? [] : ['TRIGGER']),
  ...(holdsCode(scope) ? ['EVENT'] : []),
  ...(locks ? ['LOCK TABLES'] : []),
];

export async function findLacks(server: Server, session: Session, wanted: readonly Wanted[]): Promise<Lacks> {
  const { scope = {} } = server.context.target;
  const grants = await readGrants(session);
  const needed = lackingRights(grants, wanted, scope);
  if (holdsCode(scope)) {
    const all = wanted.map((one) => one.database);
    const unseen = all.filter((database) => !seesRoutines(server, grants, database));
    const hint = routinesHint(server, grants);
    if (unseen.length > 0)
      needed.push({
        what: `${grants.user} may not see the routines of ${names(unseen)}, which would be missing in the backup.`,
        hint,
      });
    const bodiless = await unreadableRoutines(session, all);
    if (bodiless.length > 0)
      needed.push({ what: `${grants.user} can not read the bodies of ${names(bodiless)}.`, hint });
  }
  return { user: grants.user, needed, unsure: scope.allDatabases ? unseenDatabases(server, grants, wanted) : [] };
}

/** For a dump. `warn` hears of what can't be known. @throws PRIVILEGE_MISSING. */
export async function requireRights(server: Server, session: Session, wanted: readonly Wanted[]): Promise<void> {
  const { needed, unsure } = await findLacks(server, session, wanted);
  for (const { what, hint } of unsure) server.context.report.warn(`${what} ${hint}`);
  if (needed.length > 0)
    throw new NightjarError('PRIVILEGE_MISSING', {
      operation: 'look around',
      detail: needed.map(({ what, hint }) => `${what} ${hint}`).join(' '),
    });
}

/** Databases that lack the same rights are told together. */
function lackingRights(grants: Grants, wanted: readonly Wanted[], scope: BackupScope): Lack[] {
  const groups = new Map<string, string[]>();
  for (const { database, locks } of wanted) {
    const missing = rightsFor(scope, locks).filter((right) =>
      // Tables that were named are enough; of a whole database those that nobody named are to be seen too. Locks go by database.
      scope.tables && right !== 'LOCK TABLES'
        ? !scope.tables.every((table) => grants.onTable(database, table, right))
        : !grants.on(database, right),
    );
    if (missing.length > 0) groups.set(missing.join(', '), [...(groups.get(missing.join(', ')) ?? []), database]);
  }
  return [...groups].map(([rights, databases]) => ({
    what: `${grants.user} was not granted ${rights} on ${names(databases)}, so the backup would not be whole.`,
    hint: grant(grants, rights, databases.length === 1 ? `${pattern(databases[0]!)}.*` : '*.*'),
  }));
}

/** In a grant, a name is a pattern. */
export const pattern = (database: string): string => ident(database.replace(/[_%]/g, '\\$&'));
/** The statement that mends it. */
export const grant = ({ user }: Pick<Grants, 'user'>, rights: string, where: string): string =>
  `GRANT ${rights} ON ${where} TO ${user.replace(/^(.*)@(.*)$/s, "'$1'@'$2'")};`;

/** Before it had a right of its own, whoever may read the server's table of them sees all. */
export const inTable = ({ isMariadb, major }: Server): boolean => isMariadb || major < 8;

/**
 * Whether all are listed, if without their bodies. Source: MySQL 8.0 manual, 26.3.30 and SHOW CREATE PROCEDURE; MariaDB's on
 * SHOW CREATE PROCEDURE. A right to run or to change one shows that it is there.
 */
export function seesRoutines(server: Server, grants: Grants, database: string): boolean {
  if (['EXECUTE', 'CREATE ROUTINE', 'ALTER ROUTINE'].some((right) => grants.on(database, right))) return true;
  if (inTable(server)) return grants.onTable('mysql', 'proc', 'SELECT') || grants.on(database, 'SHOW CREATE ROUTINE');
  return grants.everywhereAlsoOn(database, 'SELECT') || grants.everywhere('SHOW_ROUTINE');
}

export function routinesHint(server: Server, grants: Grants): string {
  if (inTable(server)) return grant(grants, 'SELECT', 'mysql.proc');
  const [, minor = 0, patch = 0] = server.version.split('.').map(Number);
  const hasRight = server.major > 8 || minor > 0 || patch >= 20;
  return grant(grants, hasRight ? 'SHOW_ROUTINE' : 'SELECT', '*.*');
}

export async function unreadableRoutines(session: Session, databases: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const database of databases) {
    const rows = await session.rows<{ name: string }>(
      `SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema = ? AND routine_definition IS NULL
        ORDER BY routine_name`,
      [database],
    );
    found.push(...rows.map((one) => (databases.length > 1 ? `${database}.${one.name}` : one.name)));
  }
  return found;
}

/** Without a right on a database, a login does not see that it is there. */
function unseenDatabases(server: Server, grants: Grants, wanted: readonly Wanted[]): Lack[] {
  const hint = grant(grants, 'SHOW DATABASES', '*.*');
  if (!grants.everywhere('SELECT') && !grants.everywhere('SHOW DATABASES'))
    return [
      {
        what: `Databases that ${grants.user} has no right on are not seen, so not in the backup if there are any.`,
        hint,
      },
    ];
  const seen = new Set(wanted.map((one) => one.database));
  const hidden = grants.revokedOn('SELECT').filter((name) => !seen.has(name) && !isServers(server, name));
  return hidden.length === 0
    ? []
    : [{ what: `Not in the backup, because ${grants.user} may not read it: ${names(hidden)}.`, hint: '' }];
}
