import type { App } from 'aws-cdk-lib';
import { RIGHT } from '../core/config-read.ts';
import type { Config } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';
import { BackupStack } from './backup-stack.ts';
import { VaultStack } from './vault-stack.ts';

export interface Where {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}

export interface Stacks {
  readonly vault: VaultStack;
  readonly backup: BackupStack;
}

/**
 * Both stacks of a config. What the config does not say about account and region comes from the credentials.
 *
 * @throws NightjarError CONFIG_INVALID when neither names a region: a table with a key of its own needs one.
 */
export function makeStacks(app: App, config: Config, where: Where, now: Date): Stacks {
  const account = config.account ?? where.account;
  const region = config.region ?? where.region;
  if (!region)
    throw new NightjarError('CONFIG_INVALID', {
      operation: 'make stacks',
      detail: `\n  region is missing, and your AWS settings name none; right would be ${RIGHT.region}`,
    });
  const env = { region, ...(account ? { account } : {}) };
  const vault = new VaultStack(app, config, { env });
  const backup = new BackupStack(app, { config, vault, now, env });
  backup.addStackDependency(vault);
  return { vault, backup };
}
