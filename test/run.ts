/**
 * The whole of `npm test`: format, types, lint and import rules, then every test. Ends with `N passed, N failed`, and
 * exits non-zero when anything failed or a test file could not even be loaded.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
const run = (command: string, args: readonly string[]): number =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit', env: process.env }).status ?? 1;

let passed = 0;
let failed = 0;
const broken: string[] = [];

const CHECKS = [
  { title: 'formatting (prettier)', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { title: 'types (tsc)', command: 'tsc', args: ['-p', '.'] },
  { title: 'lint and import rules (eslint)', command: 'eslint', args: ['.'] },
] as const;

for (const check of CHECKS) {
  const good = run(bin(check.command), check.args) === 0;
  console.log(`${good ? '✓' : '✗'} ${check.title}`);
  if (good) passed += 1;
  else {
    failed += 1;
    broken.push(check.title);
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'nightjar-test-'));
const reportFile = path.join(folder, 'report.json');
const status = run(bin('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${reportFile}`,
  ...process.argv.slice(2),
]);
const skipped: string[] = [];
/** Promises that each dumped engine kept against a server, by its label. */
const kept = new Map<string, number>(DUMP_ENGINES.map((one) => [ENGINES[one].label, 0]));
try {
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as VitestReport;
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
  if (status !== 0 && broken.length === 0) {
    failed += 1;
    broken.push(`vitest ended with ${status}: an error outside any test, see above`);
  }
} catch (error) {
  failed += 1;
  broken.push(`vitest left no report: ${String(error)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

// A part of the suite was asked for when there are arguments.
if (process.argv.length === 2)
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
