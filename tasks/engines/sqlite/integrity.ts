/** SQLite's own check of a file on the task's disk. */
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { isAnswer, type Meaning } from './errors.ts';
import { text, withShell } from './shell.ts';
import { alive, type Work } from './work.ts';

const FAULTS = 20;

const UNKNOWN = /(no such (collation sequence|function|module)|unknown function): .*/;

/** @throws `code` with the first faults; what only the application has (a collation, a function) keeps tables from it. */
export async function checkIntegrity(work: Work, file: string, code: ErrorCode): Promise<void> {
  const meaning = { operation: 'integrity_check', fallback: code, damaged: code } as const;
  const check = async (of: string | number): Promise<void> => {
    const pragma = `PRAGMA integrity_check(${of});`;
    const found = await withShell(work, file, meaning, (shell) => alive(work, shell.ask(pragma)));
    if (found.trim() !== 'ok') throw new NightjarError(code, { operation: 'integrity_check', detail: found.trim() });
  };
  try {
    await check(FAULTS);
  } catch (thrown) {
    if (!UNKNOWN.test((thrown as Error).message)) throw thrown;
    await checkEach(work, await tablesOf(work, file, meaning), check);
  }
}

async function tablesOf(work: Work, file: string, meaning: Meaning): Promise<string[]> {
  const rows = await withShell(work, file, meaning, (shell) =>
    shell.rows<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name`),
  );
  return rows.map((one) => one.name);
}

/** One by one, so that a table that the image can't read keeps no other from being checked. */
async function checkEach(work: Work, tables: readonly string[], check: (of: string) => Promise<void>): Promise<void> {
  const left: string[] = [];
  for (const name of tables)
    await check(text(name)).catch((thrown: unknown) => {
      const unknown = UNKNOWN.exec((thrown as Error).message)?.[0];
      if (!unknown) throw thrown;
      left.push(`${name} (${unknown})`);
    });
  work.context.report.warn(
    `The image has not all that the application has, so some tables were not checked: ${left.join(', ')}.`,
  );
}

/** Rows that refer to no other are no damage: SQLite enforces foreign keys only where the application asks it to. */
export async function tellForeignKeys(work: Work, file: string): Promise<void> {
  const meaning = { operation: 'foreign_key_check', fallback: 'DUMP_FAILED' } as const;
  const rows = await withShell(work, file, meaning, (shell) =>
    alive(
      work,
      shell.rows<{ name: string; rows: number }>(
        'SELECT "table" AS name, count(*) AS "rows" FROM pragma_foreign_key_check GROUP BY 1 ORDER BY 1',
      ),
    ),
  ).catch((thrown: unknown) => {
    // Such as a parent table without the key that its child names: the application lives with it.
    if (!(thrown instanceof NightjarError) || !isAnswer(thrown)) throw thrown;
    work.context.report.warn(`Foreign keys could not be checked: ${thrown.detail ?? thrown.message}`);
    return [];
  });
  if (rows.length > 0)
    work.context.report.warn(
      `Rows whose foreign key finds nothing: ${rows.map((one) => `${one.name} ${one.rows}`).join(', ')}. They are in the backup as they are.`,
    );
}
