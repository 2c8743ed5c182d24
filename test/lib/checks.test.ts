/** What others check of the templates: cdk-nag and cfn-lint. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../core/config.ts';
import example from '../../config/example.ts';
import { synth } from './synth.ts';

const CONFIGS: [string, Partial<ConfigInput>][] = [
  ['the config of the tests', {}],
  ['the example, which says everything', example],
  ['a made VPC', { network: { create: true } }],
];

const CFN_LINT =
  process.env.NIGHTJAR_CFN_LINT ??
  path.join(
    process.env.NIGHTJAR_TOOLS ?? path.resolve(import.meta.dirname, '../../.local/tools'),
    'cfn-lint/bin/cfn-lint',
  );

/** Source: CDK itself writes what this warns of, a dependency on a role that is there by reference too. */
const OF_CDK = 'W3005';

describe.each(CONFIGS)('%s', (_config, change) => {
  it('has nothing that cdk-nag’s AwsSolutions object to, but for the exceptions that are argued in place', () => {
    expect(synth(change, [new AwsSolutionsChecks({ verbose: true })]).said).toEqual([]);
  });

  it('has nothing that cfn-lint objects to', () => {
    expect(existsSync(CFN_LINT), `${CFN_LINT} is missing; \`npm test\` installs it`).toBe(true);
    const { folder, config } = synth(change);
    const templates = ['vault', 'backup'].map((stack) => path.join(folder, `${config.name}-${stack}.template.json`));
    const said = (() => {
      try {
        return execFileSync(CFN_LINT, ['--ignore-checks', OF_CDK, '--', ...templates], { encoding: 'utf8' });
      } catch (error) {
        return String((error as { stdout?: string }).stdout ?? error);
      }
    })();
    expect(said.trim()).toBe('');
  });
});
