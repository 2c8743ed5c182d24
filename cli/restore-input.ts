/** From the command line's options to the workflow's input; refuses early what the workflow would refuse later. */
import { targetNamed, type Config, type Target } from '../core/config.ts';
import type { RestoreMode } from '../core/engines.ts';
import { NightjarError } from '../core/errors.ts';
import { parseInput, restoreInputSchema, type RestoreInput } from '../core/payloads.ts';
import { parseAt } from './backup-choice.ts';

export interface RestoreOptions {
  readonly at?: string;
  readonly mode?: string;
  readonly new?: boolean;
  readonly swap?: boolean;
  readonly overwrite?: boolean;
  readonly database?: string;
  readonly destination?: string;
  readonly table?: readonly string[];
  readonly schemaOnly?: boolean;
  readonly dataOnly?: boolean;
  /** Commander's form of `--no-owner`: false when it was given. */
  readonly owner?: boolean;
  readonly jobs?: number;
  readonly confirm?: string;
}

/** Nothing that is there is touched unless a person says so. */
const DEFAULT_MODE: RestoreMode = 'new';

/** @throws NightjarError INPUT_INVALID. */
export function restoreInput(target: string, options: RestoreOptions, requestedBy: string | undefined): RestoreInput {
  const scope = {
    ...(options.table?.length ? { tables: options.table } : {}),
    ...(options.schemaOnly ? { schemaOnly: true } : {}),
    ...(options.dataOnly ? { dataOnly: true } : {}),
  };
  return parseInput(restoreInputSchema, {
    target,
    at: parseAt(options.at ?? 'latest'),
    mode: modeOf(options),
    ...(options.database === undefined ? {} : { database: options.database }),
    ...(options.destination === undefined ? {} : { destination: options.destination }),
    ...(Object.keys(scope).length === 0 ? {} : { scope }),
    ...(options.confirm === undefined ? {} : { confirm: options.confirm }),
    ...(options.owner === false ? { noOwner: true } : {}),
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    ...(requestedBy === undefined ? {} : { requestedBy }),
  });
}

function modeOf(options: RestoreOptions): string {
  const said = new Set([
    ...(options.mode === undefined ? [] : [options.mode]),
    ...(options.new ? ['new'] : []),
    ...(options.swap ? ['swap'] : []),
    ...(options.overwrite ? ['overwrite'] : []),
  ]);
  if (said.size > 1)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read mode',
      detail: `One restore has one mode, and these were given: ${[...said].join(', ')}.`,
    });
  return [...said][0] ?? DEFAULT_MODE;
}

/** Where the data goes. @throws NightjarError TARGET_UNKNOWN. */
export const destinationOf = (config: Config, input: RestoreInput): Target =>
  targetNamed(config, input.destination ?? input.target);

/** Name under which the data serves afterwards; undefined for mode `new` without a name, which makes one. */
export const servingName = (destination: Target, input: RestoreInput): string | undefined =>
  input.database ?? (input.mode === 'new' ? undefined : destination.database);

/** What would be refused however good the backup is. */
export function refusalOf(destination: Target, input: RestoreInput): NightjarError | undefined {
  if (input.scope && input.mode === 'swap')
    return new NightjarError('SCOPE_REFUSED', {
      operation: 'read scope',
      detail: 'Mode swap takes whole backups only.',
    });
  const serving = servingName(destination, input);
  if (input.mode === 'overwrite' && serving !== destination.database)
    return new NightjarError('INPUT_INVALID', {
      operation: 'read --database',
      detail: `Mode overwrite replaces ${destination.database}, the database that ${destination.name} protects, because its safety backup is of that one. For ${serving} use mode new or swap.`,
    });
  if (input.mode === 'overwrite' && input.confirm !== serving)
    return new NightjarError('CONFIRM_REQUIRED', {
      operation: 'read --confirm',
      detail:
        input.confirm === undefined
          ? `Say --confirm ${serving}.`
          : `--confirm says ${input.confirm}, and what would be replaced is ${serving}.`,
    });
  return undefined;
}
