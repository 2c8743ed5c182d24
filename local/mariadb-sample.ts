/** A shop's product reviews in MariaDB: what fills them, what spoils them, and a hash of every row. */
import { createHash } from 'node:crypto';
import mysql from 'mysql2/promise';
import type { MysqlServer } from './mysql.ts';
import type { TableHash } from './sample.ts';

export const REVIEWS = 'reviews';

/** What a client has to know of the server. */
export type MariadbFacts = Pick<MysqlServer, 'port' | 'user' | 'password' | 'caPem'> & { database: string };

const SCHEMA = [
  `CREATE TABLE products (
     sku char(8) PRIMARY KEY, title varchar(200) NOT NULL, price decimal(10,2) NOT NULL,
     gross decimal(10,2) AS (round(price * 1.081, 2)) STORED, attributes json, picture mediumblob)`,
  `CREATE TABLE reviews (
     id int PRIMARY KEY AUTO_INCREMENT, sku char(8) NOT NULL, stars tinyint NOT NULL, words text,
     written datetime(3) NOT NULL, FOREIGN KEY (sku) REFERENCES products (sku), CHECK (stars BETWEEN 1 AND 5))`,
  'CREATE TABLE `odd ``name`` ☕` (`select` varchar(50) PRIMARY KEY, nothing int NULL)',
  'CREATE TABLE audit (id int PRIMARY KEY AUTO_INCREMENT, what varchar(50) NOT NULL)',
  `CREATE TRIGGER told AFTER DELETE ON reviews FOR EACH ROW INSERT INTO audit (what) VALUES (concat('deleted ', OLD.id))`,
  'CREATE VIEW best AS SELECT sku, avg(stars) AS stars FROM reviews GROUP BY sku HAVING avg(stars) > 3',
] as const;
const TABLES = { products: 'sku', reviews: 'id', 'odd `name` ☕': 'select', audit: 'id' } as const;
const PRODUCTS = 200;
const REVIEWS_PER_PRODUCT = 20;
const WORDS = ['sturdy', 'zu groß', 'très joli', "it's \\fine\\", '很好', '🐦 👍', 'line\nbreak', ''] as const;

/** What a tired person does a little later on that Friday evening. */
const DAMAGE = [
  'DELETE FROM reviews WHERE id % 3 = 0',
  "UPDATE products SET title = 'oops'",
  'DROP TABLE `odd ``name`` ☕`',
] as const;

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
/** The same bytes for the same words on every run. */
const bytes = (of: string): Buffer => createHash('sha512').update(of).digest();

export async function makeReviews(server: MysqlServer): Promise<void> {
  await server.query(`CREATE DATABASE ${REVIEWS}`);
  const connection = await server.connect(REVIEWS);
  try {
    for (const sql of SCHEMA) await connection.query(sql);
    const products = Array.from({ length: PRODUCTS }, (_, index) => [
      String(index).padStart(8, '0'),
      `${WORDS[index % WORDS.length]} ${index}`,
      (index * 37 + 5) / 100,
      JSON.stringify({ weight: index / 8, tags: [WORDS[(index + 3) % WORDS.length], null] }),
      bytes(`picture ${index}`),
    ]);
    await connection.query('INSERT INTO products (sku, title, price, attributes, picture) VALUES ?', [products]);
    const reviews = Array.from({ length: PRODUCTS * REVIEWS_PER_PRODUCT }, (_, index) => [
      String(index % PRODUCTS).padStart(8, '0'),
      1 + ((index * 7) % 5),
      index % 9 === 0 ? null : `${WORDS[index % WORDS.length]} ${bytes(`review ${index}`).toString('base64')}`,
      `2026-0${1 + (index % 9)}-1${index % 10} 12:00:00.${String(index % 1_000).padStart(3, '0')}`,
    ]);
    await connection.query('INSERT INTO reviews (sku, stars, words, written) VALUES ?', [reviews]);
    await connection.query('INSERT INTO `odd ``name`` ☕` VALUES (?, NULL), (?, 0)', ["'", 'tab\t\0']);
  } finally {
    await connection.end();
  }
}

async function connected<T>(facts: MariadbFacts, work: (connection: mysql.Connection) => Promise<T>): Promise<T> {
  const connection = await mysql.createConnection({
    host: '127.0.0.1',
    port: facts.port,
    user: facts.user,
    password: facts.password,
    database: facts.database,
    // What the driver makes of a value is not what was stored.
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    ssl: { ca: facts.caPem, servername: 'localhost' } as mysql.SslOptions,
  });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

export const spoilReviews = (facts: MariadbFacts): Promise<void> =>
  connected(facts, async (connection) => {
    for (const sql of DAMAGE) await connection.query(sql);
  });

/** Reads every row of every table; a table that is missing is missing from the result. */
export const reviewHashes = (facts: MariadbFacts): Promise<Record<string, TableHash>> =>
  connected(facts, async (connection) => {
    const [there] = await connection.query<mysql.RowDataPacket[]>('SHOW FULL TABLES');
    const names = there
      .filter((row) => Object.values(row)[1] === 'BASE TABLE')
      .map((row) => String(Object.values(row)[0]));
    const result: Record<string, TableHash> = {};
    for (const name of names) {
      const key = quoted(TABLES[name as keyof typeof TABLES] ?? '1');
      const [rows] = await connection.query<mysql.RowDataPacket[][]>({
        sql: `SELECT * FROM ${quoted(name)} ORDER BY ${key}`,
        rowsAsArray: true,
      });
      result[name] = { rows: rows.length, hash: createHash('sha256').update(JSON.stringify(rows)).digest('hex') };
    }
    return result;
  });
