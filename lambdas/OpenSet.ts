/**
 * Opens a set: one moment for all of its tables, and everything that can be refused before any restore is begun. What a broken
 * set had brought to this very moment stays as it is, so that the same command finishes it.
 */
import { chooseBackup } from '../core/backup-choice.ts';
import { resourceOf, type TargetOf } from '../core/config.ts';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import { idOfExecution } from '../core/ids.ts';
import { memberExecution } from '../core/names.ts';
import {
  parseInput,
  restoreSetInputSchema,
  type OpenedSet,
  type OpenEvent,
  type RestoreInput,
  type RestoreSetInput,
} from '../core/payloads.ts';
import { isTableTarget, newestMoment, refusalsOfSet, type Reach } from '../core/restore-set.ts';
import { unfinishedSwap } from '../core/serving.ts';
import { broughtThere } from '../core/set-view.ts';
import { judge } from './native/open-native.ts';
import { isGoing } from './native/serving.ts';
import { targetOrNone } from './native/targets.ts';
import { atOnce } from './shared/at-once.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = Pick<Parts, 'catalog' | 'vault' | 'config' | 'services'>;
type Table = TargetOf<'dynamodb'>;

export const makeOpenSet =
  (parts: Needs) =>
  async (event: OpenEvent<RestoreSetInput>): Promise<OpenedSet> => {
    const input = parseInput(restoreSetInputSchema, event.input);
    const id = idOfExecution(event.executionArn, event.startedAt);
    const found = await atOnce(input.targets, (name) => targetOrNone(parts, name));
    refuseFor(refusalsOfSet(input, found));
    const tables = found.filter(isTableTarget);
    const at = await momentOf(parts, input, tables);
    const set = { id, executionArn: event.executionArn, targets: input.targets };
    const judged = await atOnce(tables, (table) => judgeMember(parts, table, memberInput(input, table, at, set), id));
    refuseFor(judged.flatMap(({ reasons }) => reasons));
    return {
      id,
      at,
      mode: input.mode,
      approve: input.approve ?? false,
      targets: input.targets,
      members: judged.flatMap(({ restoreId, input: member }) =>
        restoreId === undefined
          ? [{ target: member.target, executionName: memberExecution(id, member.target), input: member }]
          : [],
      ),
      done: judged.flatMap(({ restoreId, input: { target } }) =>
        restoreId === undefined ? [] : [{ target, restoreId }],
      ),
    };
  };

/** @throws NightjarError RESTORE_REFUSED with every reason of every table. */
function refuseFor(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  throw new NightjarError('RESTORE_REFUSED', { operation: 'open set', detail: reasons.join(' ') });
}

const memberInput = (
  { mode, requestedBy }: RestoreSetInput,
  { name }: Table,
  at: string,
  set: NonNullable<RestoreInput['set']>,
): RestoreInput => ({ target: name, at, mode, set, ...(requestedBy === undefined ? {} : { requestedBy }) });

/** @throws NightjarError RESTORE_REFUSED that names who can not be restored to one moment with the others. */
async function momentOf(parts: Needs, { at }: RestoreSetInput, tables: readonly Table[]): Promise<string> {
  if (at !== 'latest') return new Date(at).toISOString();
  const newest = newestMoment(await atOnce(tables, (table) => reachOf(parts, table)));
  if ('at' in newest) return newest.at;
  refuseFor(newest.reasons);
  throw new NightjarError('UNEXPECTED', { operation: 'open set', detail: 'No moment and no reason.' });
}

async function reachOf({ services, catalog }: Needs, table: Table): Promise<Reach> {
  const target = table.name;
  const found = await services.dynamodb.read(resourceOf(table));
  if (!found || isGoing(found)) {
    const broken = unfinishedSwap(await catalog.listRestores({ target }));
    return {
      target,
      why: broken
        ? `there is no table ${resourceOf(table)}: the swap ${broken.restoreId} to ${broken.native.from.at} broke off. Say that moment instead of latest, and it goes on from there.`
        : `there is no table ${resourceOf(table)}, and so no moment of it; bring it back from a backup first (\`nightjar restore ${target} --swap\`).`,
    };
  }
  const { on, earliest, latest } = found.window;
  if (!on) return { target, why: 'its point-in-time recovery is off.' };
  if (latest === undefined) return { target, why: 'its point-in-time recovery reaches nothing yet.' };
  return { target, window: { earliest, latest } };
}

interface Judged {
  readonly input: RestoreInput;
  readonly reasons: readonly string[];
  /** The restore that brought it to this moment before. */
  readonly restoreId?: string;
}

async function judgeMember(parts: Needs, target: Table, input: RestoreInput, id: string): Promise<Judged> {
  const restoreId = await broughtBefore(parts, target, input);
  if (restoreId !== undefined) return { input, reasons: [], restoreId };
  try {
    const choose = () => chooseBackup(parts.catalog, target.name, input.at);
    const { reasons } = await judge(parts, { input, target, choose }, id);
    return { input, reasons: reasons.map((reason) => `${target.name}: ${reason}`) };
  } catch (error) {
    return { input, reasons: [`${target.name}: ${toNightjarError(error).message}`] };
  }
}

/**
 * A set that broke between two swaps: its table was made again, so its moments begin anew and it can not go there a second
 * time. It is there already, as long as the table that serves is the one that the set had made.
 */
async function broughtBefore(
  { catalog, services }: Needs,
  table: Table,
  { at, mode, set }: RestoreInput,
): Promise<string | undefined> {
  if (mode !== 'swap') return undefined;
  const brought = broughtThere(await catalog.listRestores({ target: table.name }), { at, targets: set!.targets });
  if (!brought) return undefined;
  const found = await services.dynamodb.read(resourceOf(table));
  return found?.settings.resourceId === brought.native.recreated?.resourceId ? brought.restoreId : undefined;
}

export const handler = wire.lambda(() =>
  makeOpenSet({ catalog: wire.catalog(), vault: wire.vault(), config: wire.config(), services: wire.services() }),
);
