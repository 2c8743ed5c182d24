/** A server with the engine's bench, for one group of tests. */
import { rm } from 'node:fs/promises';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { benchOf, type Bench } from '../../contracts/engine-bench.ts';
import { startServer, withClient, type PostgresServer } from './harness.ts';

export interface Room {
  readonly server: PostgresServer;
  readonly bench: Bench<'postgres'>;
}

export async function room(
  major: 14 | 15 | 16 | 17 | 18,
  settings: Parameters<typeof startServer>[1] = {},
  fields: Parameters<typeof startServer>[2] = {},
): Promise<Room> {
  const server = await startServer(major, settings, fields);
  const bench = await benchOf({ title: '', engine: postgres, start: async () => Promise.resolve(server) });
  return { server, bench };
}
export const leave = async ({ server, bench }: Room): Promise<void> => {
  await server.stop();
  await rm(bench.scratch, { recursive: true, force: true });
};

export const count = async ({ server }: Room, database: string, table: string): Promise<number> =>
  withClient(server.postgres, database, async (client) => {
    const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
    return Number(rows[0]!.n);
  });
