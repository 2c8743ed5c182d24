/** Files with the engine's bench, for one group of tests. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sqlite as shell } from '../../../local/sqlite.ts';
import { sqlite } from '../../../tasks/engines/sqlite.ts';
import { benchOf, type Bench } from '../../contracts/engine-bench.ts';
import { startServer, type Fields, type SqliteServer } from './harness.ts';

export interface Room {
  readonly server: SqliteServer;
  readonly bench: Bench<'sqlite'>;
  /** Runs SQL on a file of the place. */
  sql(database: string, statements: string): Promise<string>;
}

export async function room(fields: Fields = {}): Promise<Room> {
  const server = await startServer(fields);
  const bench = await benchOf({ title: '', engine: sqlite, start: async () => Promise.resolve(server) });
  return { server, bench, sql: async (database, text) => (await shell(server.path(database), text)).trim() };
}
export const leave = async ({ server, bench }: Room): Promise<void> => {
  await server.stop();
  await rm(bench.scratch, { recursive: true, force: true });
};

/** Customers, orders that refer to them, and something to fill pages. */
export const shop = (here: Room, database: string, rows = 2_000): Promise<string> =>
  here.sql(
    database,
    `CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
     CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), amount REAL);
     CREATE TABLE filling (v BLOB); CREATE TABLE log (what);
     CREATE INDEX by_customer ON orders (customer);
     CREATE TRIGGER told AFTER INSERT ON customers BEGIN INSERT INTO log VALUES (new.name); END;
     CREATE TRIGGER gone AFTER DELETE ON customers BEGIN DELETE FROM orders WHERE customer = old.id; END;
     CREATE VIEW spent AS SELECT name, sum(amount) FROM customers JOIN orders ON customer = customers.id GROUP BY 1;
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO customers (name) SELECT 'c' || i FROM n;
     INSERT INTO orders SELECT id, id % 7 + 1, id * 1.5 FROM customers WHERE id <= 300;
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO filling SELECT randomblob(500) FROM n;`,
  );

/**
 * An environment in which the tool's `at`-th start does something else, or each one whose arguments are like the pattern of a
 * shell; `starts` tells how often it was started.
 */
export async function tampered(
  { server, bench }: Room,
  tool: string,
  at: number | string,
  instead: string,
): Promise<{ env: Record<string, string>; starts: () => Promise<number> }> {
  const bin = await mkdtemp(join(bench.scratch, '..', 'nightjar-tampered-'));
  await mkdir(join(bin, 'seen'));
  const { PATH = '/usr/bin:/bin', ...others } = server.env as Record<string, string>;
  const script = `#!/bin/sh
PATH='${PATH}'
n=1; while ! mkdir "${bin}/seen/$n" 2>/dev/null; do n=$((n+1)); done
${typeof at === 'number' ? `if [ $n = ${at} ]; then ${instead || ':'}; fi` : `case "$*" in ${at}) ${instead};; esac`}
exec ${tool} "$@"
`;
  await writeFile(join(bin, tool), script);
  await chmod(join(bin, tool), 0o755);
  return {
    env: { ...others, PATH: `${bin}:${PATH}` },
    async starts() {
      const count = (await readdir(join(bin, 'seen'))).length;
      await rm(bin, { recursive: true, force: true });
      return count;
    },
  };
}
