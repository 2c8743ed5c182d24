/** From the command line's options to the workflow's input; refuses early what the workflow would refuse later. */
import type { DumpTarget } from '../core/config.ts';
import { ENGINES, type EngineName, type RestoreMode } from '../core/engines.ts';
import { NightjarError, toNightjarError, wordsOf } from '../core/errors.ts';
import { itemChoiceSchema, type ItemChoice } from '../core/native.ts';
import { parseInput, refuseForEngine, restoreInputSchema, type RestoreInput } from '../core/payloads.ts';
import { parseAt } from './parse-at.ts';
import type { World } from './world.ts';

export interface RestoreOptions {
  readonly at?: string;
  readonly mode?: string;
  readonly new?: boolean;
  readonly swap?: boolean;
  readonly overwrite?: boolean;
  readonly pointer?: boolean;
  /** Path of a file. */
  readonly items?: string;
  readonly approve?: boolean;
  readonly database?: string;
  readonly fromDatabase?: string;
  readonly allDatabases?: boolean;
  /** Another target, whose server receives it. */
  readonly to?: string;
  readonly table?: readonly string[];
  readonly schemaOnly?: boolean;
  readonly dataOnly?: boolean;
  /** Commander's form of `--no-owner`: false when it was given. */
  readonly owner?: boolean;
  /** Each `old=new`. */
  readonly mapRole?: readonly string[];
  readonly jobs?: number;
  readonly confirm?: string;
}

/** Nothing that is there is touched unless a person says so. */
const DEFAULT_MODE: RestoreMode = 'new';

/** @throws NightjarError INPUT_INVALID. */
export function restoreInput(
  target: string,
  options: RestoreOptions,
  { requestedBy, items }: { readonly requestedBy: string | undefined; readonly items?: ItemChoice | undefined },
): RestoreInput {
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
    ...(options.fromDatabase === undefined ? {} : { fromDatabase: options.fromDatabase }),
    ...(options.allDatabases ? { allDatabases: true } : {}),
    ...(options.to === undefined ? {} : { destination: options.to }),
    ...(Object.keys(scope).length === 0 ? {} : { scope }),
    ...(options.confirm === undefined ? {} : { confirm: options.confirm }),
    ...(options.owner === false ? { noOwner: true } : {}),
    ...(options.mapRole?.length ? { roleMap: Object.fromEntries(options.mapRole.map(rolePair)) } : {}),
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    ...(options.approve ? { approve: true } : {}),
    ...(items === undefined ? {} : { items }),
    ...(requestedBy === undefined ? {} : { requestedBy }),
  });
}

function rolePair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  throw new NightjarError('INPUT_INVALID', {
    operation: 'read --map-role',
    detail: `${text}: right would be old=new, such as app=shop_app.`,
  });
}

/** @throws NightjarError INPUT_INVALID when there is more than one. */
export function modeOf(options: RestoreOptions): string {
  const said = new Set([
    ...(options.mode === undefined ? [] : [options.mode]),
    ...(options.new ? ['new'] : []),
    ...(options.swap ? ['swap'] : []),
    ...(options.overwrite ? ['overwrite'] : []),
    ...(options.pointer ? ['pointer'] : []),
    ...(options.items === undefined ? [] : ['items']),
  ]);
  if (said.size > 1)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read mode',
      detail: `One restore has one mode, and these were given: ${[...said].join(', ')}.`,
    });
  return [...said][0] ?? DEFAULT_MODE;
}

/** Which items come back, from the person's own file. @throws NightjarError INPUT_INVALID. */
export async function itemsIn(world: Pick<World, 'readText'>, path: string): Promise<ItemChoice> {
  const wrong = (why: string): NightjarError =>
    new NightjarError('INPUT_INVALID', { operation: 'read --items', detail: `${path}: ${why}` });
  let value: unknown;
  try {
    value = JSON.parse(await world.readText(path));
  } catch (cause) {
    throw wrong(wordsOf(cause));
  }
  const parsed = itemChoiceSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw wrong(
    'right would be {"keys": [{"pk": {"S": "order-1"}}]}, 1,000 keys at most, or {"filter": "#s = :s", "names": {"#s": "state"}, "values": {":s": {"S": "lost"}}}; keys and values in DynamoDB JSON.',
  );
}

/** Name under which the data serves afterwards; undefined for mode `new` without a name, which makes one. */
export const servingName = (destination: DumpTarget, input: RestoreInput): string | undefined =>
  input.database ?? (input.mode === 'new' && !input.allDatabases ? undefined : destination.database);

/** What would be refused however good the backup is; `from`: the engine that it is of. */
export function refusalOf(destination: DumpTarget, input: RestoreInput, from: EngineName): NightjarError | undefined {
  const { modes, label }: { modes: readonly string[]; label: string } = ENGINES[destination.engine];
  if (!modes.includes(input.mode))
    return new NightjarError('INPUT_INVALID', {
      operation: 'read mode',
      detail: `${label} restores by ${modes.join(', ')}, not by ${input.mode}.`,
    });
  if (input.approve)
    return new NightjarError('INPUT_INVALID', {
      operation: 'read --approve',
      detail: `${label} is restored without a stop; --plan says beforehand what would happen.`,
    });
  try {
    refuseForEngine(destination.engine, input, from);
  } catch (thrown) {
    return toNightjarError(thrown);
  }
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
