/** From MySQL to MariaDB and back, through a restore whose backup is of the other engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replacedDatabase } from '../../../core/names.ts';
import type { MysqlFlavour } from '../../../local/mysql.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { failure } from '../../contracts/engine-bench.ts';
import { ident, inside, runAll } from './harness.ts';
import { leave, room, type Room } from './room.ts';

/** In all their digits, of every size. */
const NUMBERS = Array.from({ length: 500 }, (_, index) => {
  const value = Math.sin(index + 1) * 10 ** ((index % 76) - 38);
  return `(${index}, ${value.toPrecision(9)}, ${value}, ${value.toFixed(10).slice(0, 40)})`;
});
const NUMBER_SQL = [
  'CREATE TABLE numbers_all (id int PRIMARY KEY, f float, d double, x decimal(65, 10))',
  `INSERT INTO numbers_all VALUES ${NUMBERS.join(', ')}`,
];

/** What only the one has, and the other takes by a rule. */
const MORE: Readonly<Record<MysqlFlavour, readonly string[]>> = {
  mysql: [
    `CREATE TABLE sorted (id int PRIMARY KEY, a varchar(50) COLLATE utf8mb4_0900_as_cs, b varchar(20) COLLATE utf8mb4_de_pb_0900_ai_ci, u varchar(40) DEFAULT (uuid()),
       KEY unseen (u) INVISIBLE, KEY down (a DESC), UNIQUE KEY cases (a)) COLLATE utf8mb4_0900_ai_ci COMMENT 'COLLATE utf8mb4_0900_ai_ci, /*!80016 x */'`,
    "INSERT INTO sorted VALUES (1, 'a', 'ä', 'x'), (2, 'A', 'a ', 'y'), (3, 'ä', 'é', 'z'), (4, 'a ', '😀', NULL)",
    'CREATE TABLE latin (id int PRIMARY KEY, t varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci, u text CHARACTER SET utf8) CHARACTER SET latin1',
    "INSERT INTO latin VALUES (1, '😀', 'é')",
    "CREATE TABLE must (a int, s varchar(30) AS (concat(a, 'x''y')) STORED NOT NULL, p point NOT NULL SRID 4326, `_u` int, `under_score` int, underscore int)",
    "INSERT INTO must (a, p, `_u`, under_score, underscore) VALUES (1, ST_GeomFromText('POINT(1 2)', 4326), 1, 2, 3)",
    "CREATE TABLE docs (id int PRIMARY KEY, j json DEFAULT (json_object('a', 1)), d date DEFAULT (curdate()))",
    `INSERT INTO docs VALUES (1, '{"b": 1.50, "a": [1e3, true, "é\\\\n"], "f": 1.7976931348623157e308}', '2024-01-01')`,
    "CREATE VIEW folded AS SELECT id FROM sorted WHERE a COLLATE utf8mb4_0900_ai_ci = 'A' AND b <> 'utf8mb4_0900_ai_ci'",
    "CREATE PROCEDURE told(x varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs) SELECT 'COLLATE utf8mb4_0900_as_cs'",
  ],
  mariadb: [
    'DROP SEQUENCE numbers',
    `CREATE TABLE sorted (id int PRIMARY KEY, a varchar(50) COLLATE utf8mb4_uca1400_nopad_as_cs, b varchar(20) COLLATE utf8mb4_unicode_nopad_ci, u varchar(40),
       KEY unseen (u) IGNORED, KEY down (a DESC)) COLLATE utf8mb4_uca1400_german2_as_ci COMMENT 'WITH SYSTEM VERSIONING, ENGINE=Aria'`,
    "INSERT INTO sorted VALUES (1, 'a', 'ä', 'x'), (2, 'A', 'a ', 'y'), (3, 'ä', 'é', 'z'), (4, 'a ', '😀', NULL)",
    "CREATE TABLE dflt (id int DEFAULT (1+2), u varchar(40) DEFAULT uuid(), t text DEFAULT 'x', d date DEFAULT curdate(), b blob DEFAULT 'q', x varchar(9) DEFAULT concat('a', 'b'), at datetime DEFAULT current_timestamp() ON UPDATE current_timestamp(), CONSTRAINT c1 CHECK (id > 0))",
    "INSERT INTO dflt (id, u, d, at) VALUES (1, 'u', '2024-01-01', '2024-01-01 00:00:00')",
    'CREATE TABLE dated (id int PRIMARY KEY, v varchar(5)) WITH SYSTEM VERSIONING',
    "INSERT INTO dated VALUES (1, 'a')",
    "UPDATE dated SET v = 'b'",
    'CREATE TABLE packed (id int, b blob COMPRESSED, v varchar(30) CHARACTER SET utf8mb3, i inet4) ROW_FORMAT = DYNAMIC PAGE_COMPRESSED = 1',
    "INSERT INTO packed VALUES (1, x'00ff', 'é', '10.0.0.1')",
    'CREATE TABLE arial (id int PRIMARY KEY) ENGINE = Aria',
    'INSERT INTO arial VALUES (1)',
    "CREATE VIEW folded AS SELECT id FROM sorted WHERE a COLLATE utf8mb4_uca1400_ai_ci = 'A'",
    "CREATE PROCEDURE told(x varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_as_cs) SELECT 'COLLATE utf8mb4_uca1400_as_cs'",
  ],
};

/** What the other can't take, and what is said of it. */
const REFUSED: Readonly<Record<MysqlFlavour, readonly (readonly [string, string])[]>> = {
  mysql: [
    ['CREATE TABLE expr (a int, KEY f ((a + 1)))', 'index on an expression'],
    ["CREATE TABLE later (a json, b text, KEY g ((cast(a->>'$.x' AS char(9)))))", 'table later'],
    ['CREATE VIEW other_words AS SELECT uuid_to_bin(uuid()) AS u', 'view other_words'],
  ],
  mariadb: [
    ['CREATE SEQUENCE numbers', 'MySQL has no sequences: sequence numbers'],
    [
      'CREATE TABLE times (id int, s timestamp(6) GENERATED ALWAYS AS ROW START, e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME(s, e)) WITH SYSTEM VERSIONING',
      'table times',
    ],
    ['CREATE TABLE spans (id int, a date, b date, PERIOD FOR p(a, b), UNIQUE (id, p WITHOUT OVERLAPS))', 'table spans'],
    ['CREATE TABLE hashed (t text, UNIQUE KEY long_one (t))', 'table hashed'],
    ['CREATE FUNCTION many(x int) RETURNS int RETURN (SELECT x INTERSECT SELECT 2)', 'routine many'],
  ],
};

/** What is told of that. */
const RULES: Readonly<Record<MysqlFlavour, readonly string[]>> = {
  mysql: [
    'utf8mb4_uca1400_nopad_ai_ci instead of utf8mb4_0900_ai_ci, nearly the same: table latin, table sorted, view folded',
    'utf8mb4_uca1400_german2_nopad_ai_ci instead of utf8mb4_de_pb_0900_ai_ci',
    'no NOT NULL on computed columns: left out: table must (`s`)',
    'no `SRID`: left out: table must',
  ],
  mariadb: [
    'no storage engine Aria: made with InnoDB: table arial',
    'no system versioning: made as plain tables: table dated',
    'no type inet4: made as varchar(15) CHARACTER SET ascii: table packed',
    'rows are no longer checked: table dflt, table held, table scalars',
    'made visible: table hidden',
    'JSON of MariaDB is text',
    'utf8mb4_unicode_520_ci instead of utf8mb4_uca1400_ai_ci, nearly the same: view folded',
    'utf8mb4_unicode_ci instead of utf8mb4_unicode_nopad_ci, nearly the same, spaces at the end do not count any more: table sorted',
  ],
};

/** By table its rows, each with its columns by name. */
async function rowsOf({ server: { server } }: Room, database: string): Promise<Record<string, string[]>> {
  return inside(server, database, async (connection) => {
    await connection.query("SET time_zone = '+00:00', sql_mode = ''");
    const all = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
      (await connection.query(sql, values))[0] as Record<string, unknown>[];
    const found: Record<string, string[]> = {};
    for (const { name } of await all(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_type <> 'SEQUENCE' AND table_name NOT LIKE '\\_nightjar%'`,
      [database],
    )) {
      const columns = (
        await all(
          'SELECT column_name AS c, data_type AS t FROM information_schema.columns WHERE table_schema = ? AND table_name = ?',
          [database, name],
        )
      ).map((one) =>
        /blob|binary|point|geometry|bit/.test(String(one.t))
          ? `hex(${ident(String(one.c))})`
          : `cast(${ident(String(one.c))} AS char)`,
      );
      const rows = await all(
        `SELECT ${columns
          .sort()
          .map((one, at) => `${one} AS c${at}`)
          .join(', ')} FROM ${ident(String(name))}`,
      );
      found[String(name)] = rows.map((row) => JSON.stringify(Object.values(row))).sort();
    }
    return found;
  });
}

/** What else must be there: keys, foreign keys, triggers and code, by name. */
const STRUCTURE = `
  SELECT 'index' AS kind, concat(table_name, '.', index_name, '.', column_name, '.', non_unique) AS name FROM information_schema.statistics WHERE table_schema = ? UNION
  SELECT 'foreign key', concat(constraint_name, '.', table_name, '.', if(delete_rule = 'NO ACTION', 'RESTRICT', delete_rule)) FROM information_schema.referential_constraints WHERE constraint_schema = ? UNION
  SELECT 'trigger', concat(trigger_name, '.', event_manipulation, '.', action_order) FROM information_schema.triggers WHERE trigger_schema = ? UNION
  SELECT 'routine', concat(routine_name, '.', definer) FROM information_schema.routines WHERE routine_schema = ? UNION
  SELECT 'event', event_name FROM information_schema.events WHERE event_schema = ? UNION
  SELECT 'generated', concat(table_name, '.', column_name) FROM information_schema.columns WHERE table_schema = ? AND coalesce(generation_expression, '') <> ''`;
const structureOf = async ({ server: { server } }: Room, database: string): Promise<string[]> =>
  inside(server, database, async (connection) => {
    const [rows] = await connection.query(STRUCTURE, Array(6).fill(database));
    return (rows as { kind: string; name: string }[])
      .map((one) => `${one.kind} ${one.name}`)
      .filter((one) => !one.includes('_nightjar'))
      .sort();
  });

describe('a migration', () => {
  const rooms = {} as Record<MysqlFlavour, Room>;
  beforeAll(async () => {
    for (const flavour of ['mysql', 'mariadb'] as const) rooms[flavour] = await room(flavour);
  });
  afterAll(async () => {
    for (const one of Object.values(rooms)) await leave(one);
  });

  describe.each([
    ['mysql', 'mariadb'],
    ['mariadb', 'mysql'],
  ] as const)('from %s to %s', (from, to) => {
    const target = (fields: object = {}) => rooms[from].server.target('shop', { unsafeTables: 'lock', ...fields });
    beforeAll(async () => {
      await rooms[from].server.seed('shop');
      await runAll(rooms[from].server.server, 'shop', [...NUMBER_SQL, ...MORE[from]]);
    });

    it('brings every row of an awkward database over, and says what it did by rule', async () => {
      const { manifest, backup } = await rooms[from].bench.dump('shop', { target: target() });
      const { bench } = rooms[to];
      const outcome = await bench.restore(bench.restoreJob('moved', 'new'), memorySource(manifest, backup));
      const warned = outcome.warnings.join('\n');
      for (const rule of RULES[from]) expect(warned).toContain(rule);
      const [found, original] = [await rowsOf(rooms[to], 'moved'), await rowsOf(rooms[from], 'shop')];
      for (const table of Object.keys(original)) expect(found[table], table).toEqual(original[table]);
      expect(Object.keys(found).sort()).toEqual(Object.keys(original).sort());
      expect(await structureOf(rooms[to], 'moved')).toEqual(await structureOf(rooms[from], 'shop'));
      expect(outcome.comparison).toMatchObject({ equal: true, mode: 'checksums', differences: [] });
      const job = bench.restoreJob('moved', 'swap');
      await bench.restore(job, memorySource(manifest, backup));
      expect(await rowsOf(rooms[to], 'moved')).toEqual(await rowsOf(rooms[from], 'shop'));
      expect(await rooms[to].server.databases()).toContain(replacedDatabase('moved', job.id));
    });

    it('refuses what can not be carried over before anything begins, all at once and by name', async () => {
      await runAll(
        rooms[from].server.server,
        'shop',
        REFUSED[from].map(([sql]) => sql),
      );
      const { manifest, backup } = await rooms[from].bench.dump('shop', { target: target() });
      const { bench, server } = rooms[to];
      const before = await server.databases();
      const failed = await failure(bench.restore(bench.restoreJob('never', 'new'), memorySource(manifest, backup)));
      expect(failed.code).toBe('RESTORE_REFUSED');
      for (const [, words] of REFUSED[from]) expect(failed.detail).toContain(words);
      expect(await server.databases()).toEqual(before);
    });
  });
});
