/** A shop's tills, each a SQLite file on a file system: one that is well, and one that a bad disk has damaged. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { TableHash } from './sample.ts';
import { sqlite } from './sqlite.ts';

const RECEIPTS = 3_000;
/** SQLite's default. */
const PAGE = 4_096;

const SCHEMA = `
  CREATE TABLE receipts (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, total REAL NOT NULL, signature BLOB);
  CREATE TABLE "receipt lines" (receipt REFERENCES receipts (id), line INTEGER, what, PRIMARY KEY (receipt, line)) WITHOUT ROWID;
  CREATE TABLE drawer (coin TEXT PRIMARY KEY, "count" INT);
  CREATE INDEX by_time ON receipts (at);
  CREATE TRIGGER gone AFTER DELETE ON receipts BEGIN DELETE FROM "receipt lines" WHERE receipt = old.id; END;
  CREATE VIEW takings AS SELECT date(at) AS day, sum(total) AS total FROM receipts GROUP BY 1;`;

const ROWS = `
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${RECEIPTS})
    INSERT INTO receipts (at, total, signature)
      SELECT datetime(1767225600 + i * 900, 'unixepoch'), (i * 37 % 9900) / 100.0, CAST(printf('%064x', i * 7919) AS BLOB) FROM n;
  INSERT INTO "receipt lines" SELECT id, 1, 'coffee ☕ ' || id FROM receipts;
  INSERT INTO "receipt lines" SELECT id, 2, CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN id WHEN 2 THEN id / 3.0 ELSE x'00ff' END FROM receipts;
  INSERT INTO drawer VALUES ('1 Fr.', 12), ('''', NULL), ('20 Rp.', 7);`;

/** What somebody does who wanted to tidy up. */
const DAMAGE = `
  DELETE FROM receipts WHERE id % 3 = 0;
  UPDATE "receipt lines" SET what = 'oops' WHERE line = 1;
  DROP TABLE drawer;`;

export const makeTill = (file: string): Promise<string> => sqlite(file, `BEGIN;${SCHEMA}${ROWS}COMMIT;`);

/** It opens and most of it can be read: only who checks every page sees it. */
export async function makeDamagedTill(file: string): Promise<void> {
  await makeTill(file);
  const root = Number(await sqlite(file, "SELECT rootpage FROM sqlite_schema WHERE name = 'by_time';"));
  const handle = await open(file, 'r+');
  try {
    await handle.write(Buffer.alloc(PAGE, 0xa5), 0, PAGE, (root - 1) * PAGE);
  } finally {
    await handle.close();
  }
}

export const spoilTill = (file: string): Promise<string> => sqlite(file, DAMAGE);

/** Reads every row of every table, as the literals that SQLite writes. */
export async function tillHashes(file: string): Promise<Record<string, TableHash>> {
  const names = (await sqlite(file, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1;")).split('\n');
  const result: Record<string, TableHash> = {};
  for (const name of names.filter((one) => one !== '')) {
    const ident = `"${name.replaceAll('"', '""')}"`;
    const rows = await sqlite(file, `SELECT * FROM ${ident} ORDER BY 1, 2;`, ['-quote']);
    const [count] = (await sqlite(file, `SELECT count(*) FROM ${ident};`)).split('\n');
    result[name] = { rows: Number(count), hash: createHash('sha256').update(rows).digest('hex') };
  }
  return result;
}
