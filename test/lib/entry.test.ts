import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../core/errors.ts';
import { CONFIG, ROOT } from './synth.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'nightjar-entry-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs bin/nightjar.ts as the CDK command line does. */
function run(config: string, env: Record<string, string> = { CDK_DEFAULT_REGION: 'eu-west-1' }) {
  const file = path.join(folder, `${Math.random().toString(36).slice(2)}.config.ts`);
  writeFileSync(file, config);
  const out = mkdtempSync(path.join(folder, 'out-'));
  const { context } = JSON.parse(readFileSync(path.join(ROOT, 'cdk.json'), 'utf8')) as { context: object };
  const { PATH = '', HOME = '' } = process.env;
  const result = spawnSync(path.join(ROOT, 'node_modules/.bin/tsx'), ['bin/nightjar.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
    env: {
      PATH,
      HOME,
      NIGHTJAR_CONFIG: file,
      CDK_OUTDIR: out,
      CDK_CONTEXT_JSON: JSON.stringify({ ...context, 'aws:cdk:bundling-stacks': [] }),
      ...env,
    },
  });
  return { ...result, made: readdirSync(out).filter((name) => name.endsWith('.template.json')) };
}

describe('cdk synth', () => {
  it('makes both stacks of the file that NIGHTJAR_CONFIG names', () => {
    const result = run(`export default ${JSON.stringify({ ...CONFIG, name: 'second' })};`);
    expect(result.stderr).toBe('');
    expect(result.made.sort()).toEqual(['second-backup.template.json', 'second-vault.template.json']);
  });

  it('stops at a wrong config with the path, what is wrong and what would be right, and no stack trace', () => {
    const result = run(`export default ${JSON.stringify({ ...CONFIG, concurrency: 0 })};`);
    expect(result.status).toBe(EXIT.usage);
    expect(result.stderr).toBe(
      'The config is not valid. \n' +
        '  concurrency can not be 0; right would be a whole number from 1 to 1000\n' +
        'Correct the fields that are named, then deploy again.\n',
    );
    expect(result.made).toEqual([]);
  });

  it('says so when the file is broken, exports nothing, or no region is known', () => {
    const broken = run('export default {');
    expect(broken.stderr).toContain('The config is not valid.');
    expect(broken.stderr).not.toMatch(/^\s+at /m);
    expect(run('export const config = {};').stderr).toContain('export default defineConfig(');
    const nowhere = { ...CONFIG, region: undefined };
    expect(run(`export default ${JSON.stringify(nowhere)};`, {}).stderr).toContain('region is missing');
  });
});
