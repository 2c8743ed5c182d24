/** One dump of several databases, cut into one for each: no row may go astray. */
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bodyOf, cut, shaped, type Part } from '../../../tasks/engines/mysql/shape.ts';

const HEAD = `/*M!999999\\- enable the sandbox mode */ 
-- MariaDB dump
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
`;
const TAIL = `/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;

-- Dump completed on 2026-11-21 18:50:36
`;
const marker = (name: string): string => `
--
-- Current Database: \`${name}\`
--

USE \`${name}\`;
`;
/** What looks like the next one, in a row, a comment of a table, a routine's body, a name, and a comment of the dump. */
const BODY_A = `
--
-- Table structure for table \`x
-- Current Database: \`b\`
--

CREATE TABLE \`x\` (
  \`t\` text COMMENT 'USE \`b\`;
USE \`b\`;
', \`USE b;\` int);
INSERT INTO \`x\` (\`t\`) VALUES ('
USE \`b\`;
-- Current Database: \`b\`
'),
('2');
DELIMITER ;;
CREATE DEFINER=\`root\`@\`%\` PROCEDURE \`p\`()
BEGIN
USE \`b\`;
-- USE \`b\`;
END ;;
DELIMITER ;
`;
const BODY_B = `
CREATE TABLE \`y\` (\`v\` int, \`a\` int);
INSERT INTO \`y\` (\`v\`, \`a\`) VALUES (2,1);
ALTER DATABASE \`b\` CHARACTER SET latin1 COLLATE latin1_swedish_ci ;
`;
const WHOLE = `${HEAD}${marker('a')}${BODY_A}${marker('b')}${BODY_B}${marker('c')}${TAIL}`;

const part = (database: string, more: Partial<Part> = {}): Part => ({
  database,
  generated: new Map(),
  views: Buffer.alloc(0),
  ...more,
});
const PARTS = [
  part('a', { views: Buffer.from('/* views */ SELECT 1;\n') }),
  part('b', { generated: new Map([['y', new Set(['v'])]]) }),
  part('c'),
];

async function pieces(text: string, size: number, parts = PARTS): Promise<Record<string, string>> {
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
  const found: Record<string, string> = {};
  await cut(Readable.from(chunks), parts, async ({ database }, stream) => {
    const got: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) got.push(chunk);
    found[database] = Buffer.concat(got).toString();
  });
  return found;
}

describe('cutting a dump of several databases', () => {
  it.each([1, 2, 7, 64, 100_000])(
    'gives each its own, whatever its rows look like (pieces of %i bytes)',
    async (size) => {
      const found = await pieces(WHOLE, size);
      const tail = `
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;

-- Dump completed
`;
      expect(found.a!.replaceAll(/\n+/g, '\n')).toBe(
        `${HEAD}${BODY_A}/* views */ SELECT 1;\n${tail}`.replaceAll(/\n+/g, '\n'),
      );
      expect(found.b!.replaceAll(/\n+/g, '\n')).toBe(
        `${HEAD}${BODY_B.replace('(2,1)', '(DEFAULT,1)').replace('DATABASE `b`', 'DATABASE')}${tail}`.replaceAll(
          /\n+/g,
          '\n',
        ),
      );
      expect(found.c!.replaceAll(/\n+/g, '\n')).toBe(`${HEAD}${tail}`.replaceAll(/\n+/g, '\n'));
    },
  );

  it.each([
    ['a database that nobody asked for', WHOLE.replace('\nUSE `c`;', '\nUSE `d`;'), PARTS],
    ['another order', WHOLE, [PARTS[1]!, PARTS[0]!, PARTS[2]!]],
    ['fewer databases', WHOLE, [...PARTS, part('d')]],
    ['more databases', WHOLE, PARTS.slice(0, 2)],
    ['something before the first', WHOLE.replace(marker('a'), `SELECT 1;${marker('a')}`), PARTS],
    [
      'something after its end',
      WHOLE.replace('-- Dump completed', 'INSERT INTO `y` (`v`) VALUES (3);\n-- Dump completed'),
      PARTS,
    ],
    ['no last line', WHOLE.replace(/-- Dump completed.*\n/, ''), PARTS],
    ['no end', WHOLE.slice(0, WHOLE.indexOf('(2,1)') + 2), PARTS],
    ['nothing at all', '', PARTS],
  ])('refuses one with %s', async (_what, text, parts) => {
    await expect(pieces(text, 50, parts)).rejects.toMatchObject({ code: 'READ_THROUGH_FAILED' });
  });

  it('ends with what broke the writer', async () => {
    const failing = cut(Readable.from([Buffer.from(WHOLE)]), PARTS, () => Promise.reject(new Error('no room')));
    await expect(failing).rejects.toThrow('no room');
  });
});

describe('the dump of one database', () => {
  it.each([1, 5, 100_000])('passes as it is, but for what can not be restored (pieces of %i bytes)', async (size) => {
    const text = `${HEAD}${BODY_A}${BODY_B}${TAIL}`;
    const bytes = Buffer.from(text);
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    const got: Buffer[] = [];
    const stream = shaped(Readable.from(chunks), new Map([['y', new Set(['v'])]]));
    for await (const chunk of stream as AsyncIterable<Buffer>) got.push(chunk);
    expect(Buffer.concat(got).toString()).toBe(
      text.replace('(2,1)', '(DEFAULT,1)').replace('ALTER DATABASE `b` ', 'ALTER DATABASE '),
    );
  });
  it('has a body between its settings', () => {
    expect(bodyOf(Buffer.from(`${HEAD}${BODY_B}${TAIL}`)).toString()).toContain('CREATE TABLE `y`');
    expect(bodyOf(Buffer.from(`${HEAD}${BODY_B}${TAIL}`)).toString()).not.toContain('@OLD_');
    expect(() => bodyOf(Buffer.from(`${HEAD}${BODY_B}`))).toThrow();
  });
});
