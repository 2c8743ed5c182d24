/** MariaDB and MySQL, against `mariadb-dump` into gzip: MySQL's own client is in no registry at hand. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpTargetSchema } from '../../core/config.ts';
import { startMysql, type MysqlFlavour } from '../../local/mysql.ts';
import { batchesOf, createIndexes, createTables } from '../columns.ts';
import { serverTarget, type Ground } from '../ground.ts';
import type { Site, SiteOptions } from '../sites.ts';

const TYPES = {
  int: 'bigint',
  decimal: 'decimal(12, 2)',
  double: 'double',
  text: 'text',
  json: 'json',
  time: 'datetime(3)',
  bytes: 'mediumblob',
} as const;
const DATABASE = 'bench';

export const makeMysql =
  (flavour: MysqlFlavour) =>
  async (ground: Ground, { sizeMiB, seed }: SiteOptions): Promise<Site> => {
    const server = await startMysql({
      flavour,
      settings: {
        innodb_buffer_pool_size: '512M',
        // Else it tells the size of before.
        ...(flavour === 'mysql' ? { information_schema_stats_expiry: 0 } : {}),
      },
    });
    const name = `bench-${flavour}`;
    try {
      await server.query(`CREATE DATABASE ${DATABASE}`);
      const connection = await server.connect(DATABASE);
      for (const sql of createTables(TYPES)) await connection.query(sql);
      for (const { table, rows } of batchesOf(sizeMiB, seed))
        await connection.query(`INSERT INTO ${table} VALUES ?`, [rows]);
      for (const sql of createIndexes()) await connection.query(sql);
      await connection.end();
      const [size] = await server.query<{ bytes: string; version: string }>(
        `SELECT sum(data_length + index_length) AS bytes, max(version()) AS version FROM information_schema.tables WHERE table_schema = '${DATABASE}'`,
      );
      const caFile = join(ground.dir, `${flavour}-ca.pem`);
      await writeFile(caFile, server.caPem);
      const login = `--host=${server.host} --port=${server.port} --protocol=TCP --user=${server.user} --ssl-ca=${caFile} --ssl-verify-server-cert`;
      return {
        data: `${flavour === 'mysql' ? 'MySQL' : 'MariaDB'} ${size!.version}, ${(Number(size!.bytes) / 2 ** 20).toFixed(0)} MiB`,
        target: dumpTargetSchema.parse(await serverTarget(ground, name, flavour, server, DATABASE)),
        pipe: {
          label: 'mariadb-dump --single-transaction | gzip | aws s3 cp -',
          script: (url) =>
            `mariadb-dump --no-defaults ${login} --single-transaction ${DATABASE} | gzip | aws s3 cp --quiet - ${url}/dump.sql.gz`,
          env: { MYSQL_PWD: server.password },
        },
        settle: () => server.query('FLUSH TABLES'),
        stop: () => server.stop(),
      };
    } catch (error) {
      await server.stop();
      throw error;
    }
  };
