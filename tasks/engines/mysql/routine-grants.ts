/** Rights on single routines: the server throws them away with the routine, also when it is made again at once. */
import { NightjarError } from '../../../core/errors.ts';
import { literal, qualified } from './names.ts';
import type { CodeObject } from './objects.ts';
import { runOn } from './packages.ts';
import type { Session } from './server.ts';

export interface RoutineGrant {
  readonly kind: string;
  readonly routine: string;
  readonly user: string;
  readonly host: string;
  /** Such as `Execute,Alter Routine`. */
  readonly rights: string;
}

/** Empty where the login may not read the server's own tables. */
export async function routineGrants(session: Session, database: string): Promise<RoutineGrant[]> {
  try {
    return await session
      .rows<RoutineGrant>(
        `SELECT Routine_type AS kind, Routine_name AS routine, User AS user, Host AS host, Proc_priv AS rights
         FROM mysql.procs_priv WHERE Db = ? AND Proc_priv <> ''`,
        [database],
      )
      .then((rows) => rows.map((row) => ({ ...row })));
  } catch (thrown) {
    if (thrown instanceof NightjarError && thrown.code === 'PRIVILEGE_MISSING') return [];
    throw thrown;
  }
}

/** Grants again what was granted on these routines. Resolves with what could not be. */
export async function regrant(
  session: Session,
  database: string,
  grants: readonly RoutineGrant[],
  made: readonly CodeObject[],
): Promise<string[]> {
  const failed: string[] = [];
  for (const { kind, routine, user, host, rights } of grants) {
    if (!made.some((one) => one.kind === kind && one.name === routine)) continue;
    const names = rights.split(',').filter((right) => right !== 'Grant');
    const sql =
      `GRANT ${names.length === 0 ? 'USAGE' : names.join(', ')} ON ${kind} ${qualified(database, routine)} ` +
      `TO ${literal(user)}@${literal(host)}${rights.includes('Grant') ? ' WITH GRANT OPTION' : ''}`;
    await runOn(session, sql).catch((thrown: unknown) => {
      if (!(thrown instanceof NightjarError) || thrown.code === 'CONNECTION_LOST') throw thrown;
      failed.push(`Grant by hand, for the routine was made anew: ${sql} (${thrown.detail ?? thrown.message})`);
    });
  }
  return failed;
}
