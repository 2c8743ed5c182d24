/** Everything that is awkward about SQLite, as SQL. */

const WIDE = Array.from({ length: 300 }, (_, index) => `"column ${index}" INTEGER DEFAULT ${index}`).join(', ');

/** `zero`: text that holds a zero byte, which `.dump` loses. */
export const awkwardSql = ({ zero }: { zero: boolean }): string => `
PRAGMA page_size = 8192;
PRAGMA encoding = 'UTF-16le';
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = -77;
PRAGMA user_version = 2026;
BEGIN;
CREATE TABLE "select" (
  "from" INTEGER PRIMARY KEY AUTOINCREMENT, "a 'b' ""c""" TEXT COLLATE NOCASE, "😀" REAL, blob BLOB, anything,
  stored TEXT AS ("a 'b' ""c""" || '!') STORED, virtual AS ("😀" * 2), at TEXT DEFAULT CURRENT_TIMESTAMP,
  CHECK ("from" > 0)
);
INSERT INTO "select" ("a 'b' ""c""", "😀", blob, anything, at) VALUES
  ('plain', 1.5, x'00ff', 1, '2026-03-29T02:30:00+01:00'), (NULL, NULL, NULL, NULL, NULL),
  ('é''😀' || char(10) || '.shell false' || char(10) || 'go' || char(10) || '/', 9e999, zeroblob(70000), -9e999, '2026-10-25 02:30:00Z'),
  ('', 0.1, x'', 9223372036854775807, ''), (char(13), 1e-300, x'0d0a', -9223372036854775808, 'x'),
  ('%s \\n {}', -0.0, 'text in a blob column', 3.5, 1767225600);
DELETE FROM "select" WHERE "from" = 5;
${zero ? `INSERT INTO "select" ("a 'b' ""c""") VALUES ('before' || char(0) || 'behind');` : ''}
CREATE TABLE "with space" (a TEXT, b INTEGER, c, PRIMARY KEY (a, b)) WITHOUT ROWID;
INSERT INTO "with space" VALUES ('x', 1, NULL), ('x', 2, x'01'), ('y', 1, 'z');
CREATE TABLE strict (i INT, r REAL, t TEXT, b BLOB, a ANY) STRICT;
INSERT INTO strict VALUES (1, 1, 'a', x'00', 'any'), (NULL, NULL, NULL, NULL, NULL);
CREATE TABLE rowids (v); INSERT INTO rowids (rowid, v) VALUES (1000, 'a'), (7, 'b'), (-3, 'c');
CREATE TABLE empty (a, b);
CREATE TABLE wide (${WIDE}); INSERT INTO wide DEFAULT VALUES; INSERT INTO wide DEFAULT VALUES;
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, up REFERENCES child);
INSERT INTO parent VALUES (1, 'one'), (2, 'two'); INSERT INTO child VALUES (1, 1, 3), (2, 2, NULL), (3, NULL, 1);
CREATE TABLE big (id INTEGER PRIMARY KEY, words TEXT);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  INSERT INTO big SELECT i, hex(i * 7919) || ' ' || hex(i * 104729) FROM n;
CREATE TABLE log (what);
CREATE VIRTUAL TABLE texts USING fts5 (title, body, tokenize = 'porter');
INSERT INTO texts VALUES ('one', 'the quick brown fox'), ('two', 'jumped');
CREATE VIRTUAL TABLE contentless USING fts5 (body, content = '');
INSERT INTO contentless (rowid, body) VALUES (5, 'hidden words');
CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1, y0, y1);
INSERT INTO boxes VALUES (1, 0, 1, 0, 1), (2, 5, 6, 5, 6);
CREATE INDEX partial ON "select" ("a 'b' ""c""") WHERE "😀" > 0;
CREATE INDEX expression ON big (lower(words), id DESC);
CREATE UNIQUE INDEX collated ON parent (name COLLATE NOCASE);
CREATE VIEW "view" AS SELECT p.name, count(c.id) AS children FROM parent p LEFT JOIN child c ON c.parent = p.id GROUP BY 1;
CREATE TRIGGER logged AFTER INSERT ON parent BEGIN INSERT INTO log VALUES ('inserted ' || new.name); END;
CREATE TRIGGER instead INSTEAD OF INSERT ON "view" BEGIN INSERT INTO parent (name) VALUES (new.name); END;
COMMIT;
ANALYZE;
`;

export const DAMAGE = `
DELETE FROM big WHERE id > 100; UPDATE "select" SET "😀" = 7; INSERT INTO "with space" VALUES ('new', 9, 9);
DROP TABLE strict; DROP TRIGGER logged; INSERT INTO texts VALUES ('three', 'later'); PRAGMA user_version = 1;`;
