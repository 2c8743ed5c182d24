/**
 * Of all databases of a server: views that read a database which is still to come. They lie in the restore's ledger until all are
 * back, so that an attempt that died leaves them to the next one.
 */
import { ledgerOf } from './ledger.ts';
import { literal } from './names.ts';
import { within, type Server } from './server.ts';
import { makeViews, toldMissing, type HeldView, type RunClient } from './views.ts';

export async function leaveForLater(
  server: Server,
  restoreId: string,
  database: string,
  view: HeldView,
): Promise<void> {
  await within(server, (session) =>
    session.rows(
      `REPLACE INTO ${ledgerOf(restoreId)} (kind, name, step, described)
        VALUES ('view', ${literal(`${database}.${view.name}`)}, 'begun', ?)`,
      [JSON.stringify({ database, view })],
    ),
  );
}

/** Views of one database may read those of another: once more as long as one of them comes. */
export async function makeLate(
  server: Server,
  restoreId: string,
  clientIn: (database: string) => RunClient,
): Promise<void> {
  const rows = await within(server, (session) =>
    session.rows<{ text: string }>(`SELECT described AS text FROM ${ledgerOf(restoreId)} WHERE kind = 'view'`),
  );
  const held = rows.map(({ text }) => JSON.parse(text) as { database: string; view: HeldView });
  const databases = [...new Set(held.map((one) => one.database))];
  let waiting = held.length;
  for (;;) {
    const told: string[] = [];
    for (const database of databases) {
      const own = held.filter((one) => one.database === database).map((one) => one.view);
      const left = await makeViews(server, database, own, clientIn(database));
      told.push(...left.map((one) => toldMissing(one, database)));
    }
    if (told.length === 0 || told.length === waiting) {
      const made = held.length - told.length;
      if (made > 0) server.context.report.warn(`All databases are back, and ${made} of the missing views with them.`);
      for (const text of told) server.context.report.warn(text);
      return;
    }
    waiting = told.length;
  }
}
