/** What a restore of several tables would do; nothing is changed. */
import { resourceOf, type TargetOf } from '../../core/config.ts';
import { targetOrNone } from '../../core/discovery.ts';
import { failure, NightjarError } from '../../core/errors.ts';
import type { RestoreSetInput } from '../../core/payloads.ts';
import { isTableTarget, newestMoment, refusalsOfSet, type Reach } from '../../core/restore-set.ts';
import { broughtThere } from '../../core/set-view.ts';
import { atOnce } from '../at-once.ts';
import type { Session } from '../session.ts';
import type { SetPlan } from '../shapes.ts';
import { planNative } from './plan.ts';
import { survey } from './survey.ts';

const READS_AT_ONCE = 5;

type Found = Pick<SetPlan, 'at' | 'plans' | 'thereAlready' | 'refused'>;

/** What the input and the config alone say against it. @throws NightjarError INPUT_INVALID. */
export async function refusalsBeforehand(session: Session, input: RestoreSetInput): Promise<void> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  const found = await atOnce(READS_AT_ONCE, input.targets, (name) => targetOrNone(config, catalog, name));
  const reasons = refusalsOfSet(input, found);
  if (reasons.length > 0)
    throw new NightjarError('INPUT_INVALID', { operation: 'read options', detail: reasons.join(' ') });
}

export async function planSet(session: Session, input: RestoreSetInput): Promise<Found> {
  const { config } = await session.backup();
  const { catalog } = await session.vault();
  const tables = (await atOnce(READS_AT_ONCE, input.targets, (name) => targetOrNone(config, catalog, name))).filter(
    isTableTarget,
  );
  const newest =
    input.at === 'latest'
      ? newestMoment(await atOnce(READS_AT_ONCE, tables, (table) => reachOf(session, table)))
      : { at: new Date(input.at).toISOString() };
  if ('reasons' in newest) return { at: null, plans: [], thereAlready: [], refused: refusal(newest.reasons) };
  const { at } = newest;
  const judged = await atOnce(READS_AT_ONCE, tables, (table) => judge(session, table, { ...input, at }));
  const plans = judged.flatMap(({ plan }) => (plan ? [plan] : []));
  const reasons = plans.flatMap(({ target, refused }) => (refused ? [`${target}: ${refused.detail ?? ''}`] : []));
  return {
    at,
    plans,
    thereAlready: judged.flatMap(({ there }) => (there ? [there] : [])),
    refused: reasons.length > 0 ? refusal(reasons) : null,
  };
}

const refusal = (reasons: readonly string[]) =>
  failure('RESTORE_REFUSED', { operation: 'plan restore', detail: reasons.join(' ') });

async function reachOf(session: Session, table: TargetOf<'dynamodb'>): Promise<Reach> {
  const found = await session.world.service('dynamodb').read(resourceOf(table));
  if (!found) return { target: table.name, why: `there is no table ${resourceOf(table)}, and so no moment of it.` };
  const { on, earliest, latest } = found.window;
  return on && latest !== undefined
    ? { target: table.name, window: { earliest, latest } }
    : { target: table.name, why: 'its point-in-time recovery is off, or reaches nothing yet.' };
}

async function judge(session: Session, table: TargetOf<'dynamodb'>, { at, mode, targets }: RestoreSetInput) {
  const { config } = await session.backup();
  const input = { target: table.name, at, mode };
  const found = await survey(session, table, input);
  const brought = mode === 'swap' ? broughtThere(found.restores, { at, targets }) : undefined;
  const serving = found.resource === 'unknown' ? undefined : found.resource?.settings.resourceId;
  if (brought && serving !== undefined && serving === brought.native.recreated?.resourceId)
    return { there: { target: table.name, restoreId: brought.restoreId } };
  return { plan: planNative({ ...found, config, target: table, input, now: session.world.now() }) };
}
