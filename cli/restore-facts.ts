/** What a plan knows of a restore before it tells of it: names, what comes back, and what the task would refuse. */
import type { BackupRecord, Manifest, RestoreRecord } from '../core/backup.ts';
import { mountOf, whereOf, type Config, type DumpTarget } from '../core/config.ts';
import { whyNotPart } from '../core/engine-limits.ts';
import { NightjarError } from '../core/errors.ts';
import { aliasDatabase, replacedDatabase, restoredDatabase } from '../core/names.ts';
import { isPart, partInWords, withinHeld } from '../core/narrowing.ts';
import type { RestoreInput } from '../core/payloads.ts';
import type { RestoreFacts } from '../core/restoring.ts';
import { scopeKinds, tableName, type Scope } from '../core/scope.ts';
import { databasesIn } from '../core/server-backup.ts';
import { plural } from './format.ts';
import { servingName } from './restore-input.ts';
import type { RestorePlan } from './shapes.ts';

/** Stands for a restore's id, which nobody knows before its execution has begun. */
const NO_ID = '0'.repeat(26);
const withoutId = (name: string): string => name.replaceAll(/_0{10}(?=_|$)/g, '_<id>');

export interface PlanFacts {
  readonly config: Config;
  readonly destination: DumpTarget;
  readonly input: RestoreInput;
  readonly backup: BackupRecord;
  /** What the restore takes of the backup. */
  readonly manifest: Manifest;
  /** Why it would take none of it. */
  readonly refused?: NightjarError;
  /** Of what it takes. */
  readonly archive: RestorePlan['archive'];
  /** Of this target, newest first. */
  readonly restores: readonly RestoreRecord[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const servingId = (destination: DumpTarget, input: RestoreInput): string =>
  servingName(destination, input) ?? restoredDatabase(destination.database, NO_ID);
export const servesAs = (destination: DumpTarget, input: RestoreInput): string =>
  withoutId(servingId(destination, input));

export function factsOf(facts: PlanFacts): RestoreFacts {
  const { input, destination, manifest } = facts;
  const { mode } = input;
  const serves = servesAs(destination, input);
  const scope = withinHeld(input.scope, manifest.scope);
  return {
    mode,
    serves,
    alias: withoutId(aliasDatabase(servingId(destination, input), NO_ID)),
    old: withoutId(replacedDatabase(serves, NO_ID)),
    place: whereOf(destination),
    mounted: mountOf(destination) !== undefined,
    what: partOf(facts) ?? 'the whole backup',
    scope,
    part: isPart(input, manifest),
    ...(input.allDatabases ? { databases: databasesIn(manifest) } : {}),
    roles: manifest.roles.map((role) => input.roleMap?.[role] ?? role),
    noOwner: input.noOwner ?? false,
    compare: compareWords(scope, manifest),
  };
}

/** The part that comes back, in words; undefined of a whole database. */
function partOf({ input, manifest }: PlanFacts): string | undefined {
  if (!isPart(input, manifest)) return undefined;
  const own = scopeKinds(input.scope).length > 0;
  return partInWords({
    ...manifest.scope,
    ...(own && input.scope?.tables ? { exclude: undefined } : {}),
    ...input.scope,
  });
}

function compareWords({ tables, schemaOnly }: Scope, { fingerprint }: Manifest): string {
  if (schemaOnly) return 'Of definitions alone there are no rows to compare.';
  if (fingerprint.mode === 'none') return 'The backup has no fingerprint, so rows can not be compared.';
  const compared = fingerprint.tables.filter((one) => !tables || tables.includes(tableName(one))).length;
  return `Compare every restored table with the backup’s ${fingerprint.mode} (${plural(compared, 'table')}); stop if one differs.`;
}

/** What the task would refuse of this very backup. */
export function refusalOfPart({ destination, input }: PlanFacts, { scope }: RestoreFacts): NightjarError | undefined {
  const why = whyNotPart(destination.engine, input.mode, scope);
  if (why === undefined) return undefined;
  return new NightjarError('SCOPE_REFUSED', {
    operation: 'read scope',
    detail: `${input.scope ? '' : 'The backup holds a part only. '}${why}`,
  });
}
