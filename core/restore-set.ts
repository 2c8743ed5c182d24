/** Several tables brought back to one moment together: what each member's record says of its set, and what may be asked. */
import { z } from 'zod';
import { approvalSchema } from './native.ts';
import { isNativeTarget, resourceOf, type Target, type TargetOf } from './config.ts';

const instant = z.iso.datetime();

/** At most so many tables: DynamoDB runs 50 restores at once. Source: AWS, DynamoDB API reference, RestoreTableToPointInTime. */
export const MAX_SET = 50;
/** So many of a set's tables are restored at once: the rest of the 50 is for swaps that make their table again, and for others. */
export const ALIASES_AT_ONCE = 40;

export const SET_MODES = ['new', 'swap', 'pointer'] as const;

/** What a set tells the restore that it starts. */
export const setPlaceSchema = z.strictObject({
  /** Of the execution that conducts the set. */
  id: z.string(),
  executionArn: z.string(),
  /** Targets in the order of their swaps, also those that a broken set had brought to the moment before. */
  targets: z.array(z.string()),
});

/** Part of a member's record. Only the set's own states write it, and a member reads it: neither overwrites the other. */
export const memberOfSetSchema = z.object({
  ...setPlaceSchema.shape,
  /** The one moment of all. */
  at: instant,
  /** Since when this member may begin its outage. */
  go: instant.optional(),
  /** Why it must not any more, a sentence. */
  stop: z.string().optional(),
  /** The one question of the set; the same in each member. */
  approval: approvalSchema.optional(),
});
export type MemberOfSet = z.output<typeof memberOfSetSchema>;

export interface SetWish {
  readonly targets: readonly string[];
  readonly mode: (typeof SET_MODES)[number];
  readonly approve?: boolean | undefined;
}

/** What can be said against a set from its input and the config alone, a sentence each. `found` in the order of `targets`. */
export function refusalsOfSet({ targets, mode, approve }: SetWish, found: readonly (Target | undefined)[]): string[] {
  const twice = targets.filter((one, index) => targets.indexOf(one) < index);
  return [
    ...[...new Set(twice)].map((one) => `${one} is named twice.`),
    ...targets.flatMap((name, index) => ofTarget(name, found[index], mode)),
    ...sameTable(targets, found),
    ...(approve === true && mode === 'new' ? ['Approval is asked for before an outage, and mode new has none.'] : []),
  ];
}

function ofTarget(name: string, target: Target | undefined, mode: SetWish['mode']): string[] {
  if (!target) return [`No target ${name} is in the deployed config (\`nightjar targets\`).`];
  if (target.engine !== 'dynamodb')
    return [`${name} is a target of ${target.engine}; only DynamoDB tables are brought back together.`];
  return mode === 'pointer' && target.pointer === undefined ? [`The target ${name} has no pointer in the config.`] : [];
}

/** Two targets may name one table. */
function sameTable(targets: readonly string[], found: readonly (Target | undefined)[]): string[] {
  const byTable = new Map<string, string[]>();
  found.forEach((one, index) => {
    if (!one || !isNativeTarget(one)) return;
    byTable.set(resourceOf(one), [...new Set([...(byTable.get(resourceOf(one)) ?? []), targets[index]!])]);
  });
  return [...byTable]
    .filter(([, names]) => names.length > 1)
    .map(([table, names]) => `${names.join(' and ')} are one table, ${table}.`);
}

export const isTableTarget = (target: Target | undefined): target is TargetOf<'dynamodb'> =>
  target?.engine === 'dynamodb';

export interface Reach {
  readonly target: string;
  /** Undefined when its point-in-time recovery reaches nothing; then `why`. */
  readonly window?: { readonly earliest?: string | undefined; readonly latest: string };
  readonly why?: string;
}

/**
 * The newest moment that all can be restored to, in whole seconds: DynamoDB keeps no finer ones. Or why there is none, naming
 * who can not.
 */
export function newestMoment(all: readonly Reach[]): { readonly at: string } | { readonly reasons: readonly string[] } {
  const without = all.flatMap(({ target, window, why }) =>
    window ? [] : [`${target}: ${why ?? 'it has no moments.'}`],
  );
  if (without.length > 0) return { reasons: without };
  const slowest = all.reduce((one, other) => (latestOf(other) < latestOf(one) ? other : one));
  const at = new Date(Math.floor(latestOf(slowest) / 1_000) * 1_000).toISOString();
  const begunLater = all.filter(({ window }) => window!.earliest !== undefined && window!.earliest > at);
  if (begunLater.length === 0) return { at };
  return {
    reasons: begunLater.map(
      ({ target, window }) =>
        `${target} can be restored from ${window!.earliest!} on only, and ${slowest.target} to ${at} at most: no moment is in both.`,
    ),
  };
}
const latestOf = ({ window }: Reach): number => Date.parse(window!.latest);

/** The command that a person types to start a set, again or for the first time. */
export const setCommand = (targets: readonly string[], at: string, mode: SetWish['mode']): string =>
  `nightjar restore ${targets.join(',')} --at ${at} --${mode}`;
