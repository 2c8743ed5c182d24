/** SQLite's own check of a file on the task's disk. */
import { NightjarError, type ErrorCode } from '../../../core/errors.ts';
import { withShell } from './shell.ts';
import { alive, type Work } from './work.ts';

const FAULTS = 20;

/** @throws `code` with the first faults; what the application alone knows (a collation, a function) is told. */
export async function checkIntegrity(work: Work, file: string, code: ErrorCode): Promise<void> {
  const meaning = { operation: 'integrity_check', fallback: code, damaged: code } as const;
  const faults = async (pragma: string): Promise<string> =>
    withShell(work, file, meaning, async (shell) =>
      (await alive(work, shell.ask(`PRAGMA ${pragma}(${FAULTS});`))).trim(),
    );
  let found: string;
  try {
    found = await faults('integrity_check');
  } catch (thrown) {
    const unknown = /no such (collation sequence|function|module): .*/.exec(String((thrown as Error).message))?.[0];
    if (!unknown) throw thrown;
    work.context.report.warn(
      `Only the quick check was possible, which leaves indexes out: the image has not what the application has (${unknown}).`,
    );
    found = await faults('quick_check');
  }
  if (found !== 'ok') throw new NightjarError(code, { operation: 'integrity_check', detail: found });
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
    if (!(thrown instanceof NightjarError) || thrown.code !== 'DUMP_FAILED') throw thrown;
    work.context.report.warn(`Foreign keys could not be checked: ${thrown.detail ?? thrown.message}`);
    return [];
  });
  if (rows.length > 0)
    work.context.report.warn(
      `Rows whose foreign key finds nothing: ${rows.map((one) => `${one.name} ${one.rows}`).join(', ')}. They are in the backup as they are.`,
    );
}
