/** Step of `bootstrap.mjs`: PgBouncer from Debian's package, unpacked below `.local/tools` with the library that it brings along. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES = ['libc-ares2', 'libevent-2.1-7', 'pgbouncer'];

/** `tools`: what bootstrap.mjs has to give. */
export function makePgbouncer({ TOOLS, once, run, sha256, onPath, need }) {
  const home = join(TOOLS, 'pgbouncer');
  once('pgbouncer', sha256('1', PACKAGES.join()), 'PgBouncer', () => {
    need(onPath('dpkg-deb') ? [] : ['dpkg'], 'PgBouncer is unpacked from Debian’s package');
    const work = mkdtempSync(join(tmpdir(), 'nightjar-pgbouncer-'));
    try {
      // apt downloads as a user of its own.
      chmodSync(work, 0o777);
      const download = () => run('apt-get', ['download', '-qq', ...PACKAGES], { cwd: work });
      try {
        download();
      } catch {
        // A list that is older than the archive names packages that are gone.
        run('apt-get', ['update', '-qq']);
        download();
      }
      for (const file of readdirSync(work).filter((name) => name.endsWith('.deb')))
        run('dpkg-deb', ['-x', join(work, file), join(work, 'all')]);
      const fresh = `${home}.new`;
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      copyFileSync(join(work, 'all', 'usr', 'sbin', 'pgbouncer'), join(fresh, 'pgbouncer'));
      const libraries = readdirSync(join(work, 'all', 'usr', 'lib')).find((name) => name.endsWith('-linux-gnu'));
      const from = join(work, 'all', 'usr', 'lib', libraries);
      for (const name of readdirSync(from).filter((one) => one.includes('.so.') || one.endsWith('.so')))
        copyFileSync(join(from, name), join(fresh, name));
      rmSync(home, { recursive: true, force: true });
      renameSync(fresh, home);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}
