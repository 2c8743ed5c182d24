/** The commands of docs/engines/postgres.md that bring a backup back without Nightjar, as they stand there. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_ROOT } from '../../../local/paths.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { sealed } from '../../../tasks/seal.ts';
import { memoryBackup } from '../../contracts/doubles.ts';
import type { Rows } from '../../contracts/engine-bench.ts';
import { blocksOf, linesOf, typed } from '../../support/by-hand.ts';
import { targetAt } from './harness.ts';
import { leave, room, type Room } from './room.ts';

const MAJOR = 15;

/** The library in place of its command. */
const AGE = `#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Decrypter } from '${join(process.cwd(), 'node_modules/age-encryption/dist/index.js')}';
const [, , flag, option, file] = process.argv;
if (flag !== '-d' || option !== '-i') process.exit(9);
const decrypter = new Decrypter();
decrypter.addIdentity(readFileSync(file, 'utf8').trim());
process.stdout.write(await decrypter.decrypt(readFileSync(0)));
`;

describe('a backup without Nightjar', () => {
  let here: Room;
  let work: string;
  let store: string;
  let original: Rows;
  let blocks: string[][];
  const tried: string[] = [];

  beforeAll(async () => {
    blocks = (await blocksOf('postgres.md', 'Without Nightjar')).map(linesOf);
    here = await room(MAJOR);
    work = await mkdtemp(join(tmpdir(), 'nightjar-by-hand-'));
    store = join(work, 'store');
    await mkdir(store);
    await here.server.postgres.query('CREATE ROLE keeper');
    await here.server.postgres.query('CREATE DATABASE shop OWNER keeper');
    await here.server.postgres.query(
      `CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders SELECT i, 'é 😀 ' || i FROM generate_series(1, 500) i;
       ALTER TABLE orders OWNER TO keeper; SELECT lo_from_bytea(4711, 'large')`,
      { database: 'shop' },
    );
    original = await here.server.rowsOf('shop');
  });
  afterAll(async () => {
    await leave(here);
    await rm(work, { recursive: true, force: true });
  });

  type Fields = Parameters<typeof targetAt>[2];
  const stored = async (fields: Fields): Promise<string[]> => {
    await rm(store, { recursive: true, force: true });
    await mkdir(store);
    await writeFile(join(store, 'manifest.json'), '{}');
    const target = targetAt(here.server.postgres, 'shop', fields);
    const files: string[] = [];
    const backup = memoryBackup();
    const sink: typeof backup.sink = {
      open(role, file, database) {
        files.push(file);
        const stream = backup.sink.open(role, file, database);
        stream.on('finish', () =>
          written.push(
            writeFile(
              join(store, file),
              (database === undefined ? backup.finished.get(role) : backup.archives.get(database))!,
            ),
          ),
        );
        return stream;
      },
    };
    const written: Promise<void>[] = [];
    const context = here.bench.context('shop', { target });
    await postgres.dump(context, sealed(sink, target, context.signal));
    await Promise.all(written);
    return files;
  };
  const shell = async (line: string): Promise<void> => {
    tried.push(line);
    const caFile = join(work, 'ca.pem');
    await writeFile(caFile, here.server.postgres.caPem);
    await typed(`B=s3://VAULT/a1\n${line}`, {
      vault: store,
      cwd: work,
      doubles: { age: AGE },
      env: {
        PATH: [join(POSTGRES_ROOT, String(MAJOR), 'bin'), process.env.PATH].join(delimiter),
        PGHOST: here.server.postgres.host,
        PGPORT: String(here.server.postgres.port),
        PGUSER: here.server.login.username,
        PGPASSWORD: here.server.login.password,
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: caFile,
      },
    });
  };
  /** The lines of a block that speak of this file. */
  const linesOn = (block: string[], file: string): string[] =>
    block.filter((line) => new RegExp(`/${file.replaceAll('.', '\\.')}(?= )`).test(line));
  const afresh = async (): Promise<void> => {
    await here.server.dropDatabase('shop');
    await here.server.postgres.query(`CREATE DATABASE shop`);
  };
  const lost = async (): Promise<void> => {
    await here.server.dropDatabase('shop');
    await here.server.postgres.query('DROP ROLE keeper');
  };

  it.each([
    ['archive.dump', { compression: { algorithm: 'gzip', level: 1 } }],
    ['archive.dump.zst', {}],
    ['archive.sql.zst', { format: 'plain' }],
    ['archive.dump.age', { compression: { algorithm: 'gzip', level: 1 }, encryption: true }],
  ] as const)(
    'comes back by the commands of the page: %s',
    async (file, { encryption, ...fields }: { encryption?: boolean } & Record<string, unknown>) => {
      const identity = await generateIdentity();
      await writeFile(join(work, 'identity.txt'), `${identity}\n`);
      const secret = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:age-AbCdEf';
      const sealing = encryption
        ? { encryption: { recipients: [await identityToRecipient(identity)], identity: secret } }
        : {};
      expect(await stored({ ...fields, ...sealing })).toContain(file);
      await lost();
      if (encryption) for (const line of linesOn(blocks[1]!, 'globals.sql.age')) await shell(line);
      else for (const line of blocks[0]!.filter((one) => !one.startsWith('createdb'))) await shell(line);
      for (const line of blocks[0]!.filter((one) => one.startsWith('createdb'))) await shell(line);
      const lines = linesOn(blocks[1]!, file);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) {
        await afresh();
        await shell(line);
        const found = await here.server.rowsOf('shop');
        for (const key of ['public.orders', '(owners)', '(largeObjects)'])
          expect(found[key], line).toEqual(original[key]);
      }
      await here.server.postgres.query(`ALTER DATABASE shop OWNER TO keeper`);
      await rm(join(work, 'archive.dump'), { force: true });
    },
  );

  it('comes back with all databases and their passwords by the commands of the page', async () => {
    const { postgres: server } = here.server;
    await here.server.postgres.query(`ALTER DATABASE shop SET work_mem TO '7MB'`);
    await server.query(`ALTER ROLE keeper LOGIN PASSWORD 'kept'; CREATE TABLE strayed AS SELECT 1 AS x`);
    const gzip = { algorithm: 'gzip', level: 1 } as const;
    const files = await stored({ scope: { allDatabases: true }, compression: gzip });
    // The awkward roles of the harness own no database; those that do come in the order of their names.
    expect(files).toEqual(['archive-1-postgres.dump', 'archive-2-shop.dump', 'globals.sql']);
    const before = await here.server.rowsOf('shop');
    await lost();
    await server.query('DROP TABLE strayed');
    await shell(blocks[0]!.find((line) => line.includes('globals.sql globals.sql'))!);
    await shell(blocks[0]!.find((line) => line.startsWith('psql'))!);
    for (const line of blocks[2]!.slice(1)) {
      const named = /archive-\d-(\w+)/.exec(line)![1]!;
      await shell(
        line.replace(
          /archive-\d-\w+\.dump/,
          files.find((file) => file.endsWith(`-${named}.dump`))!,
        ),
      );
    }
    expect(await here.server.rowsOf('shop')).toEqual(before);
    expect(await server.query('SELECT x FROM strayed')).toEqual([{ x: 1 }]);
    const keeper = await server.connect('shop', { user: 'keeper', password: 'kept' });
    await keeper.end();
  });

  it('has had every command of the page tried', () => {
    const commands = blocks.flat().filter((line) => !/^B=|^aws s3 ls/.test(line));
    const told = (line: string): string => line.replace(/s3:\/\/\S+\//, '$B/').replace(/archive-\d-/, 'archive-');
    expect(commands.map(told).filter((line) => !tried.map(told).includes(line))).toEqual([]);
  });
});
