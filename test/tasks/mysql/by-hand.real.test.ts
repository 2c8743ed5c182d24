/** The commands of the docs, as somebody types them in an emergency. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MYSQL_CLIENTS } from '../../../local/mysql.ts';
import { blocksOf, typed, type Desk } from '../../support/by-hand.ts';
import { rowsOf } from './harness.ts';
import { FLAVOURS, leave, room, type Room } from './room.ts';

const section = (): Promise<string[]> => blocksOf('mysql.md', 'Without Nightjar');

describe.each(FLAVOURS)('by hand, with %s', (flavour) => {
  let here: Room;
  let place: string;
  let desk: Desk;
  beforeAll(async () => {
    here = await room(flavour);
    await here.server.seed('shop');
    place = await mkdtemp(join(tmpdir(), 'nightjar-by-hand-'));
    await mkdir(join(place, 'vault'));
    const { server } = here.server;
    await writeFile(join(place, 'ca.pem'), server.caPem);
    // HOST, USER and the password are this server's.
    const mariadb = `#!/bin/sh
for word; do shift; case "$word" in HOST) word=127.0.0.1;; USER) word=${server.user};; -p) continue;; esac; set -- "$@" "$word"; done
exec ${join(MYSQL_CLIENTS, 'mariadb')} --no-defaults --port=${server.port} --ssl-ca=${place}/ca.pem --default-character-set=utf8mb4 "$@"
`;
    desk = {
      vault: join(place, 'vault'),
      cwd: place,
      doubles: { mariadb },
      env: { PATH: '/usr/bin:/bin', MYSQL_PWD: server.password, LC_ALL: 'C.UTF-8' },
    };
  });
  afterAll(async () => {
    await leave(here);
    await rm(place, { recursive: true, force: true });
  });
  it('brings every row of one database back', async () => {
    const { backup } = await here.bench.dump('shop');
    await writeFile(join(place, 'vault', 'archive.sql.zst'), backup.finished.get('archive')!);
    const [one] = await section();
    await typed(one!, desk);
    const [found, original] = [await rowsOf(here.server.server, 'shop2'), await rowsOf(here.server.server, 'shop')];
    for (const [table, rows] of Object.entries(original))
      if (!table.startsWith('(')) expect(found[table], table).toEqual(rows);
  });

  it('brings one database and the users of a whole server back', async () => {
    await here.server.server.query("CREATE USER lost@'%' IDENTIFIED BY 'Secret-1'; GRANT SELECT ON shop.* TO lost@'%'");
    const target = here.server.target('shop', { scope: { allDatabases: true } });
    const { backup } = await here.bench.dump('shop', { target });
    await here.server.server.query('DROP USER lost');
    await writeFile(join(place, 'vault', 'globals.sql'), backup.finished.get('globals')!);
    await writeFile(join(place, 'vault', 'archive-0002.sql.zst'), backup.archives.get('shop')!);
    const [, all] = await section();
    await typed(all!, desk);
    const [found, original] = [await rowsOf(here.server.server, 'shop3'), await rowsOf(here.server.server, 'shop')];
    for (const [table, rows] of Object.entries(original))
      if (!table.startsWith('(')) expect(found[table], table).toEqual(rows);
    const lost = await here.server.server.connect('shop', { user: 'lost', password: 'Secret-1' });
    await lost.end();
  });
});
