import { randomBytes } from 'node:crypto';
import type { Connection } from 'mysql2/promise';
import { serverTarget } from '../../../bench/ground.ts';
import { startMysql, type MysqlFlavour } from '../../../local/mysql.ts';
import { DATABASE, hashes, MIB, NOTE_BYTES, orStop, PAGE_BYTES, shares, type Load, type MakePlace } from '../place.ts';

const text = (bytes: number): string =>
  `concat(${Array.from({ length: hashes(bytes) }, () => 'md5(rand())').join(', ')})`;

/** Every statement doubles the rows, each with a text of its own. */
async function double(connection: Connection, table: string, rows: number, body: string): Promise<void> {
  await connection.query(`INSERT INTO ${table} (body) VALUES (${body})`);
  for (let have = 1; have < rows; have *= 2)
    await connection.query(
      `INSERT INTO ${table} (body) SELECT ${body} FROM ${table} LIMIT ${Math.min(have, rows - have)}`,
    );
}

async function fill(connection: Connection, load: Load): Promise<void> {
  if (load.tables > 0) {
    for (let from = 0; from < load.tables; from += 100) {
      const ids = Array.from({ length: Math.min(100, load.tables - from) }, (_, index) => from + index);
      await connection.query(
        ids
          .map(
            (id) =>
              `CREATE TABLE t${id} (id int PRIMARY KEY, word text); INSERT INTO t${id} VALUES (${id}, md5(${id}))`,
          )
          .join(';'),
      );
    }
    return;
  }
  const { notes, pages, blobs } = shares(load);
  await connection.query(
    'CREATE TABLE notes (id int AUTO_INCREMENT PRIMARY KEY, at timestamp DEFAULT current_timestamp, body varchar(1000))',
  );
  await connection.query('CREATE TABLE pages (id int AUTO_INCREMENT PRIMARY KEY, body text)');
  await connection.query('CREATE TABLE blobs (id int PRIMARY KEY, body longblob)');
  await double(connection, 'notes', notes, text(NOTE_BYTES));
  await double(connection, 'pages', pages, text(PAGE_BYTES));
  for (let id = 1; id <= blobs; id += 1)
    await connection.query('INSERT INTO blobs VALUES (?, ?)', [id, randomBytes(MIB)]);
  await connection.query('CREATE INDEX by_time ON notes (at)');
}

export const makeMysql =
  (flavour: MysqlFlavour): MakePlace =>
  async (ground, load) => {
    const many = load.tables > 0;
    const server = await startMysql({
      flavour,
      // A gibibyte is for the disk; many small files are for memory, where none is waited for.
      durable: !many,
      settings: {
        innodb_buffer_pool_size: '512M',
        innodb_flush_log_at_trx_commit: 0,
        innodb_doublewrite: 0,
        table_open_cache: 2_000,
        open_files_limit: 20_000,
        ...(flavour === 'mysql' ? { disable_log_bin: 'ON' } : {}),
      },
    });
    return orStop(server, async () => {
      await server.query(`CREATE DATABASE ${DATABASE}`);
      const connection = await server.connect(DATABASE);
      await fill(connection, load).finally(() => connection.end());
      const [{ version } = { version: '' }] = await server.query<{ version: string }>('SELECT version() AS version');
      const name = `load-${flavour}`;
      const tablesOf = async (database: string): Promise<string[]> => {
        const rows = await server.query<{ name: string }>(
          `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${database}' ORDER BY 1`,
        );
        return rows.map((row) => row.name);
      };
      return {
        title: `${flavour === 'mysql' ? 'MySQL' : 'MariaDB'} ${version}`,
        target: await serverTarget(ground, name, flavour, server, DATABASE),
        copy: `${DATABASE}_copy`,
        async bytes() {
          const [size] = await server.query<{ bytes: string }>(
            `SELECT sum(data_length + index_length) AS bytes FROM information_schema.tables WHERE table_schema = '${DATABASE}'`,
          );
          return Number(size!.bytes);
        },
        async digest(database) {
          const tables = await tablesOf(database);
          if (many) return tables.join();
          const sums = await server.query<{ Table: string; Checksum: string }>(
            `CHECKSUM TABLE ${tables.join(', ')}`,
            database,
          );
          return sums.map((one) => `${one.Table.split('.')[1]} ${one.Checksum}`).join('\n');
        },
        stop: () => server.stop(),
      };
    });
  };
