/** The same rows for DuckDB's file and for MyDuck's stand-in, in SQL of DuckDB. */
import type { Sql } from '../tasks/duckdb/harness.ts';
import { hashes, MIB, NOTE_BYTES, PAGE_BYTES, shares, type Load } from './place.ts';

const text = (bytes: number): string =>
  `concat(${Array.from({ length: hashes(bytes) }, (_, at) => `md5(i || '.${at}.' || random())`).join(', ')})`;

export async function duckdbFill(sql: Sql, load: Load): Promise<void> {
  if (load.tables > 0) {
    // In one go: the stand-in takes each on a connection of its own.
    const tables = Array.from({ length: load.tables }, (_, id) => `CREATE TABLE t${id} AS SELECT ${id} AS v`);
    await sql(['BEGIN', ...tables, 'COMMIT'].join('; '));
  } else {
    const { notes, pages, blobs } = shares(load);
    await sql(
      `CREATE TABLE notes AS SELECT i AS id, TIMESTAMP '2023-11-14' + to_seconds(i) AS moment, ${text(NOTE_BYTES)} AS body FROM range(${notes}) t(i)`,
    );
    await sql(`CREATE TABLE pages AS SELECT i AS id, ${text(PAGE_BYTES)} AS body FROM range(${pages}) t(i)`);
    await sql('CREATE TABLE blobs (id BIGINT, body BLOB)');
    for (let id = 0; id < blobs; id += 1)
      await sql(
        `INSERT INTO blobs SELECT ${id}, unhex(string_agg(md5(i || '.' || random()), '')) FROM range(${MIB / 16}) t(i)`,
      );
  }
  await sql('CHECKPOINT');
}

export async function duckdbDigest(sql: Sql, load: Load): Promise<string> {
  const tables = await sql(
    'SELECT table_name AS name FROM duckdb_tables() WHERE database_name = current_database() ORDER BY 1',
  );
  if (load.tables > 0) return tables.map((one) => String(one.name)).join();
  const lines: string[] = [];
  for (const { name } of tables) {
    const [row] = await sql(`SELECT count(*) AS count, sum(hash(t)) AS hash FROM ${String(name)} t`);
    lines.push(`${String(name)} ${String(row!.count)} ${String(row!.hash)}`);
  }
  return lines.join('\n');
}
