/** One invocation: who asks, of which Nightjar, and what is deployed of it. Each thing is looked up once, when needed. */
import type { Catalog } from '../core/catalog.ts';
import type { Config } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';
import {
  BACKUP_OUTPUTS,
  TABLE_MACHINE,
  VAULT_OUTPUTS,
  backupStackName,
  vaultStackName,
  type OfMachines,
} from '../core/names.ts';
import type { ReadableVault } from '../stores/rebuild.ts';
import { toCommandError } from './aws-errors.ts';
import { painter, type Paint } from './format.ts';
import { lineMeter, type Meter } from './meter.ts';
import type { World } from './world.ts';

/** Options of every command. */
export interface GlobalOptions {
  readonly name: string;
  readonly json: boolean;
  readonly color: boolean;
}

/** What outlives everything else; enough to read every backup. */
export interface DeployedVault {
  readonly bucket: string;
  readonly catalogTable: string;
  readonly keyArn: string;
  readonly catalog: Catalog;
  readonly vault: ReadableVault;
}

export interface DeployedBackup {
  readonly machines: OfMachines<string>;
  readonly version: string;
  readonly config: Config;
}

export interface Session {
  readonly world: World;
  readonly name: string;
  readonly json: boolean;
  readonly paint: Paint;
  /** What a person may want to know meanwhile; never on stdout with `--json`. */
  say(line: string): void;
  meter(): Meter;
  /** @throws NightjarError STACKS_MISSING. */
  vault(): Promise<DeployedVault>;
  /** @throws NightjarError STACKS_MISSING. */
  backup(): Promise<DeployedBackup>;
  /** Who asks, for the record; undefined when STS does not answer. */
  requestedBy(): Promise<string | undefined>;
}

/** A record keeps this much of who asked. */
const WHO_LIMIT = 200;

export function openSession(world: World, options: GlobalOptions): Session {
  const say = (line: string): void => (options.json ? world.err(line) : world.out(line));
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => (made ??= make());
  };
  const outputsOf = async (
    stack: string,
    wanted: Readonly<Record<string, string>>,
  ): Promise<Record<string, string>> => {
    const outputs = await world.aws.stackOutputs(stack);
    const missing = Object.values(wanted).filter((key) => !outputs?.[key] && key !== BACKUP_OUTPUTS[TABLE_MACHINE]);
    if (outputs === undefined || missing.length > 0)
      throw new NightjarError('STACKS_MISSING', {
        operation: 'find stacks',
        detail:
          outputs === undefined
            ? `There is no stack ${stack} in ${await world.aws.region()}.`
            : `The stack ${stack} has no output ${missing.join(', ')}: deploy it with this version.`,
      });
    return Object.fromEntries(Object.entries(wanted).map(([name, key]) => [name, outputs[key] ?? '']));
  };

  return {
    world,
    name: options.name,
    json: options.json,
    paint: painter(options.color && !options.json),
    say,
    meter: () => (world.terminal && !options.json ? world.bar() : lineMeter(say)),
    vault: once(async () => {
      const outputs = await outputsOf(vaultStackName(options.name), VAULT_OUTPUTS);
      return {
        bucket: outputs.bucket!,
        catalogTable: outputs.catalog!,
        keyArn: outputs.key!,
        catalog: world.catalog(outputs.catalog!),
        vault: world.vault(outputs.bucket!),
      };
    }),
    backup: once(async () => {
      const outputs = await outputsOf(backupStackName(options.name), BACKUP_OUTPUTS);
      const place = /^s3:\/\/([^/]+)\/(.+)$/.exec(outputs.config!);
      if (!place)
        throw new NightjarError('STACKS_MISSING', {
          operation: 'find config',
          detail: `The output ${BACKUP_OUTPUTS.config} is no S3 address: ${outputs.config}.`,
        });
      return {
        machines: {
          nightly: outputs.nightly!,
          backup: outputs.backup!,
          restore: outputs.restore!,
          ...(outputs[TABLE_MACHINE] ? { [TABLE_MACHINE]: outputs[TABLE_MACHINE] } : {}),
          rollback: outputs.rollback!,
          prune: outputs.prune!,
          probe: outputs.probe!,
        },
        version: outputs.version!,
        config: await world.config(place[1]!, place[2]!),
      };
    }),
    requestedBy: once(async () => {
      try {
        return (await world.aws.identity()).arn.slice(0, WHO_LIMIT);
      } catch (thrown) {
        say(`Your identity could not be read, so the record will not say who asked: ${toCommandError(thrown).message}`);
        return undefined;
      }
    }),
  };
}
