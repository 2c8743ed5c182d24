/** Makes the users and roles that a server lacks, each with all of its grants or known to the ledger as unfinished. */
import { NightjarError } from '../../../core/errors.ts';
import { names } from './dump-plan.ts';
import { numberOf } from './errors.ts';
import type { Statement } from './globals-statements.ts';
import { creationOf, sayHashesInHex } from './globals.ts';
import type { Ledger } from './ledger.ts';
import { runOn } from './packages.ts';
import type { Server, Session } from './server.ts';

/** What was granted in this database, to those whom the restore has made. */
export async function grantInside(
  { context: { report } }: Server,
  session: Session,
  database: string,
  inside: readonly Statement[],
): Promise<void> {
  const failed: string[] = [];
  for (const { sql, account } of inside.filter((one) => one.database === database))
    await ran(session, sql, account, failed);
  if (failed.length > 0) report.warn(`Grants that could not be made: ${names(failed)}.`);
}

/** Resolves with whom this restore, or an unfinished one of the same backup, has made. */
export async function makeMissing(
  server: Server,
  session: Session,
  ledger: Ledger,
  statements: readonly Statement[],
): Promise<ReadonlySet<string>> {
  const { report } = server.context;
  const there: string[] = [];
  const failed: string[] = [];
  const locked: string[] = [];
  const ungranted = new Map<string, string>();
  const made = new Set<string>();
  await sayHashesInHex(session);
  for (const { sql, account } of statements.filter((one) => one.kind === 'create')) {
    const looks = async (): Promise<string> =>
      (await creationOf(server, session, account, sql.startsWith('CREATE ROLE ')))?.create ?? '';
    if (await isThere(session, account)) {
      const before = ledger.find('account', account);
      const now = await looks();
      // Somebody may have made it anew, or altered it: then it is theirs.
      if (!before || now === '' || now !== (before.step === 'begun' ? sql : before.as)) {
        there.push(account);
        continue;
      }
      if (before.step !== 'done') ungranted.set(account, now);
    } else {
      await ledger.write(session, 'account', account, { step: 'begun', as: '' });
      if (!(await ran(session, sql, account, failed))) continue;
      const now = await looks();
      await ledger.write(session, 'account', account, { step: 'made', as: now });
      ungranted.set(account, now);
    }
    made.add(account);
    if (!/ IDENTIFIED |^CREATE ROLE /.test(sql)) locked.push(account);
  }
  for (const { sql, account, kind, database } of statements)
    if (kind === 'grant' && database === undefined && ungranted.has(account)) await ran(session, sql, account, failed);
  for (const [account, as] of ungranted) await ledger.write(session, 'account', account, { step: 'done', as });
  if (there.length > 0) report.warn(`Users and roles that were there already were left as they are: ${names(there)}.`);
  if (locked.length > 0) report.warn(`Users that have no password: ${names(locked)}.`);
  if (failed.length > 0) report.warn(`Users and grants that could not be made: ${names(failed)}.`);
  return made;
}

/** SHOW GRANTS says 1141 of whoever is not there; for whom nothing was granted it says that in a row. */
async function isThere(session: Session, account: string): Promise<boolean> {
  try {
    await session.rows(`SHOW GRANTS FOR ${account}`);
    return true;
  } catch (thrown) {
    if (numberOf(thrown) === 1141 || numberOf(thrown) === 1133) return false;
    throw thrown;
  }
}

/** What the server says of a statement may hold its password's hash: its number tells enough. */
async function ran(session: Session, sql: string, account: string, failed: string[]): Promise<boolean> {
  try {
    await runOn(session, sql);
    return true;
  } catch (thrown) {
    const number = numberOf(thrown);
    if (!(thrown instanceof NightjarError) || number === undefined || thrown.code === 'CONNECTION_LOST') throw thrown;
    failed.push(`${sql.startsWith('GRANT') ? 'a grant of ' : ''}${account} (error ${number})`);
    return false;
  }
}
