/** A database file whose writer crashed: half a transaction is in it, and the journal that undoes it lies beside. */
import { open, rm, stat } from 'node:fs/promises';
import { NightjarError } from '../../../core/errors.ts';
import type { Taken } from './copy.ts';
import { withShell } from './shell.ts';
import type { Work } from './work.ts';

/**
 * What a writer that crashed left: the file and its journal, copied while nobody touches them, and undone in the copy. Undefined
 * where the journal is none of a crash. @throws DUMP_FAILED where only the place itself can tell what counts.
 */
export async function undone(work: Work, name: string, file: string): Promise<Taken | undefined> {
  const { place } = work;
  const [journal, copied] = [`${name}-journal`, `${file}-journal`];
  const states = async (): Promise<(string | undefined)[]> =>
    [await place.stat(name), await place.stat(journal)].map((one) => one?.state);
  const [before, takenAt] = [await states(), new Date().toISOString()];
  // It is small, and tells before the whole database is copied.
  const isHotNow = async (): Promise<boolean> => {
    try {
      await place.fetch(journal, copied);
    } catch (thrown) {
      if (thrown instanceof NightjarError && thrown.code === 'DATABASE_MISSING') return false;
      throw thrown;
    }
    return isHot(copied);
  };
  const isFromCrash = async (): Promise<boolean> => {
    if (!(await isHotNow())) return false;
    await place.fetch(name, file);
    return (await states()).every((state, index) => state === before[index]);
  };
  if (!(await isFromCrash())) {
    for (const one of [file, copied]) await rm(one, { force: true });
    return undefined;
  }
  await refuseSuper(copied, name);
  await withShell(work, file, { operation: '.backup', fallback: 'DUMP_FAILED' }, (shell) =>
    shell.ask('SELECT count(*) FROM sqlite_schema;'),
  );
  work.context.report.warn(
    'A writer had crashed and left a journal: what it had not committed is not in the backup. The next writer’s first look mends the file itself.',
  );
  return { consistency: 'transaction', takenAt };
}

/** A committed one is deleted, empty, or begins with a zero. Source: sqlite.org/fileformat2.html, The Rollback Journal. */
async function isHot(journal: string): Promise<boolean> {
  const [first] = await bytesAt(journal, 0, 1);
  return first !== undefined && first !== 0;
}

/** Ends a journal that names another file, which says whether the transaction counts. */
const SUPER = Buffer.from('d9d505f920a163d7', 'hex');
async function refuseSuper(journal: string, name: string): Promise<void> {
  const { size } = await stat(journal);
  if (size < SUPER.length || !(await bytesAt(journal, size - SUPER.length, SUPER.length)).equals(SUPER)) return;
  throw new NightjarError('DUMP_FAILED', {
    operation: 'undo what a crash left',
    detail: `A writer crashed while it committed to ${name} and other files at once; only where they lie can be told whether that counts. Open ${name} there with sqlite3 (SELECT 1 FROM sqlite_schema), which puts it in order, and back it up again.`,
  });
}

async function bytesAt(file: string, position: number, length: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
