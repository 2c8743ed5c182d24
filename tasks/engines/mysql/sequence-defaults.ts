/**
 * Defaults that are a sequence's next number. MariaDB writes the sequence's database into them and leaves it there when tables
 * move, so such a table would look for its numbers in a database that is gone.
 */
import { numberOf } from './errors.ts';
import { ident, qualified } from './names.ts';
import { withOwnNameUnicode } from './own-name.ts';
import type { Exchange } from './plan.ts';
import type { Session } from './server.ts';
import { folds } from './tables.ts';

/**
 * Lets the defaults of this database's tables, which name the one that comes in, name the one that serves.
 * One whose sequence is not there yet is left as it is.
 */
export async function nameSequences(session: Session, names: Exchange, database: string): Promise<void> {
  const { name: to, incoming: from } = names;
  const rows = await session.rows<{ t: string; c: string; d: string }>(
    `SELECT table_name AS t, column_name AS c, column_default AS d FROM information_schema.columns
      WHERE table_schema = ? AND locate(?, column_default) > 0`,
    [database, `${ident(from)}.`],
  );
  const renaming = { from, to, anyCase: await folds(session) };
  for (const { t, c, d } of rows) {
    const text = withOwnNameUnicode(d, renaming, { typed: false });
    if (text === d) continue;
    await session
      .rows(`ALTER TABLE ${qualified(database, t)} ALTER COLUMN ${ident(c)} SET DEFAULT (${text})`)
      .catch((thrown: unknown) => {
        // 1049, 1146: it comes with the move.
        if (![1049, 1146].includes(numberOf(thrown) ?? 0)) throw thrown;
      });
  }
}
