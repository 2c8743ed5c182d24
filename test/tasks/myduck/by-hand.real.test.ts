/** What the page tells a person to type when Nightjar is gone, typed: `docker` and DuckDB's shell are doubles. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openClient } from '../../../tasks/pg-client.ts';
import { benchOf, type Bench } from '../../contracts/engine-bench.ts';
import { blocksOf, typed } from '../../support/by-hand.ts';
import { SHELL } from '../duckdb/shell.ts';
import { BUCKET, harness, USER, type MyduckServer } from './harness.ts';

/** `aws s3 cp`: of the vault the archive; what goes to the exchange is kept, and where it was to go. */
const AWS = `#!/bin/sh
[ "$1 $2" = "s3 cp" ] || exit 9
[ "$4" = - ] && exec cat "$HOME/archive"
printf %s "$4" > "$HOME/where" && exec cp "$3" "$HOME/sent"
`;
const DOCKER = '#!/bin/sh\nprintf "%s\\n" "$@" > "$HOME/docker"\n';

let home: string;
let server: MyduckServer;
let bench: Bench<'myduck'>;
let said: string;
const at = (name: string): Promise<string> => readFile(join(home, name), 'utf8');

/** Types the page's lines after a backup, and puts into the exchange what they put there. */
beforeAll(async () => {
  const own = harness();
  server = await own.start();
  bench = await benchOf({ ...own, start: () => Promise.resolve(server) });
  await server.seed('shop');
  home = await mkdtemp(join(tmpdir(), 'nightjar-by-hand-'));
  const { backup } = await bench.dump('shop');
  await writeFile(join(home, 'archive'), backup.finished.get('archive')!);
  const [script] = (await blocksOf('myduck.md', 'Restores')).filter((one) => one.includes('docker run'));
  const doubles = { duckdb: SHELL, aws: AWS, docker: DOCKER };
  const env = { PATH: process.env.PATH, HOME: home };
  said = (await typed(script!, { vault: home, cwd: home, doubles, env })).stdout;
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(await at('where'))!;
  const Body = await readFile(join(home, 'sent'));
  await server.s3.send(new PutObjectCommand({ Bucket: bucket!, Key: key!, Body }));
});
afterAll(async () => {
  await server.stop();
  for (const one of [home, bench.scratch]) await rm(one, { recursive: true, force: true });
});

it('a living server takes the backup by the page’s statement, as it was', async () => {
  expect(said).toContain('"table_name":"big"');
  const key = await server.keys.create(USER);
  const [statement] = await blocksOf('myduck.md', 'Restores', 'sql');
  const words = statement!
    .replace("ACCESS_KEY_ID = '…'", `ACCESS_KEY_ID = '${key.id}'`)
    .replace("SECRET_ACCESS_KEY = '…'", `SECRET_ACCESS_KEY = '${key.secret}'`);
  const client = await openClient(server.target('shop'), server.login!, { database: 'shop', ssl: false });
  try {
    // As the page says: an error, when it went well.
    await expect(client.query(words)).rejects.toThrow(/^Downloaded from s3:\/\//);
    expect(await server.rowsOf('shop_again')).toEqual(await server.rowsOf('shop'));
    const answer = await client.query('SELECT count(*) AS n FROM shop_again.main.big');
    expect(Number((answer.rows as { n: string }[])[0]!.n)).toBeGreaterThan(0);
    await expect(client.query(words.replace('shop.db', 'none.db'))).rejects.not.toThrow(/^Downloaded/);
  } finally {
    await client.end();
    await server.keys.remove(USER, key.id);
  }
});

it('a server is started with that file, by what its container’s script reads', async () => {
  const told = (await at('docker')).split('\n').filter((one) => one.startsWith('--env='));
  // Source: apecloud/myduckserver at 991fb99, docker/entrypoint.sh.
  expect(told.map((one) => one.slice(6).split('=')[0])).toEqual([
    'SETUP_MODE',
    'DEFAULT_DB',
    'RESTORE_FILE',
    'RESTORE_ENDPOINT',
    'RESTORE_ACCESS_KEY_ID',
    'RESTORE_SECRET_ACCESS_KEY',
  ]);
  expect(await at('where')).toBe(`s3://${BUCKET}/nightjar/shop.db`);
  expect(told).toContain(`--env=RESTORE_FILE=${await at('where')}`);
});
