/** CDK's entry: the config in, both stacks out. A wrong config ends it in words, before anything is made. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { App } from 'aws-cdk-lib';
import { parseConfig } from '../core/config-read.ts';
import type { Config } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';
import { makeStacks } from '../lib/stacks.ts';

async function loadConfig(file: string): Promise<Config> {
  let input: unknown;
  try {
    input = ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new NightjarError('CONFIG_INVALID', { operation: 'load config', detail: `${file}: ${String(cause)}`, cause });
  }
  if (input === undefined)
    throw new NightjarError('CONFIG_INVALID', {
      operation: 'load config',
      detail: `${file} has no default export; right would be: export default defineConfig({ … })`,
    });
  return parseConfig(input);
}

try {
  const config = await loadConfig(path.resolve(process.env.NIGHTJAR_CONFIG ?? 'nightjar.config.ts'));
  const where = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
  makeStacks(new App(), config, where, new Date());
} catch (thrown) {
  if (!(thrown instanceof NightjarError)) throw thrown;
  console.error(`${thrown.message}\n${thrown.entry.hint}`);
  process.exitCode = thrown.entry.exitCode;
}
