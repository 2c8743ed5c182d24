/** A vault that answers late: nobody who writes to the database waits for it, and no server hangs up on the dump. */
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DumpSink, RestoreSource } from '../../../tasks/engine.ts';
import { reachServer } from '../../../tasks/engines/mysql/server.ts';
import { memoryBackup, memorySource } from '../../contracts/doubles.ts';
import { engineOf, fakeClients, inside, runAll } from './harness.ts';
import { FLAVOURS, leave, room, shop, type Room } from './room.ts';

const wait = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1_000));
const PLAIN = { compression: { algorithm: 'none' as const, level: 0 } };

describe.each(FLAVOURS)('with %s', (flavour) => {
  let here: Room;
  const sql = <Row = Record<string, unknown>>(text: string, database?: string): Promise<Row[]> =>
    here.server.server.query<Row>(text, database);
  const whole = () => ({ target: here.server.target('all', { scope: { allDatabases: true } }) });
  /** Waits no longer than this for a lock. */
  const insert = (id: number) =>
    inside(here.server.server, 'shop', async (connection) => {
      await connection.query('SET SESSION lock_wait_timeout = 3');
      await connection.query(`INSERT INTO customers VALUES (${id}, 'meanwhile')`);
    });

  /** What anybody asks of the server meanwhile is in its log. */
  const listening = async <T>(work: () => Promise<T>): Promise<T> => {
    await sql("TRUNCATE mysql.general_log; SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
    return work().finally(() => sql('SET GLOBAL general_log = OFF'));
  };
  const said = (which: string) =>
    sql<{ id: number; said: string }>(
      `SELECT thread_id AS id, convert(argument USING utf8mb4) AS said FROM mysql.general_log
        WHERE command_type = 'Query' AND ${which} ORDER BY event_time`,
    );

  beforeAll(async () => {
    here = await room(flavour, flavour === 'mariadb' ? { log_bin: 'bin' } : {});
    await shop(here, 'shop', 40);
  });
  afterAll(() => leave(here));

  it('lets writers write while the users wait for the vault, and asks the server nothing else while they may not', async () => {
    const backup = memoryBackup();
    let written: unknown;
    const sink: DumpSink = {
      open(role, file, database) {
        if (role !== 'globals') return backup.sink.open(role, file, database);
        return new Writable({
          write: (_chunk, _encoding, done) => done(),
          final: (done) =>
            void insert(900_000)
              .then(
                () => (written = 'yes'),
                (thrown: unknown) => (written = thrown),
              )
              .then(() => done()),
        });
      },
    };
    const facts = await listening(() => engineOf(flavour).dump(here.bench.context('all', whole()), sink));
    expect(written).toBe('yes');
    expect(facts.fingerprint.mode).toBe('checksums');
    const heard = await said('true');
    const locked = heard.findIndex(({ said }) => said.startsWith('FLUSH TABLES WITH READ LOCK'));
    const tool = heard.findLast(({ said }) => said.includes('!40100 WITH CONSISTENT SNAPSHOT'))!;
    const ours = heard.slice(locked + 1, heard.indexOf(tool)).filter(({ id }) => id !== tool.id);
    expect(ours.map(({ said }) => said)).toEqual([
      expect.stringContaining('ISOLATION LEVEL REPEATABLE READ'),
      expect.stringContaining('START TRANSACTION WITH CONSISTENT SNAPSHOT'),
      expect.stringContaining('utc_timestamp'),
      'SHOW MASTER STATUS',
    ]);
  });

  it('is not hung up on while the vault keeps it waiting for longer than the server waits for anybody', async () => {
    await sql('SET GLOBAL net_write_timeout = 1; SET GLOBAL net_read_timeout = 1');
    try {
      let stalled: Promise<void> | undefined;
      const backup = memoryBackup((bytes) => (bytes > 1_000_000 ? (stalled ??= wait(6)) : undefined));
      const target = here.server.target('shop', PLAIN);
      const facts = await engineOf(flavour).dump(here.bench.context('shop', { target }), backup.sink);
      expect(stalled).toBeDefined();
      expect(facts.fingerprint.tables.find((one) => one.table === 'filling')).toMatchObject({ rows: 40 * 1024 });
    } finally {
      await sql('SET GLOBAL net_write_timeout = DEFAULT; SET GLOBAL net_read_timeout = DEFAULT');
    }
  });

  it('nor on a restore', async () => {
    const target = here.server.target('shop', { ...PLAIN, scope: { exclude: ['filling'] } });
    const { manifest, backup } = await here.bench.dump('shop', here.bench.context('shop', { target }));
    const source = memorySource(manifest, backup);
    const archive = backup.finished.get('archive')!;
    await sql('SET GLOBAL wait_timeout = 1; SET GLOBAL net_read_timeout = 1');
    try {
      const late: RestoreSource = {
        ...source,
        openArchive: () =>
          Readable.from(
            (async function* () {
              yield archive.subarray(0, archive.length / 2);
              await wait(4);
              yield archive.subarray(archive.length / 2);
            })(),
            { objectMode: false },
          ),
      };
      const { comparison } = await here.bench.restore(here.bench.restoreJob('copy', 'new'), late);
      expect(comparison).toMatchObject({ equal: true });
    } finally {
      await sql('SET GLOBAL wait_timeout = DEFAULT; SET GLOBAL net_read_timeout = DEFAULT');
    }
    await sql('DROP DATABASE IF EXISTS copy');
  });

  it('verifies the server’s certificate and its name in the tools, too', async () => {
    const server = await reachServer(here.bench.context('shop'));
    const { signal } = here.bench.context('shop');
    const words = async (more: string[]) => {
      const child = server.start('mariadb-dump', [...more, '--no-data', 'shop'], { signal, stdout: 'pipe' });
      child.stdout!.resume();
      return (await child.done).stderr;
    };
    expect(await words([])).toBe('');
    expect(await words(['--host=host=127.1;init-command={DO 0}'])).toMatch(/certificate|TLS|SSL/);
    expect(await words(['--ssl-ca=/etc/ssl/certs/ca-certificates.crt'])).toMatch(/certificate|TLS|SSL/);
  });

  it('tells no position of the binary log that is older than its snapshot', async () => {
    const position = async (script: string | undefined) => {
      const env = script === undefined ? {} : { env: { PATH: await fakeClients({ 'mariadb-dump': script }) } };
      const target = here.server.target('shop', { scope: { exclude: ['filling'] } });
      const context = here.bench.context('shop', { target, ...env });
      const { source, fingerprint } = await engineOf(flavour).dump(context, memoryBackup().sink);
      return {
        at: source.details.binlogPosition,
        mode: fingerprint.mode,
        warnings: context.report.warnings.join('\n'),
      };
    };
    const late = (what: string) => `case "$*" in *--version*) ;; *) ${what};; esac\nexec "$REAL" "$@"`;
    expect(await position(undefined)).toMatchObject({ at: expect.any(Number) as number, mode: 'checksums' });

    const ended = listening(async () => {
      let holder: { id: number } | undefined;
      await expect
        .poll(async () => (holder = (await said("argument LIKE 'SHOW MASTER STATUS%'")).at(-1)), { timeout: 60_000 })
        .toBeDefined();
      await sql(`KILL ${holder!.id}`);
    });
    const killed = await position(late('sleep 5'));
    await ended;
    expect(killed).toMatchObject({ at: undefined, mode: 'counts' });
    expect(killed.warnings).toContain('position of the binary log');

    // One server is enough for so long a wait.
    if (flavour === 'mariadb') return;
    const slow = await position(late('sleep 21'));
    expect(slow).toMatchObject({ at: undefined, mode: 'counts' });
    expect(slow.warnings).toContain('position of the binary log');
  });

  it('says beforehand what of it is to be feared: no such position, a pace that locks tables for long, a server that hangs up', async () => {
    const told = async (fields: Parameters<typeof here.server.target>[1]) =>
      (
        await engineOf(flavour).probe(here.bench.context('shop', { target: here.server.target('shop', fields) }))
      ).findings
        .filter((one) => one.level === 'warn')
        .map(({ what, hint }) => `${what} ${hint}`)
        .join('\n');
    expect(await told({ fingerprint: 'counts' })).not.toContain('position');
    expect(await told({ fingerprint: 'none' })).toContain('position of the binary log');
    await sql('SET GLOBAL wait_timeout = 600');
    expect((await told({})).includes('SET GLOBAL wait_timeout = 900;')).toBe(flavour === 'mariadb');
    await sql('SET GLOBAL wait_timeout = 28800');
    expect(await told({})).not.toContain('wait_timeout');
    await runAll(here.server.server, 'shop', ['CREATE TABLE old_kind (id int PRIMARY KEY) ENGINE = MyISAM']);
    expect(await told({ unsafeTables: 'lock' })).not.toContain('bytesPerSecond');
    expect(await told({ unsafeTables: 'lock', bytesPerSecond: 65_536 })).toMatch(/bytesPerSecond.*\d+ minutes/);
    await sql('DROP TABLE shop.old_kind');
  });
});
