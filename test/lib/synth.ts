/** Both stacks synthesized as the CDK command line would, without bundling what Lambda runs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App, Aspects, type IAspect } from 'aws-cdk-lib';
import type { SynthesisMessage } from 'aws-cdk-lib/cx-api';
import { afterAll } from 'vitest';
import { parseConfig } from '../../core/config-read.ts';
import type { Config, ConfigInput } from '../../core/config.ts';
import { makeStacks } from '../../lib/stacks.ts';
import type { Template } from './resolve.ts';

export const ROOT = path.resolve(import.meta.dirname, '..', '..');
export const ACCOUNT = '123456789012';
export const REGION = 'eu-west-1';
/** No daylight saving, and no clock of this machine, moves what the stacks say. */
export const NOW = new Date('2026-11-21T09:00:00Z');

export const secretOf = (target: string): string =>
  `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:${target}-AbCdEf`;

export const targetOf = (name: string): Extract<ConfigInput['targets'][number], { engine: 'postgres' }> => ({
  name,
  engine: 'postgres',
  host: `${name}.example.org`,
  database: name,
  secret: secretOf(name),
});

export const CONFIG: ConfigInput = {
  account: ACCOUNT,
  region: REGION,
  schedule: { nightly: '01:30', timeZone: 'Europe/Zurich' },
  mail: { from: 'nightjar@example.org', to: ['oncall@example.org'] },
  alarms: { mail: ['oncall@example.org'] },
  network: {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0'],
    securityGroupIds: ['sg-0123456789abcdef0'],
  },
  targets: [
    { ...targetOf('shop'), secretKey: `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555` },
    { ...targetOf('ledger'), frequency: 'weekly' },
  ],
};

const textOf = ({ id, entry }: SynthesisMessage): string => `${id}: ${entry.data as string}`;

export interface Synthesized {
  readonly config: Config;
  readonly vault: Template;
  readonly backup: Template;
  /** What annotations and aspects said, each with its rule. */
  readonly said: readonly string[];
  /** Where the templates lie. */
  readonly folder: string;
}

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

export function synth(change: Partial<ConfigInput> = {}, aspects: readonly IAspect[] = []): Synthesized {
  const { context } = JSON.parse(readFileSync(path.join(ROOT, 'cdk.json'), 'utf8')) as { context: object };
  const folder = mkdtempSync(path.join(tmpdir(), 'nightjar-synth-'));
  folders.push(folder);
  const app = new App({
    outdir: folder,
    context: { ...context, 'aws:cdk:bundling-stacks': [] },
    analyticsReporting: false,
  });
  for (const aspect of aspects) Aspects.of(app).add(aspect);
  const config = parseConfig({ ...CONFIG, ...change });
  const { vault, backup } = makeStacks(app, config, {}, NOW);
  const assembly = app.synth();
  return {
    config,
    vault: assembly.getStackByName(vault.stackName).template as Template,
    backup: assembly.getStackByName(backup.stackName).template as Template,
    said: assembly.stacks.flatMap((stack) => stack.messages).map(textOf),
    folder,
  };
}
