/** The reader of dumps: what it counts is what a backup's fingerprint rests on. */
import { describe, expect, it } from 'vitest';
import { DumpLexer } from '../../../tasks/engines/mysql/dump-lexer.ts';
import { asleep, definerOf, statementOf, withDefiner } from '../../../tasks/engines/mysql/dump-statements.ts';
import { DumpReader } from '../../../tasks/engines/mysql/read-through.ts';
import { select } from '../../../tasks/engines/mysql/selection.ts';

const DUMP = `/*M!999999\\- enable the sandbox mode */ 
-- MariaDB dump; it's a comment
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE \`a;\`\`'\` (
  \`x\` int COMMENT 'it''s; \\\\',
  \`y\` int
);
/*!40000 ALTER TABLE \`a;\`\`'\` DISABLE KEYS */;
INSERT INTO \`a;\`\`'\` (\`x VALUES (\`, \`y\`, \`z\`) VALUES (1,'),(2,\\'x\\\\',3),
(2,NULL,0x00FF),
(3,';\\nINSERT INTO \`b\` VALUES (1);\\n-- Dump completed','');
INSERT INTO \`a;\`\`'\` (\`x VALUES (\`, \`y\`, \`z\`) VALUES (4,'',1);
/*!40000 ALTER TABLE \`a;\`\`'\` ENABLE KEYS */;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=\`root\`@\`%\`*/ /*!50003 TRIGGER tr AFTER INSERT ON a FOR EACH ROW BEGIN /* it's; */ SET @a = ';'; -- don't;;
SET @b = 1; END
*/;;
DELIMITER ;
CREATE TABLE \`b\` (\`x\` int);
INSERT INTO \`b\` (\`x\`) VALUES (1);
DELIMITER ;;
/*!50106 CREATE*/ /*!50117 DEFINER=\`o'x\`@\`localhost\`*/ /*!50106 EVENT \`e\` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION NOT PRESERVE ENABLE DO SELECT 1
*/ ;;
CREATE DEFINER=\`root\`@\`%\` PROCEDURE \`p\`()
SELECT ';' ;;
DELIMITER ;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=\`root\`@\`%\` SQL SECURITY DEFINER */
/*!50001 VIEW \`v\` AS select 'x;\\n' AS \`y\` */;

-- Dump completed on 2026-11-21 15:54:47
`;
const A = "a;`'";

/** In pieces of so many bytes: no border may matter. */
async function read(text: string, size: number): Promise<DumpReader> {
  const reader = new DumpReader();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) await reader.write(bytes.subarray(at, at + size));
  await reader.end();
  return reader;
}
function filtered(text: string, job: Parameters<typeof select>[0], size = 7): string {
  const out: Buffer[] = [];
  const { handler } = select(job, { from: 'shop', to: 'copy', anyCase: false });
  const lexer = new DumpLexer({ ...handler, pass: (piece) => void out.push(piece) });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) lexer.push(bytes.subarray(at, at + size));
  out.push(lexer.rest());
  return Buffer.concat(out).toString();
}

describe('reading a dump', () => {
  it.each([1, 2, 3, 5, 64, 100_000])('counts every row, wherever the stream is cut (%i bytes)', async (size) => {
    const { contents } = await read(DUMP, size);
    expect([...contents.rows]).toEqual([
      [A, 4],
      ['b', 1],
    ]);
    expect([...contents.created]).toEqual([A, 'b']);
    expect([...contents.definers].sort()).toEqual(["o'x@localhost", 'root@%']);
  });

  it.each([
    ['its last line', DUMP.replace(/-- Dump completed on.*\n/, '')],
    ['the end of its rows', DUMP.slice(0, DUMP.indexOf('(2,NULL'))],
    ['the end of a string', DUMP.slice(0, DUMP.indexOf("x\\\\'"))],
    ['the end of a definition', DUMP.slice(0, DUMP.indexOf('PROCEDURE'))],
  ])('refuses one that has lost %s', async (_what, text) => {
    await expect(read(text, 64)).rejects.toMatchObject({ code: 'READ_THROUGH_FAILED' });
  });

  it('refuses rows between which something else stands', async () => {
    await expect(read(DUMP.replace('\n(2,NULL', '\nx(2,NULL'), 64)).rejects.toMatchObject({
      code: 'READ_THROUGH_FAILED',
    });
  });

  it.each([1, 3, 1_000])('writes values of generated columns as DEFAULT, and nothing else (%i bytes)', (size) => {
    const out: Buffer[] = [];
    const lexer = new DumpLexer({
      statement: (text) => text,
      comment: (text) => text,
      rows: (table, columns) => new Set(table === A ? [0, columns.indexOf('z')] : []),
      rowsEnd: () => undefined,
      pass: (piece) => void out.push(piece),
    });
    const bytes = Buffer.from(DUMP);
    for (let at = 0; at < bytes.length; at += size) lexer.push(bytes.subarray(at, at + size));
    out.push(lexer.rest());
    expect(Buffer.concat(out).toString()).toBe(
      DUMP.replace("(1,'),(2,\\'x\\\\',3)", "(DEFAULT,'),(2,\\'x\\\\',DEFAULT)")
        .replace('(2,NULL,0x00FF)', '(DEFAULT,NULL,DEFAULT)')
        .replace(/\(3,(';.*?'),''\)/s, '(DEFAULT,$1,DEFAULT)')
        .replace("(4,'',1)", "(DEFAULT,'',DEFAULT)"),
    );
  });
});

describe('narrowing a dump', () => {
  it('passes all of it on, with its events asleep', () => {
    expect(filtered(DUMP, {})).toBe(DUMP.replace('NOT PRESERVE ENABLE', 'NOT PRESERVE DISABLE'));
  });
  it('brings one table with its rows and triggers, and nothing of the others', () => {
    const one = filtered(DUMP, { scope: { tables: [A] } });
    expect(one).toContain('TRIGGER tr');
    expect(one).toContain("(4,'',1)");
    for (const other of ['`b`', 'EVENT', 'PROCEDURE', 'VIEW'])
      expect(one.replace('INSERT INTO `b` VALUES (1)', '')).not.toContain(other);
    expect(filtered(DUMP, { scope: { tables: ['b'] } })).not.toContain('TRIGGER');
  });
  it('brings every definition and no row', () => {
    const bare = filtered(DUMP, { scope: { schemaOnly: true } });
    expect(bare).not.toContain('INSERT INTO');
    for (const word of ['CREATE TABLE `b`', 'TRIGGER', 'EVENT', 'PROCEDURE', 'VIEW']) expect(bare).toContain(word);
  });
  it('gives views, triggers, routines and events another definer, or none', () => {
    const mapped = filtered(DUMP, { roleMap: { 'root@%': 'app`x@10.0.0.%' } });
    expect(mapped.match(/DEFINER=`app``x`@`10\.0\.0\.%`/g)).toHaveLength(3);
    expect(mapped).toContain("DEFINER=`o'x`@`localhost`");
    const bare = filtered(DUMP, { noOwner: true });
    expect(bare).not.toContain('DEFINER=');
    expect(bare).toContain('CREATE PROCEDURE `p`()');
    expect(bare).toContain('/*!50013 SQL SECURITY DEFINER */');
  });
});

describe('statements of a dump', () => {
  it.each([
    ['CREATE TABLE `a``b` (', 'table', 'a`b'],
    ['/*!50001 CREATE VIEW `v` AS SELECT\n NULL AS `id` */;', 'placeholder', 'v'],
    ['/*!50001 DROP VIEW IF EXISTS `v`*/;', 'view', 'v'],
    ['/*!40101 SET NAMES utf8mb4 */;', 'setting', undefined],
    ['CREATE SEQUENCE `s` start with 1;', 'sequence', 's'],
  ])('%s', (text, kind, name) => {
    expect(statementOf(text)).toEqual({ kind, name });
  });
  it('knows a definer without a host, as roles are', () => {
    expect(definerOf('CREATE DEFINER=`auditors` PROCEDURE')).toBe('auditors');
    expect(withDefiner('CREATE DEFINER=`auditors` PROCEDURE', 'x@%')).toBe('CREATE DEFINER=`x`@`%` PROCEDURE');
  });
  it('leaves an event alone that does not run anyway', () => {
    expect(asleep('EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE DO SELECT 1')).toBeUndefined();
  });
});
