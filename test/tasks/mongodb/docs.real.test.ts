/** The commands by which a person restores without Nightjar do it, as they stand in docs/engines/mongodb.md. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATH, targetAt } from './harness.ts';
import { leave, room, shop, type Room } from './room.ts';

const run = promisify(execFile);
let here: Room;
let place: string;
/** Of one database, and of a whole server. */
let blocks: string[][];

beforeAll(async () => {
  here = await room({}, { replicaSet: 'rs0' });
  place = await mkdtemp(join(tmpdir(), 'nightjar-docs-'));
  const page = await readFile(new URL('../../../docs/engines/mongodb.md', import.meta.url), 'utf8');
  const part = page.slice(page.indexOf('## Without Nightjar'));
  blocks = [...part.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) =>
    block!.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
  );
  const { mongodb, login } = here.server;
  await writeFile(join(place, 'ca.pem'), mongodb.caPem);
  const tls = mongodb.caPem === '' ? '' : '&tls=true&tlsCAFile=ca.pem';
  const who = `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}`;
  await writeFile(
    join(place, 'login.yaml'),
    `uri: mongodb://${who}@${mongodb.host}:${mongodb.port}/?authSource=admin&directConnection=true${tls}\n`,
  );
  // What is in the vault is in a file here.
  await writeFile(join(place, 'aws'), '#!/bin/sh\nexec cat "$VAULT_OBJECT"\n');
  await chmod(join(place, 'aws'), 0o755);
  await shop(here, 'shop');
  await here.server.client.db('bank').collection('orders').insertOne({ n: 1 });
});
afterAll(async () => {
  await leave(here);
  await rm(place, { recursive: true, force: true });
});

async function by(line: string): Promise<void> {
  const env = { PATH: `${place}:${PATH}`, VAULT_OBJECT: join(place, 'object') };
  const { stderr } = await run('sh', ['-ec', line], { cwd: place, env });
  if (line.startsWith('mongorestore')) expect(stderr, line).toMatch(/[1-9]\d* document\(s\) restored.* 0 document/);
}

describe('restoring by hand, as the docs tell it', () => {
  it('brings one database back, under its own name and under another', async () => {
    const [fetch, same, beside, ...rest] = blocks[0]!;
    expect([beside !== undefined, rest]).toEqual([true, []]);
    const kept = await here.server.rowsOf('shop');
    const { backup } = await here.bench.dump('shop');
    await writeFile(join(place, 'object'), backup.finished.get('archive')!);
    await by(fetch!);
    await here.server.dropDatabase('shop');
    await by(same!);
    expect(await here.server.rowsOf('shop')).toEqual(kept);
    await by(beside!);
    expect(await here.server.rowsOf('copy')).toEqual(kept);
    await here.server.dropDatabase('copy');
  });

  it('brings a whole server back, and one database of it', async () => {
    const [fetch, all, one, ...rest] = blocks[1]!;
    expect([one !== undefined, rest]).toEqual([true, []]);
    const [shops, banks] = [await here.server.rowsOf('shop'), await here.server.rowsOf('bank')];
    const target = targetAt(here.server.mongodb, 'shop', { scope: { allDatabases: true } });
    const { backup } = await here.bench.dump('shop', { target });
    await writeFile(join(place, 'object'), backup.finished.get('archive')!);
    await by(fetch!);
    for (const name of ['shop', 'bank']) await here.server.dropDatabase(name);
    await by(all!);
    expect([await here.server.rowsOf('shop'), await here.server.rowsOf('bank')]).toEqual([shops, banks]);
    await by(one!);
    expect(await here.server.rowsOf('copy')).toEqual(shops);
  });
});
