/** A task whose user may not do what it must: told as that, by name, and nothing is changed. */
import { spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundled } from './bundle.ts';
import { run, withFile } from './harness.ts';
import { crashedWriter, leave, room, type Room } from './room.ts';

/** Root may do everything, so that its children become nobody. */
const NOBODY = 65_534;
const AS_NOBODY =
  process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

let here: Room;
let work: string;
let child: string;
beforeAll(async () => {
  here = await room();
  work = await mkdtemp(join(tmpdir(), 'nightjar-rights-'));
  child = await bundled('rights-child', work);
  await run(here.file('shop.duckdb'), ['CREATE TABLE t AS SELECT i FROM range(1000) r(i)']);
  const { manifest, backup } = await here.bench.dump('shop.duckdb');
  await writeFile(join(work, 'archive'), backup.finished.get('archive')!);
  await writeFile(join(work, 'archive.json'), JSON.stringify(manifest));
  // All the way down to the files it may look.
  for (const path of [here.server.directory, dirname(here.server.directory), dirname(dirname(here.server.directory))])
    await chmod(path, 0o755);
});
afterAll(async () => {
  await chmod(here.server.directory, 0o755);
  await leave(here);
  await rm(work, { recursive: true, force: true });
});

/** What a task says that is nobody. */
async function asNobody(verb: string, database = 'shop.duckdb'): Promise<unknown> {
  const scratch = await mkdtemp(join(work, 'scratch-'));
  if (AS_NOBODY.length > 0) await chown(scratch, NOBODY, NOBODY);
  const [command, ...args] = [
    ...AS_NOBODY,
    ...[process.execPath, child, dirname(dirname(here.server.directory)), scratch, join(work, 'archive')],
  ];
  const running = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  running.stdin.end(JSON.stringify({ verb, database }));
  const said = await text(running.stdout);
  expect(await readdir(scratch)).toEqual([]);
  return JSON.parse(said);
}
const denied = (detail: string): unknown => ({
  code: 'STORAGE_DENIED',
  detail: expect.stringContaining(detail) as string,
  hint: expect.stringContaining('access point’s user') as string,
});
const count = (): Promise<unknown> =>
  withFile(here.file('shop.duckdb'), true, async (sql) => (await sql('SELECT count(*)::INT AS n FROM t'))[0]!.n);

it('a file that the task may not read is no backup, and the doctor says so before', async () => {
  await chmod(here.file('shop.duckdb'), 0o600);
  if (AS_NOBODY.length === 0) await chmod(here.file('shop.duckdb'), 0);
  try {
    expect(await asNobody('dump')).toEqual(denied('shop.duckdb'));
    expect(await asNobody('probe')).toContainEqual({
      level: 'bad',
      what: expect.stringContaining('shop.duckdb') as string,
      hint: expect.stringContaining('access point’s user') as string,
    });
  } finally {
    await chmod(here.file('shop.duckdb'), 0o644);
  }
});

it('a backup needs no right to write, also where a .wal lies beside the file', async () => {
  await chmod(here.server.directory, 0o555);
  try {
    expect(await asNobody('dump')).toMatchObject({ consistency: 'locked' });
    await chmod(here.server.directory, 0o755);
    await run(here.file('left.duckdb'), ['CREATE TABLE t AS SELECT i FROM range(1000) r(i)']);
    crashedWriter(here.file('left.duckdb'), ['INSERT INTO t SELECT i FROM range(5) r(i)']);
    await chmod(here.server.directory, 0o555);
    expect(await asNobody('dump', 'left.duckdb')).toMatchObject({
      fingerprint: { tables: [{ schema: 'main', table: 't', rows: 1005 }] },
    });
  } finally {
    await chmod(here.server.directory, 0o755);
  }
});

it('nothing is restored into a directory that the task may not write, and what serves is left as it is', async () => {
  await chmod(here.server.directory, 0o555);
  const before = await readdir(here.server.directory);
  try {
    expect(await asNobody('new', 'beside.duckdb')).toEqual(denied('beside.duckdb'));
    for (const mode of ['swap', 'overwrite']) expect(await asNobody(mode), mode).toEqual(denied('shop.duckdb_nj_'));
    expect(await readdir(here.server.directory)).toEqual(before);
    expect(await count()).toBe(1000);
  } finally {
    await chmod(here.server.directory, 0o755);
  }
});
