/** A server with the engine's bench, for one group of tests. */
import { rm } from 'node:fs/promises';
import type { RestoreJob } from '../../../core/job.ts';
import type { MysqlFlavour } from '../../../local/mysql.ts';
import type { EngineContext } from '../../../tasks/engine.ts';
import { listeningReporter, memorySource } from '../../contracts/doubles.ts';
import { benchOf, type Bench } from '../../contracts/engine-bench.ts';
import { dyingWay } from '../dying-way.ts';
import { engineOf, ident, runAll, startServer, type Family, type FamilyServer } from './harness.ts';

export const FLAVOURS = ['mariadb', 'mysql'] as const satisfies readonly MysqlFlavour[];

export interface Room {
  readonly server: FamilyServer;
  readonly bench: Bench<Family>;
}

export async function room(
  flavour: MysqlFlavour,
  settings: Parameters<typeof startServer>[1] = {},
  fields: Parameters<typeof startServer>[2] = {},
): Promise<Room> {
  const server = await startServer(flavour, settings, fields);
  const bench = await benchOf({ title: '', engine: engineOf(flavour), start: async () => Promise.resolve(server) });
  return { server, bench };
}
export const leave = async ({ server, bench }: Room): Promise<void> => {
  await server.stop();
  await rm(bench.scratch, { recursive: true, force: true });
};

/** A few tables, a trigger, a view, a routine and an event; `megabytes` of rows that hardly compress. */
export async function shop({ server }: Room, database: string, megabytes = 0): Promise<void> {
  await server.server.query(`CREATE DATABASE ${ident(database)}`);
  await runAll(server.server, database, [
    'CREATE TABLE customers (id int PRIMARY KEY AUTO_INCREMENT, name varchar(50))',
    `INSERT INTO customers (name) VALUES ${Array.from({ length: 500 }, (_, index) => `('c${index}')`).join(', ')}`,
    'CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, FOREIGN KEY (customer) REFERENCES customers (id))',
    'INSERT INTO orders SELECT id, id FROM customers WHERE id <= 300',
    'CREATE TABLE audit (id int PRIMARY KEY AUTO_INCREMENT, what varchar(50))',
    "CREATE TRIGGER order_in AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit (what) VALUES ('in')",
    'CREATE VIEW some AS SELECT id, name FROM customers WHERE id < 10',
    'CREATE PROCEDURE tell() SELECT 1',
    "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM audit",
    'CREATE TABLE filling (id int PRIMARY KEY AUTO_INCREMENT, noise longblob)',
    ...Array.from(
      { length: megabytes },
      () =>
        `INSERT INTO filling (noise) VALUES ${Array.from({ length: 1024 }, () => '(random_bytes(1024))').join(', ')}`,
    ),
  ]);
}

export const count = async ({ server }: Room, database: string, table: string): Promise<number> => {
  const [row] = await server.server.query<{ n: number | string }>(
    `SELECT count(*) AS n FROM ${ident(database)}.${ident(table)}`,
  );
  return Number(row!.n);
};
/** A way to the server that breaks for good after so many messages since the restore began to rename. */
export async function dyingAfter(
  { server }: Room,
  database: string,
  messages: number,
): Promise<{ context: Partial<EngineContext<Family>>; close(): Promise<void> }> {
  const way = await dyingWay(server.server.port);
  const report = listeningReporter((text) => {
    if (text === 'renaming') way.dieAfter(messages);
  });
  return { context: { target: server.target(database, { port: way.port }), report }, close: () => way.close() };
}

/** Users and a role of a server that is backed up whole. */
export const MAKE_USERS = [
  "CREATE USER reader@'%' IDENTIFIED BY 'Secret-1'",
  "CREATE USER 'it''s'@'10.0.0.%' IDENTIFIED BY 'Secret-2'",
  "CREATE USER kept@'%' IDENTIFIED BY 'Secret-3'",
  'CREATE ROLE readers',
] as const;

/** Restores a backup; resolves with the job besides. */
export async function restored(
  { bench }: Room,
  { manifest, backup }: Awaited<ReturnType<Bench<Family>['dump']>>,
  mode: RestoreJob['mode'],
  database: string,
  more: Partial<RestoreJob> = {},
) {
  const job = bench.restoreJob(database, mode, more);
  return { ...(await bench.restore(job, memorySource(manifest, backup))), job };
}
