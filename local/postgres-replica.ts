import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './child.ts';
import { POSTGRES_ROOT } from './paths.ts';
import { startPostgres, type Postgres, type PostgresOptions } from './postgres.ts';

/** A streaming replica of a server of the same major version; `settings` as the server's, and more. */
export async function startReplica(primary: Postgres, settings: PostgresOptions['settings'] = {}): Promise<Postgres> {
  const dir = await mkdtemp(join(tmpdir(), 'nightjar-replica-'));
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true, maxRetries: 5 });
  try {
    const data = join(dir, 'data');
    const from = `host=127.0.0.1 port=${primary.port} user=${primary.user} sslmode=require`;
    await run(
      join(POSTGRES_ROOT, String(primary.major), 'bin', 'pg_basebackup'),
      ['--pgdata', data, '--checkpoint=fast', '--no-sync', '--dbname', from],
      { env: { PATH: '/usr/bin:/bin', PGPASSWORD: primary.password, HOME: dir }, cwd: dir },
    );
    await writeFile(join(data, 'standby.signal'), '');
    await writeFile(join(dir, 'password'), primary.password, { mode: 0o600 });
    if (process.getuid?.() === 0) {
      await chmod(dir, 0o711);
      await run('chown', ['-R', '65534:65534', data], { env: { PATH: '/usr/bin:/bin' }, cwd: dir });
    }
    const replica = await startPostgres({
      major: primary.major,
      dir,
      durable: false,
      // By hand: what pg_basebackup would write may be too new for the libpq that the server finds.
      settings: { primary_conninfo: `${from} password=${primary.password}`, ...settings },
    });
    const stop: Postgres['stop'] = async (options) => {
      await replica.stop(options);
      if (!options?.keep) await remove();
    };
    return Object.create(replica, { stop: { value: stop } }) as Postgres;
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}
