/** A database with everything that is awkward about MySQL and MariaDB. Statements run one by one, inside the database. */
import type { MysqlFlavour } from '../../../local/mysql.ts';

const scalars = (flavour: MysqlFlavour): string[] => [
  'c_tiny tinyint',
  'c_utiny tinyint unsigned zerofill',
  'c_small smallint',
  'c_medium mediumint',
  'c_int int',
  'c_big bigint',
  'c_ubig bigint unsigned',
  'c_bool boolean',
  'c_dec decimal(65, 30)',
  'c_float float',
  'c_double double',
  'c_bit bit(64)',
  'c_date date',
  'c_time time(6)',
  'c_datetime datetime(6)',
  'c_stamp timestamp(6) NULL DEFAULT NULL',
  'c_year year',
  'c_char char(10)',
  'c_varchar varchar(200) CHARACTER SET latin1',
  'c_bin binary(8)',
  'c_varbin varbinary(300)',
  'c_tinyblob tinyblob',
  'c_blob blob',
  'c_mediumblob mediumblob',
  'c_longblob longblob',
  'c_tinytext tinytext',
  'c_text text',
  'c_mediumtext mediumtext',
  'c_longtext longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  "c_enum enum('a', 'b;c', 'd''e', '`f`')",
  "c_set set('x', 'y', 'z')",
  'c_json json',
  'c_point point',
  'c_geom geometry',
  ...(flavour === 'mariadb' ? ['c_uuid uuid', 'c_inet6 inet6'] : []),
];

/** Quotes, ends of lines, bytes that no charset knows, what looks like the end of a statement or of a dump. */
const TEXTS = [
  `'it''s "quoted" \`here\`'`,
  `'back\\\\slash\\\\'`,
  `'line\\nend\\r\\n\\ttab\\Z\\0nul'`,
  `');\\nINSERT INTO x VALUES (1);\\n-- Dump completed on 2026-01-01'`,
  `'😀 é ż 漢字'`,
  `''`,
  `'/*! not a comment */ -- nor this # nor that'`,
];

export function awkwardSql(flavour: MysqlFlavour): string[] {
  const maria = flavour === 'mariadb';
  const columns = scalars(flavour);
  const nulls = columns.map(() => 'NULL').join(', ');
  const wide = Array.from({ length: 500 }, (_, index) => `c${index} int DEFAULT ${index}`).join(', ');
  return [
    `CREATE TABLE \`select\` (\`from\` int PRIMARY KEY, \`where; --\` varchar(50), \`tick\`\`ed\` int)`,
    "INSERT INTO `select` VALUES (1, 'one', 1), (2, NULL, NULL)",
    `CREATE TABLE \`Shop "é"; ''-- (1)\` (id int PRIMARY KEY, t text)`,
    `INSERT INTO \`Shop "é"; ''-- (1)\` VALUES ${TEXTS.map((text, index) => `(${index}, ${text})`).join(', ')}`,
    "CREATE TABLE held (id int PRIMARY KEY, a int CHECK (a > 0), b int, CONSTRAINT `b; over` CHECK (b > a OR b IS NULL OR concat(b, ';''') = 'x'))",
    'INSERT INTO held VALUES (1, 1, 2), (2, NULL, NULL)',
    'CREATE TABLE empty_one (id int PRIMARY KEY)',
    `CREATE TABLE wide (${wide})`,
    'INSERT INTO wide () VALUES (), ()',
    'CREATE TABLE no_key (a int, b varchar(20))',
    "INSERT INTO no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
    `CREATE TABLE scalars (id int PRIMARY KEY AUTO_INCREMENT, ${columns.join(', ')})`,
    `INSERT INTO scalars VALUES (1, ${nulls})`,
    `INSERT INTO scalars (c_tiny, c_utiny, c_small, c_medium, c_int, c_big, c_ubig, c_bool, c_dec, c_float, c_double, c_bit, c_date, c_time,
        c_datetime, c_stamp, c_year, c_char, c_varchar, c_bin, c_varbin, c_tinyblob, c_blob, c_longblob, c_tinytext, c_text, c_longtext,
        c_enum, c_set, c_json, c_point, c_geom)
      VALUES (-128, 7, -32768, 8388607, -2147483648, -9223372036854775808, 18446744073709551615, true, -12345678901234567890.123456789012345678901234567890,
        1.17549e-38, 2.2250738585072014e-308, b'${'10'.repeat(32)}', '9999-12-31', '-838:59:58.999999', '1000-01-01 00:00:00.000001',
        '2038-01-19 03:14:07.999999', 1901, 'c  ', 'caf\\u00e9', x'00010203', x'00ff27225c0a0d1a', '', x'', x'00', '', 'text', ${TEXTS[2]!},
        'd''e', 'x,z', '{"a": [1, null, "é\\\\n"]}', ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 0))'))`,
    `INSERT INTO scalars (id, c_time, c_year, c_enum, c_json, c_date, c_mediumblob, c_mediumtext, c_geom) VALUES (1000, '00:00:00', 0, 1, '[]', '2024-02-29',
        repeat(x'00ff27', 30000), repeat('é;''\n', 30000), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1)), ((9 9, 10 9, 10 10, 9 9))))'))`,
    ...(maria
      ? [`UPDATE scalars SET c_uuid = '123e4567-e89b-12d3-a456-426614174000', c_inet6 = '2001:db8::1' WHERE id = 1000`]
      : []),
    'CREATE TABLE parent (id int PRIMARY KEY AUTO_INCREMENT, up int, name varchar(50) NOT NULL, UNIQUE KEY name_key (name), CONSTRAINT up_fk FOREIGN KEY (up) REFERENCES parent (id))',
    "INSERT INTO parent (id, up, name) VALUES (3, NULL, 'c'), (1, 3, 'a'), (2, 1, 'b')",
    'CREATE TABLE a_child (id int PRIMARY KEY, parent int, KEY p (parent), CONSTRAINT child_fk FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)',
    'INSERT INTO a_child VALUES (1, 1), (2, 2), (3, NULL)',
    "CREATE TABLE computed (v int AS (a + 1) VIRTUAL, a int, s varchar(30) AS (concat(a, '),(', \"'\")) STORED, b text, z int AS (a * 2) STORED)",
    "INSERT INTO computed (a, b) VALUES (1, 'x),(y'), (NULL, NULL), (3, '''')",
    `CREATE TABLE parts (id int NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (year(at))
       (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE)`,
    "INSERT INTO parts VALUES (1, '2019-01-01'), (2, '2025-01-01')",
    "CREATE TABLE big (id int PRIMARY KEY, filler varchar(1000), FULLTEXT KEY words (filler)) COMMENT = 'it''s; a\\ncomment' AUTO_INCREMENT = 1",
    ...Array.from(
      { length: 4 },
      (_, part) =>
        `INSERT INTO big VALUES ${Array.from({ length: 500 }, (_unused, row) => `(${part * 500 + row}, repeat('w${row} ', 100))`).join(', ')}`,
    ),
    'CREATE TABLE stamps (id int PRIMARY KEY, at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)',
    "INSERT INTO stamps VALUES (1, '2026-03-29 02:30:00'), (2, '2026-10-25 02:30:00')",
    'CREATE TABLE log (id int PRIMARY KEY AUTO_INCREMENT, what text)',
    `CREATE FUNCTION plus_one(x int) RETURNS int DETERMINISTIC NO SQL
     BEGIN /* it's a comment; */ -- don't stop here;
       # nor "here;
       DECLARE s varchar(20) DEFAULT ';''';
       RETURN x + 1; END`,
    `CREATE PROCEDURE \`do it\`(IN x int, OUT y int) SQL SECURITY INVOKER COMMENT 'what''s; this' BEGIN SELECT count(*) INTO y FROM parent; END`,
    `CREATE TRIGGER child_in AFTER INSERT ON a_child FOR EACH ROW BEGIN INSERT INTO log (what) VALUES (concat('in; ', NEW.id)); END`,
    `CREATE TRIGGER child_in_2 AFTER INSERT ON a_child FOR EACH ROW FOLLOWS child_in INSERT INTO log (what) VALUES ('second')`,
    `CREATE TRIGGER \`select's\` BEFORE UPDATE ON \`select\` FOR EACH ROW SET NEW.\`where; --\` = 'updated'`,
    // Needs a view whose name comes later.
    "CREATE VIEW zz_base AS SELECT id, plus_one(id) AS next, 'x\ny;' AS lit FROM parent",
    "CREATE SQL SECURITY INVOKER VIEW aa_on_top AS SELECT z.id, p.name FROM zz_base z JOIN parent p ON p.id = z.id WHERE p.name <> '`;'",
    'CREATE VIEW checked AS SELECT * FROM parent WHERE id > 1 WITH CASCADED CHECK OPTION',
    "CREATE EVENT cleaner ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' COMMENT 'a; b' DO DELETE FROM log WHERE what = 'ON COMPLETION PRESERVE ENABLE'",
    "CREATE EVENT sleeper ON SCHEDULE EVERY 1 WEEK STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE DO BEGIN DELETE FROM log; END",
    'DELETE FROM log',
    ...(maria
      ? [
          'CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3',
          'SELECT NEXT VALUE FOR numbers',
          'CREATE TABLE hidden (a int, b int INVISIBLE DEFAULT 7, c int)',
          'INSERT INTO hidden (a, b, c) VALUES (1, 2, 3)',
        ]
      : []),
  ];
}

/** Definitions, beside the rows. Whether an event runs is told by tests of its own: a copy's does not. */
export const STRUCTURE_SQL: Readonly<Record<string, string>> = {
  columns: `SELECT table_name, ordinal_position, column_name, column_default, is_nullable, column_type, character_set_name, collation_name, column_key, extra,
      column_comment, generation_expression FROM information_schema.columns WHERE table_schema = ?`,
  tables: `SELECT table_name, table_type, engine, table_collation, create_options, table_comment FROM information_schema.tables WHERE table_schema = ?`,
  indexes: `SELECT table_name, index_name, seq_in_index, column_name, non_unique, index_type, sub_part FROM information_schema.statistics WHERE table_schema = ?`,
  keys: `SELECT k.constraint_name, k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name, r.update_rule, r.delete_rule,
      k.referenced_table_schema = k.table_schema AS inside
      FROM information_schema.key_column_usage k LEFT JOIN information_schema.referential_constraints r
        ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name WHERE k.table_schema = ?`,
  routines: `SELECT routine_name, routine_type, routine_definition, is_deterministic, security_type, sql_mode, routine_comment, definer FROM information_schema.routines WHERE routine_schema = ?`,
  parameters: `SELECT specific_name, ordinal_position, parameter_mode, parameter_name, dtd_identifier FROM information_schema.parameters WHERE specific_schema = ?`,
  triggers: `SELECT trigger_name, event_manipulation, event_object_table, action_order, action_statement, action_timing, definer, sql_mode FROM information_schema.triggers WHERE trigger_schema = ?`,
  events: `SELECT event_name, definer, event_definition, interval_value, interval_field, starts, on_completion, event_comment, sql_mode FROM information_schema.events WHERE event_schema = ?`,
  views: `SELECT table_name, check_option, is_updatable, definer, security_type FROM information_schema.views WHERE table_schema = ?`,
  partitions: `SELECT table_name, partition_name, partition_method, partition_expression, partition_description FROM information_schema.partitions WHERE table_schema = ? AND partition_name IS NOT NULL`,
};
/** MySQL 8.0.15 reads and forgets them. */
export const MARIADB_SQL: Readonly<Record<string, string>> = {
  checks: `SELECT table_name, constraint_name, level, check_clause FROM information_schema.check_constraints WHERE constraint_schema = ?`,
};
