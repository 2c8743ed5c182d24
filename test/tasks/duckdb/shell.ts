/** DuckDB's shell as far as the pages use it, over the library, since no registry has it: text of an executable. */
const REPO = new URL('../../../', import.meta.url);
export const SHELL = `#!${process.execPath}
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { DuckDBInstance } = require(${JSON.stringify(new URL('node_modules/@duckdb/node-api', REPO).pathname)});
const args = process.argv.slice(2);
const readOnly = args[0] === '-readonly';
const [file, flag, words] = readOnly ? args.slice(1) : args;
if (flag !== '-c') throw new Error('Only -c is known here.');
const sql = words.startsWith('.read ') ? require('fs').readFileSync(words.slice(6), 'utf8') : words;
(async () => {
  const instance = await DuckDBInstance.create(file, { access_mode: readOnly ? 'READ_ONLY' : 'AUTOMATIC' });
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson();
  console.log(JSON.stringify(rows));
  connection.closeSync();
  instance.closeSync();
})();
`;
