import { randomBytes } from 'node:crypto';
import { serverTarget } from '../../../bench/ground.ts';
import { startPostgres } from '../../../local/postgres.ts';
import { DATABASE, hashes, MIB, NOTE_BYTES, orStop, PAGE_BYTES, shares, type MakePlace } from '../place.ts';

const text = (bytes: number): string =>
  `(SELECT string_agg(md5(random()::text || i || x), '') FROM generate_series(1, ${hashes(bytes)}) x)`;

export const makePostgres: MakePlace = async (ground, load) => {
  const server = await startPostgres({
    major: 18,
    durable: false,
    settings: { max_wal_size: '4GB', max_locks_per_transaction: 512, autovacuum: 'off' },
  });
  return orStop(server, async () => {
    await server.query(`CREATE DATABASE ${DATABASE}`);
    const client = await server.connect(DATABASE);
    try {
      if (load.tables > 0)
        for (let from = 0; from < load.tables; from += 500)
          await client.query(
            `DO $$ BEGIN FOR i IN ${from}..${Math.min(from + 500, load.tables) - 1} LOOP
               EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, word text)', i);
               EXECUTE format('INSERT INTO t%s VALUES (%s, md5(%s::text))', i, i, i);
             END LOOP; END $$`,
          );
      else {
        const { notes, pages, blobs } = shares(load);
        await client.query('CREATE TABLE notes (id int PRIMARY KEY, at timestamptz, body text)');
        await client.query('CREATE TABLE pages (id int PRIMARY KEY, body text)');
        await client.query('CREATE TABLE blobs (id int PRIMARY KEY, body bytea)');
        await client.query(
          `INSERT INTO notes SELECT i, now() - i * interval '1 s', ${text(NOTE_BYTES)} FROM generate_series(1, ${notes}) i`,
        );
        await client.query(`INSERT INTO pages SELECT i, ${text(PAGE_BYTES)} FROM generate_series(1, ${pages}) i`);
        for (let id = 1; id <= blobs; id += 1)
          await client.query('INSERT INTO blobs VALUES ($1, $2)', [id, randomBytes(MIB)]);
        await client.query('CREATE INDEX ON notes (at)');
      }
    } finally {
      await client.end();
    }
    const [{ version } = { version: '' }] = await server.query<{ version: string }>(
      `SELECT current_setting('server_version') AS version`,
    );
    return {
      title: `PostgreSQL ${version}`,
      target: await serverTarget(ground, 'load-postgres', 'postgres', server, DATABASE),
      copy: `${DATABASE}_copy`,
      async bytes() {
        const [size] = await server.query<{ bytes: string }>(`SELECT pg_database_size('${DATABASE}') AS bytes`);
        return Number(size!.bytes);
      },
      async digest(database) {
        const tables = await server.query<{ name: string }>(
          `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
          { database },
        );
        if (load.tables > 0) return tables.map(({ name }) => name).join();
        const lines: string[] = [];
        for (const { name } of tables) {
          const [row] = await server.query<{ line: string }>(
            `SELECT concat(count(*), ' ', sum(hashtextextended(t::text, 0)::numeric)) AS line FROM ${name} t`,
            { database },
          );
          lines.push(`${name} ${row!.line}`);
        }
        return lines.join('\n');
      },
      stop: () => server.stop(),
    };
  });
};
