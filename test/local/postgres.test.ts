import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { POSTGRES_MAJORS, startPostgres, type Postgres } from '../../local/postgres.ts';

let server: Postgres | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

describe.each(POSTGRES_MAJORS)('PostgreSQL %i', (major) => {
  test('starts with TLS and a password, and stops', async () => {
    server = await startPostgres({ major, durable: false });
    const [row] = await server.query<{ version: string; ssl: boolean }>(
      "select current_setting('server_version_num') as version, ssl from pg_stat_ssl where pid = pg_backend_pid()",
    );
    expect(Math.floor(Number(row?.version) / 10_000)).toBe(major);
    expect(row?.ssl).toBe(true);
    expect(server.caPem.length).toBeLessThan(4_096);
  });
});

test('refuses a wrong password, a connection without TLS, and an authority that is not its own', async () => {
  server = await startPostgres({ major: 17, durable: false });
  const { port, user, password, caPem } = server;
  const attempt = async (options: pg.ClientConfig) => {
    const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres', ...options });
    await client.connect();
    await client.end();
  };
  await expect(attempt({ ssl: { ca: caPem } })).resolves.toBeUndefined();
  await expect(attempt({ ssl: { ca: caPem }, password: 'wrong' })).rejects.toThrow(/password/);
  await expect(attempt({ ssl: false })).rejects.toThrow(/pg_hba/);
  await expect(attempt({ ssl: true })).rejects.toThrow(/certificate/);
});

test('comes back on its port with its data after it was killed, however busy its backends are', async () => {
  server = await startPostgres({ major: 17 });
  await server.query('create table kept as select 1 as one');
  const busy = server
    .query(
      "do $$ declare until timestamptz = clock_timestamp() + '3 s'; begin while clock_timestamp() < until loop end loop; end $$",
    )
    .catch(() => undefined);
  await new Promise((done) => setTimeout(done, 500));
  await server.kill();
  await expect(server.query('select 1')).rejects.toThrow();
  await server.start();
  await busy;
  expect(await server.query('select one from kept')).toEqual([{ one: 1 }]);
});
