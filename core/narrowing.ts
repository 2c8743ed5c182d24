/** What a restore takes of a backup that may itself hold a part only: a part never takes the place of a whole. */
import type { Manifest } from './backup.ts';
import { whyWhole } from './engine-limits.ts';
import { ENGINES } from './engines.ts';
import { NightjarError } from './errors.ts';
import type { RestoreJob } from './job.ts';
import { scopeKinds, type BackupScope, type Scope } from './scope.ts';

type Asked = Pick<RestoreJob, 'mode' | 'scope'>;
type Held = Pick<Manifest, 'scope' | 'engine' | 'format'>;

export const scopeRefused = (detail: string): NightjarError =>
  new NightjarError('SCOPE_REFUSED', { operation: 'preflight', detail });

/** Whether less than a whole database comes back, because less was asked for or less is held: what else is there stays. */
export const isPart = ({ scope }: Pick<Asked, 'scope'>, { scope: held }: Pick<Held, 'scope'>): boolean =>
  [...scopeKinds(scope), ...scopeKinds(held)].some((kind) => kind !== 'allDatabases');

/** Such as `the tables a, b, their rows only`. */
export function partInWords(scope: Scope | BackupScope): string {
  const { tables, exclude } = { exclude: undefined, ...scope };
  const which = tables ? `the tables ${some(tables)}` : exclude ? `all tables but ${some(exclude)}` : 'all tables';
  return which + (scope.schemaOnly ? ', their definitions only' : scope.dataOnly ? ', their rows only' : '');
}

const some = (names: readonly string[]): string =>
  names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');

/** Whether an excluded table is in the backup as one without rows, or not at all. */
const keepsDefinitions = ({ engine }: Held): boolean => 'excludes' in ENGINES[engine];

/** As if no more had been asked for than the backup holds. */
export function withinHeld(asked: Scope | undefined, held: BackupScope | undefined): Scope {
  const tables = asked?.tables ?? held?.tables;
  const schemaOnly = asked?.schemaOnly ?? held?.schemaOnly;
  const dataOnly = asked?.dataOnly ?? held?.dataOnly;
  return { ...(tables ? { tables } : {}), ...(schemaOnly ? { schemaOnly } : {}), ...(dataOnly ? { dataOnly } : {}) };
}

/**
 * The job as if it had asked for no more than the backup holds. Where the backup has nothing of what was left out, all of it is
 * brought beside as it is.
 *
 * @throws SCOPE_REFUSED for what can't be.
 */
export function narrowed<J extends Asked>(job: J, manifest: Held): J {
  const { scope: asked = {}, mode } = job;
  const { scope: held } = manifest;
  const whole = whyWhole(manifest.engine, manifest.format);
  if (whole !== undefined && scopeKinds(asked).some((kind) => !held?.[kind]))
    throw scopeRefused(`The backup comes back as it is only: ${whole}. Leave the scope out. Nothing was touched.`);
  if (held?.schemaOnly && asked.dataOnly) throw scopeRefused('The backup holds definitions only.');
  if (held?.dataOnly && asked.schemaOnly) throw scopeRefused('The backup holds rows only.');
  const scope = withinHeld(asked, held);
  const { dataOnly } = scope;
  const narrow = Object.keys(scope).length > 0;
  if (mode === 'swap' && (narrow || (held?.exclude && !keepsDefinitions(manifest)))) throw swapRefused(job, held);
  if (dataOnly && mode === 'new') throw scopeRefused('Rows alone need tables that are there: use `overwrite`.');
  if (mode === 'overwrite' && held?.exclude && !narrow && keepsDefinitions(manifest))
    throw scopeRefused(
      'The backup lacks the rows of excluded tables, and so would the safety backup: an overwrite would lose them. ' +
        'Use mode `swap`, which keeps the old database, or name the tables to be overwritten.',
    );
  if (!narrow || (mode === 'new' && !job.scope && !keepsDefinitions(manifest))) return job;
  return { ...job, scope };
}

function swapRefused({ scope }: Asked, held: BackupScope | undefined): NightjarError {
  const part = scope && scopeKinds(scope).length > 0 ? scope : held!;
  const why = part === held ? `, and the backup holds ${partInWords(held)}: all else would be gone` : '';
  const instead = part.schemaOnly
    ? 'Use mode `new`, beside it.'
    : part.dataOnly
      ? 'Use mode `overwrite`, which replaces those rows and leaves all else as it is.'
      : 'Use mode `overwrite`, which replaces what the backup holds and leaves all else as it is, or mode `new`, beside it.';
  return scopeRefused(`A swap replaces the whole database${why}. ${instead} Nothing was touched.`);
}

/** What a swap leaves without rows, because the backup has none of them; undefined where there is nothing to tell. */
export function emptiedBySwap({ mode }: Asked, manifest: Held): string | undefined {
  const { exclude } = manifest.scope ?? {};
  if (mode !== 'swap' || !exclude) return undefined;
  return `The backup was made without the rows of ${exclude.join(', ')}: they are empty after the swap. The old database, which is kept for a while, still has them.`;
}

/**
 * An overwrite is final but for its safety backup, which holds what the destination's scope says today. `job`: as {@link narrowed}.
 *
 * @throws SCOPE_REFUSED when more would be replaced than that.
 */
export function refuseUncovered(job: Asked, manifest: Held, safe: BackupScope | undefined): void {
  if (job.mode !== 'overwrite' || !safe) return;
  const { tables: left, dataOnly } = job.scope ?? {};
  const covered =
    !safe.schemaOnly &&
    (!safe.dataOnly || dataOnly === true) &&
    (!safe.tables || left?.every((one) => safe.tables!.includes(one)) === true) &&
    (!safe.exclude ||
      (left !== undefined
        ? !left.some((one) => safe.exclude!.includes(one))
        : safe.exclude.every((one) => manifest.scope?.exclude?.includes(one))));
  if (covered) return;
  throw scopeRefused(
    `The safety backup would hold ${partInWords(safe)}, as the destination’s scope says, and the overwrite would replace more: ` +
      'that would be lost. Use mode `swap`, which keeps the old database, or widen the scope and deploy it. Nothing was touched.',
  );
}
