/** What of the one kind of server is told to the other, and how: definitions that no server here can make are among them. */
import { describe, expect, it } from 'vitest';
import { kinOf } from '../../../tasks/engines/mysql/migrate/collations.ts';
import { Findings, type Dialect } from '../../../tasks/engines/mysql/migrate/dialect.ts';
import { textOf, tokensOf } from '../../../tasks/engines/mysql/tokens.ts';
import { translate } from '../../../tasks/engines/mysql/migrate/translate.ts';
import { isNewerThan } from '../../../tasks/engines/mysql/probe.ts';

const dialect = (isMariadb: boolean, version: number): Dialect => ({
  isMariadb,
  version,
  collations: new Set([
    'utf8mb4_general_ci',
    'utf8mb4_bin',
    'latin1_swedish_ci',
    isMariadb ? 'utf8mb4_uca1400_nopad_ai_ci' : 'utf8mb4_0900_ai_ci',
  ]),
  engines: new Set(['INNODB', 'MYISAM']),
});
const MARIADB = dialect(true, 101_119);
const MYSQL = dialect(false, 80_042);

function told(text: string, to: Dialect): { text: string; rules: string; refused: string } {
  const findings = new Findings();
  const translated = translate(text, to, findings);
  return { text: translated, rules: findings.rules.join(' '), refused: findings.refused.join(' ') };
}
const table = (columns: string, options = 'ENGINE=InnoDB DEFAULT CHARSET=latin1'): string =>
  `CREATE TABLE \`t\` (\n  ${columns}\n) ${options};`;

describe('from MySQL to MariaDB', () => {
  it.each([
    ['`a` int DEFAULT NULL /*!80023 INVISIBLE */', '`a` int DEFAULT NULL INVISIBLE', ''],
    ['`a` int,\n  KEY `k` (`a`) /*!80000 INVISIBLE */', '`a` int,\n  KEY `k` (`a`) IGNORED', ''],
    ['`p` point NOT NULL /*!80003 SRID 4326 */', '`p` point NOT NULL', 'no `SRID`'],
    ['`a` int,\n  CONSTRAINT `c` CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */', '`a` int', 'not enforced'],
    ["`s` text COMMENT '/*!80023 INVISIBLE */, NOT NULL'", "`s` text COMMENT '/*!80023 INVISIBLE */, NOT NULL'", ''],
    [
      "`v` int GENERATED ALWAYS AS (concat(_utf8mb4'x\\'')) STORED NOT NULL COMMENT 'x'",
      "`v` int GENERATED ALWAYS AS (concat('x\\'')) STORED  COMMENT 'x'",
      'no NOT NULL on computed columns',
    ],
  ])('%s', (columns, expected, rule) => {
    const { text, rules, refused } = told(table(columns), MARIADB);
    expect(text).toBe(table(expected));
    expect(rules).toContain(rule);
    if (rule === '') expect(rules).toBe('');
    expect(refused).toBe('');
  });
  it('leaves encryption and other things of storage out, and says so', () => {
    const { text, rules } = told(
      table('`a` int', "ENGINE=InnoDB DEFAULT CHARSET=latin1 COMPRESSION='zlib' /*!80016 ENCRYPTION='Y' */"),
      MARIADB,
    );
    expect(text).not.toMatch(/COMPRESSION|ENCRYPTION/);
    expect(rules).toContain('COMPRESSION');
    expect(rules).toContain('ENCRYPTION');
  });
  it('refuses indexes on expressions, and engines that the server lacks', () => {
    expect(told(table('`a` int,\n  KEY `k` ((`a` + 1))'), MARIADB).refused).toContain('index on an expression');
    expect(told(table('`a` int', 'ENGINE=ndbcluster'), MARIADB).refused).toContain(
      'no storage engine ndbcluster: table t',
    );
    expect(told(table('`a` int,\n  KEY `k` (`a`(10),`b` DESC)'), MARIADB).refused).toBe('');
  });
});

describe('from MariaDB to MySQL', () => {
  it.each([
    ['`a` int INVISIBLE DEFAULT 7', '`a` int INVISIBLE DEFAULT 7', ''],
    ['`u` varchar(40) DEFAULT uuid()', '`u` varchar(40) DEFAULT (uuid())', ''],
    ["`x` varchar(9) DEFAULT concat('a',')') COMMENT 'c'", "`x` varchar(9) DEFAULT (concat('a',')')) COMMENT 'c'", ''],
    ["`t` text DEFAULT 'x,)'", "`t` text DEFAULT ('x,)')", ''],
    ['`t` text DEFAULT NULL', '`t` text DEFAULT NULL', ''],
    ['`n` int DEFAULT -1', '`n` int DEFAULT -1', ''],
    [
      '`d` datetime DEFAULT current_timestamp() ON UPDATE current_timestamp()',
      '`d` datetime DEFAULT current_timestamp() ON UPDATE current_timestamp()',
      '',
    ],
    ['`u` uuid DEFAULT uuid()', '`u` char(36) CHARACTER SET ascii DEFAULT (uuid())', 'no type uuid'],
    ['`a` int,\n  KEY `k` (`a`) IGNORED', '`a` int,\n  KEY `k` (`a`) INVISIBLE', ''],
    ['`t` text CHARACTER SET utf8mb4', '`t` text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci', ''],
  ])('%s', (columns, expected, rule) => {
    const { text, rules, refused } = told(table(columns), MYSQL);
    expect(text).toBe(table(expected));
    expect(rules).toContain(rule);
    if (rule === '') expect(rules).toBe('');
    expect(refused).toBe('');
  });
  it('knows what older servers lack', () => {
    const old = dialect(false, 80_012);
    expect(told(table('`u` varchar(40) DEFAULT uuid()'), old).refused).toContain('before 8.0.13');
    expect(told(table('`a` int CHECK (`a` > 0)'), old).rules).toContain('before 8.0.16');
    const visible = told(table('`a` int INVISIBLE'), old);
    expect([visible.text.includes('INVISIBLE'), visible.rules]).toEqual([
      false,
      expect.stringContaining('made visible'),
    ]);
  });
  it('takes modes away that the server does not know, and says which matter', () => {
    const set =
      "/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,EMPTY_STRING_IS_NULL' */ ;";
    const { text, rules } = told(set, MYSQL);
    expect(text).toBe("/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES' */ ;");
    expect(rules).toContain('EMPTY_STRING_IS_NULL');
    expect(rules).not.toContain('NO_AUTO_CREATE_USER');
    expect(told(set, dialect(false, 50_744)).text).toContain('NO_AUTO_CREATE_USER');
  });
  it('refuses sequences, packages, periods and versioning with columns of its own', () => {
    expect(told('CREATE SEQUENCE `s` start with 1;', MYSQL).refused).toContain('sequence s');
    expect(told('CREATE DEFINER=`a`@`%` PACKAGE `p` AS END ;;', MYSQL).refused).toContain('packages');
    expect(told(table('`a` date,\n  PERIOD FOR `p` (`a`, `b`)'), MYSQL).refused).toContain('periods');
    expect(told(table('`s` timestamp(6) GENERATED ALWAYS AS ROW START'), MYSQL).refused).toContain('versioning');
    const plain = told(table('`a` int', 'ENGINE=InnoDB WITH SYSTEM VERSIONING'), MYSQL);
    expect([plain.text, plain.rules]).toEqual([
      table('`a` int', 'ENGINE=InnoDB '),
      expect.stringContaining('plain tables'),
    ]);
  });
});

describe('collations', () => {
  it.each([
    ['utf8mb4_0900_ai_ci', 'utf8mb4_uca1400_nopad_ai_ci'],
    ['utf8mb4_de_pb_0900_as_cs', 'utf8mb4_uca1400_german2_nopad_as_cs'],
    ['utf8mb4_0900_bin', 'utf8mb4_nopad_bin'],
    ['utf8mb4_uca1400_ai_ci', 'utf8mb4_unicode_520_ci'],
    ['utf8mb4_uca1400_nopad_as_ci', 'utf8mb4_0900_as_ci'],
    ['utf8mb4_uca1400_swedish_nopad_ai_ci', 'utf8mb4_sv_0900_ai_ci'],
    ['utf8mb3_general_ci', 'utf8_general_ci'],
    ['utf8_bin', 'utf8mb3_bin'],
  ])('%s is nearest to %s', (name, other) => expect(kinOf(name)[1]).toBe(other));
  it('are not looked for in texts, names and comments', () => {
    const sql =
      "CREATE VIEW `utf8mb4_0900_ai_ci` AS select 'COLLATE utf8mb4_0900_ai_ci' /* COLLATE utf8mb4_0900_ai_ci */;";
    expect(told(sql, MARIADB)).toEqual({ text: sql, rules: '', refused: '' });
    expect(told('CREATE VIEW `v` AS select `a` collate utf8mb4_0900_ai_ci;', MARIADB).text).toContain(
      'collate utf8mb4_uca1400_nopad_ai_ci',
    );
  });
  it('lose nothing of a text on the way through its pieces', () => {
    const sql = "a `b``c` 'd\\'e''f' \"g\" /*!80016 x */ /* y */ -- z\n# w\n@v 0x1F é \u0000";
    expect(textOf(tokensOf(sql))).toBe(sql);
  });
});

describe('a server that is newer than the tool', () => {
  const tool = 'mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)';
  it.each([
    [true, '10.11.19-MariaDB', false],
    [true, '10.6.1-MariaDB', false],
    [true, '11.4.2-MariaDB', true],
    [false, '8.0.15', false],
    [false, '8.4.3', false],
    [false, '9.1.0', true],
  ])('mariadb %s %s: %s', (isMariadb, version, newer) => {
    expect(isNewerThan(tool, { isMariadb, version })).toBe(newer);
  });
  it('is told by a newer tool’s own words too', () => {
    expect(
      isNewerThan('mariadb-dump from 11.8.3-MariaDB, client 10.19', { isMariadb: true, version: '11.4.2-MariaDB' }),
    ).toBe(false);
  });
});
