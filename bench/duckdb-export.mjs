/** `duckdb FILE "EXPORT DATABASE 'DIR' (FORMAT csv, COMPRESSION gzip)"`, for a machine without DuckDB's shell. */
import { DuckDBInstance } from '@duckdb/node-api';

const [file, dir] = process.argv.slice(2);
const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
const connection = await instance.connect();
await connection.run(`EXPORT DATABASE '${dir}' (FORMAT csv, COMPRESSION gzip)`);
connection.closeSync();
instance.closeSync();
