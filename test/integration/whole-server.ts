/** A whole server in one backup, on the deployed stacks: all of it comes back to a server that has nothing, or one database of it. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Postgres } from '../../local/postgres.ts';
import { tableHashes } from '../../local/sample.ts';
import { succeeded, type Ended, type World } from './world.ts';

type Hashes = Awaited<ReturnType<typeof tableHashes>>;

async function hashesOf(server: Postgres, database: string): Promise<Hashes> {
  const client = await server.connect(database);
  try {
    return await tableHashes(client);
  } finally {
    await client.end();
  }
}

export function wholeServer(get: () => World): void {
  describe('a backup of a whole server', () => {
    let world: World;
    let made: Ended;
    let before: Record<string, Hashes>;
    beforeAll(async () => {
      world = get();
      before = {
        shop: await hashesOf(world.postgres, 'shop'),
        small: await hashesOf(world.postgres, 'small'),
      };
      made = await world.run('backup', { target: 'everything', trigger: 'user' });
    });

    it('holds every database, each in an archive of its own', async () => {
      succeeded(made);
      const record = await world.catalog.getBackup('everything', made.id);
      expect(record).toMatchObject({ status: 'COMPLETED', consistency: 'transaction' });
      const files = (await world.objects('everything')).map((key) => key.split('/').at(-1));
      expect(files).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^archive-\d+-shop\./),
          expect.stringMatching(/^archive-\d+-small\./),
          'globals.sql',
        ]),
      );
    });

    it('comes back to a server that has none of it: databases, rows and logins', async () => {
      const { elsewhere } = world;
      expect(await elsewhere.query(`SELECT 1 FROM pg_roles WHERE rolname = 'meek'`)).toEqual([]);
      const one = await world.run('restore', {
        target: 'everything',
        destination: 'elsewhere',
        mode: 'new',
        allDatabases: true,
      });
      succeeded(one);
      for (const [database, hashes] of Object.entries(before))
        expect(await hashesOf(elsewhere, database), database).toEqual(hashes);
      expect(await world.catalog.getRestore(one.id)).toMatchObject({ status: 'COMPLETED', allDatabases: true });
      const meek = await elsewhere.connect('shop', { user: 'meek', password: 'meek' });
      await meek.end();
    });

    it('says of a server that has it already which databases it left alone', async () => {
      const one = await world.run('restore', { target: 'everything', mode: 'new', allDatabases: true });
      expect(one).toMatchObject({ status: 'FAILED', error: 'DESTINATION_EXISTS' });
      expect(one.cause).toMatch(/left as they are: .*shop.*small/s);
      expect(await hashesOf(world.postgres, 'shop')).toEqual(before.shop);
    });

    it('gives one of its databases back under another name', async () => {
      const one = await world.run('restore', {
        target: 'everything',
        mode: 'new',
        fromDatabase: 'small',
        database: 'small_again',
      });
      succeeded(one);
      expect(await hashesOf(world.postgres, 'small_again')).toEqual(before.small);
      expect(await world.catalog.getRestore(one.id)).toMatchObject({ fromDatabase: 'small', database: 'small_again' });
    });
  });
}
