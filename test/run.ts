/**
 * The whole of `npm test`: format, types, lint and import rules, then every test. Ends with `N passed, N failed`, and
 * exits non-zero when anything failed or a test file could not even be loaded.
 *
 * The tests of the pretend account wait more than they work: they run beside all else, and their words come when they
 * have ended.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DUMP_ENGINES, ENGINES } from '../core/engines.ts';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const root = path.resolve(import.meta.dirname, '..');
const bin = (name: string): string => path.join(root, 'node_modules', '.bin', name);
/** Resolves with its exit status. `log`: a file for all that it says, instead of the terminal. */
function run(command: string, args: readonly string[], log?: string): Promise<number> {
  const out = log === undefined ? ('inherit' as const) : openSync(log, 'w');
  const child = spawn(command, args, { cwd: root, stdio: ['inherit', out, out], env: process.env });
  if (typeof out === 'number') closeSync(out);
  return new Promise((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

let passed = 0;
let failed = 0;
const broken: string[] = [];

const CHECKS = [
  { title: 'formatting (prettier)', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { title: 'types (tsc)', command: 'tsc', args: ['-p', '.'] },
  { title: 'lint and import rules (eslint)', command: 'eslint', args: ['.'] },
] as const;

const folder = mkdtempSync(path.join(tmpdir(), 'nightjar-test-'));
const reportOf = (name: string): string => path.join(folder, `${name}.json`);
const tests = (name: string, args: readonly string[], log?: string): Promise<number> =>
  run(
    bin('vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportOf(name)}`, ...args],
    log,
  );

async function checks(): Promise<void> {
  for (const check of CHECKS) {
    const good = (await run(bin(check.command), check.args)) === 0;
    console.log(`${good ? '✓' : '✗'} ${check.title}`);
    if (good) passed += 1;
    else {
      failed += 1;
      broken.push(check.title);
    }
  }
}

const asked = process.argv.slice(2);
/** Exit status of each run of vitest, by its name. */
const statuses = await (async (): Promise<Readonly<Record<string, number>>> => {
  // A part of the suite was asked for.
  if (asked.length > 0) {
    await checks();
    return { asked: await tests('asked', asked) };
  }
  const log = path.join(folder, 'account.log');
  const account = tests('account', ['--project=real'], log);
  await checks();
  const rest = await tests('rest', ['--project=unit', '--project=engines']);
  console.log('the tests of the pretend account:');
  const real = await account;
  console.log(readFileSync(log, 'utf8'));
  return { rest, account: real };
})();
const skipped: string[] = [];
/** Promises that each dumped engine kept against a server, by its label. */
const kept = new Map<string, number>(DUMP_ENGINES.map((one) => [ENGINES[one].label, 0]));
for (const [run, status] of Object.entries(statuses))
  try {
    const report = JSON.parse(readFileSync(reportOf(run), 'utf8')) as VitestReport;
    const before = broken.length;
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    for (const file of report.testResults) {
      const own = file.assertionResults.filter((one) => one.status === 'failed');
      broken.push(...own.map((one) => one.fullName));
      for (const { status: end, fullName } of file.assertionResults) {
        if (end === 'skipped' || end === 'pending' || end === 'todo') skipped.push(fullName);
        if (end === 'passed' && fullName.includes("keeps the engine's promises"))
          for (const [label, count] of kept)
            if (fullName.startsWith(label) && /\W/.test(fullName.charAt(label.length))) kept.set(label, count + 1);
      }
      // A file that could not be loaded has no failed test of its own.
      if (file.status === 'failed' && own.length === 0) {
        failed += 1;
        broken.push(`${path.relative(root, file.name)}: ${file.message ?? 'could not be run'}`);
      }
    }
    if (status !== 0 && broken.length === before) {
      failed += 1;
      broken.push(`vitest ended with ${status}: an error outside any test, see above`);
    }
  } catch (error) {
    failed += 1;
    broken.push(`vitest left no report: ${String(error)}`);
  }
rmSync(folder, { recursive: true, force: true });

if (asked.length === 0)
  for (const [label, count] of kept) {
    console.log(`${count > 0 ? '✓' : '✗'} ${label}: ${count} promises kept against a server`);
    if (count > 0) continue;
    failed += 1;
    broken.push(`${label}: no promise of the engine contract was tried`);
  }
for (const line of skipped) console.log(`skipped: ${line}`);
for (const line of broken) console.log(`✗ ${line}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
