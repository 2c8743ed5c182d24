/**
 * One DuckDB in a process of its own: each line on stdin is a JSON request, each line on stdout its answer. Plain JavaScript,
 * because it runs as it is from the repository and beside the bundle, where the native library can be found.
 *
 *   node duckdb-session.mjs OPTIONS       {"file": "…", "settings": {"access_mode": "READ_ONLY", …}}
 */
import { createInterface } from 'node:readline';
import { DuckDBInstance, version } from '@duckdb/node-api';

/** Two more characters end a line for Node's readline; in JSON they stand only inside of texts. */
const line = (value) =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
const answer = (value) => process.stdout.write(`${line(value)}\n`);
const words = (thrown) => (thrown instanceof Error ? thrown.message : String(thrown));

const { file, settings } = JSON.parse(process.argv[2]);
let instance;
try {
  instance = await DuckDBInstance.create(file, settings);
} catch (thrown) {
  answer({ error: words(thrown) });
  process.exit(0);
}
const connection = await instance.connect();
answer({ rows: [], version: version() });
for await (const request of createInterface({ input: process.stdin })) {
  try {
    const result = await connection.runAndReadAll(JSON.parse(request).sql);
    answer({ rows: result.getRowObjectsJson() });
  } catch (thrown) {
    answer({ error: words(thrown) });
  }
}
connection.closeSync();
instance.closeSync();
