/** What a restore would do, from catalog, manifest and config; nothing is changed and no server is asked. */
import type { Manifest } from '../core/backup.ts';
import { isDumpTarget, type Config, type DumpTarget } from '../core/config.ts';
import { ENGINES } from '../core/engines.ts';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import { emptiedBySwap, isPart, narrowed, partInWords, refuseUncovered } from '../core/narrowing.ts';
import type { RestoreInput } from '../core/payloads.ts';
import type { RestoreFacts } from '../core/restoring.ts';
import { chooseDatabase, manifestOfDatabase, wholeServer } from '../core/server-backup.ts';
import type { Vault } from '../stores/vault.ts';
import { bytes, count, duration, plural, secondsBetween, utc } from './format.ts';
import { factsOf, refusalOfPart, servesAs, type PlanFacts } from './restore-facts.ts';
import { refusalOf } from './restore-input.ts';
import type { RestorePlan } from './shapes.ts';

/**
 * Hours of a standard retrieval from Glacier Flexible Retrieval. Source: AWS, S3 User Guide, "Archive retrieval
 * options".
 */
const THAW_HOURS = [3, 5] as const;
export function planRestore(facts: PlanFacts): RestorePlan {
  const { input, destination, backup, manifest, refused, now } = facts;
  const { restoring } = ENGINES[destination.engine];
  const told = factsOf(facts);
  const sessions = restoring.sessions(told);
  const seconds = Math.max(0, (now - Date.parse(manifest.snapshotAt)) / 1000);
  const last = facts.restores.find((one) => one.status !== 'RUNNING' && one.status !== 'FAILED');
  return {
    target: input.target,
    destination: destination.name,
    mode: input.mode,
    backup: {
      id: backup.backupId,
      snapshotAt: manifest.snapshotAt,
      storedBytes: manifest.storedBytes,
      databaseBytes: manifest.source.databaseBytes,
      rows: manifest.fingerprint.tables.reduce((sum, one) => sum + one.rows, 0),
      tables: manifest.fingerprint.tables.length,
      serverVersion: manifest.source.serverVersion,
    },
    names: {
      restoredInto: restoring.into(told),
      serves: told.serves,
      oldKeptAs: input.mode === 'swap' ? told.old : null,
    },
    steps: [...before(facts, told), ...restoring.steps(told)],
    lost: { what: lossWords(facts, told, seconds), since: manifest.snapshotAt, seconds },
    endsSessions: sessions.ended,
    sessions: sessions.words,
    archive: facts.archive,
    lastRestore: last
      ? { id: last.restoreId, mode: last.mode, seconds: secondsBetween(last.startedAt, last.endedAt) ?? 0 }
      : null,
    notes: notesOf(facts),
    refused:
      (refusalOf(destination, input, backup.engine) ?? refused ?? refusalOfPart(facts, told))?.toFailure() ?? null,
  };
}

/** Of a backup of a whole server what the restore would take of it; `refused`: why it would not. */
export function chosenPart(
  destination: DumpTarget,
  input: RestoreInput,
  manifest: Manifest,
): Pick<PlanFacts, 'manifest' | 'refused'> {
  let chosen = manifest;
  try {
    const database = servesAs(destination, input);
    chosen = input.allDatabases
      ? wholeServer(manifest)
      : manifestOfDatabase(manifest, chooseDatabase(manifest, { ...input, database }));
    refuseUncovered(narrowed(input, chosen), chosen, destination.scope);
    return { manifest: chosen };
  } catch (thrown) {
    return { manifest: chosen, refused: toNightjarError(thrown) };
  }
}

/** Asks the vault about each object. @throws NightjarError OBJECT_MISSING, VAULT_DENIED, VAULT_UNAVAILABLE. */
export async function archiveOf(vault: Pick<Vault, 'head'>, manifest: Manifest): Promise<RestorePlan['archive']> {
  const found = await Promise.all(manifest.objects.map(async (object) => ({ object, head: await vault.head(object) })));
  const missing = found.find((one) => one.head === undefined);
  if (missing) throw new NightjarError('OBJECT_MISSING', { operation: 'plan restore', detail: missing.object.key });
  const away = found.filter((one) => one.head?.access !== 'here');
  return {
    state: away.length === 0 ? 'here' : away.some((one) => one.head?.access === 'frozen') ? 'frozen' : 'thawing',
    frozenObjects: away.length,
    frozenBytes: away.reduce((sum, one) => sum + one.object.bytes, 0),
    thawHours: away.length === 0 ? null : [...THAW_HOURS],
  };
}

export const ARCHIVE_UNKNOWN: RestorePlan['archive'] = {
  state: 'unknown',
  frozenObjects: 0,
  frozenBytes: 0,
  thawHours: null,
};

/** What the workflow does before the task. */
function before({ input, destination, archive }: PlanFacts, { serves }: RestoreFacts): string[] {
  const begun = archive.state === 'thawing' ? ', begun already' : '';
  return [
    ...(archive.state === 'frozen' || archive.state === 'thawing'
      ? [
          `Thaw ${plural(archive.frozenObjects, 'object')} (${bytes(archive.frozenBytes)}) from Glacier: ${THAW_HOURS.join(' to ')} hours${begun}.`,
        ]
      : []),
    ...(input.mode === 'overwrite' ? [`Take a safety backup of ${destination.name} (${serves}).`] : []),
  ];
}

function lossWords({ input, config, manifest }: PlanFacts, told: RestoreFacts, seconds: number): string {
  const { serves, old } = told;
  const gone = `everything written in the last ${duration(seconds)} (since ${utc(manifest.snapshotAt)})`;
  if (input.allDatabases) return `Nothing that is there is touched. The databases lack ${gone}.`;
  if (input.mode === 'new') return `Nothing: ${serves} is made beside what is there. It lacks ${gone}.`;
  if (input.mode === 'swap')
    return (
      `${serves} will lack ${gone}. It is not destroyed: the old database stays as ${old} for ` +
      `${plural(config.retention.replacedDays, 'day')}, and nightjar rollback takes the exchange back.`
    );
  if (isPart(input, manifest))
    return `What comes back into ${serves} loses ${gone}; all else there stays as it is. Only the safety backup, taken just before, will still hold it.`;
  return `${serves} loses ${gone}. Only the safety backup, taken just before, will still hold it.`;
}

function notesOf({ destination, input, manifest, archive, backup, config }: PlanFacts): string[] {
  const { owners } = ENGINES[destination.engine].restoring;
  return [
    'No server was asked for this plan: what only it knows the task checks before it changes anything.',
    ...(archive.state === 'unknown'
      ? ['You may not ask the vault whether the objects are archived; the workflow thaws them if so.']
      : []),
    ...identityNotes(manifest, config),
    ...(isPart({}, manifest) ? [`The backup holds part of a database: ${partInWords(manifest.scope!)}.`] : []),
    ...[emptiedBySwap(input, manifest)].filter((one) => one !== undefined),
    ...(destination.name === input.target ? [] : [`The data goes to another target’s server: ${destination.name}.`]),
    ...(manifest.engine === destination.engine
      ? []
      : [`The backup is of ${ENGINES[manifest.engine].label}, and goes to ${ENGINES[destination.engine].label}.`]),
    ...('mapped' in owners ? Object.entries(input.roleMap ?? {}).map(([from, to]) => owners.mapped(from, to)) : []),
    ...(input.allDatabases || manifest.source.database === destination.database
      ? []
      : [
          `The backup is of a database called ${manifest.source.database}; the destination’s is ${destination.database}.`,
        ]),
    ...(backup.warnings ?? []).map((one) => `Warning of the backup: ${one}`),
  ];
}

/** What an encrypted backup asks for besides. */
function identityNotes({ encryption }: Manifest, { targets }: Config): string[] {
  if (!encryption) return [];
  const { identity, recipients } = encryption;
  const named = targets.some((one) => isDumpTarget(one) && one.encryption?.identity === identity);
  return [
    `The backup is encrypted with age for ${recipients.join(', ')}: the task needs the identity of one of them, as the value of ${identity}.`,
    ...(named
      ? []
      : [`The deployed config names ${identity} no more, and restores may read what it names: name it there again.`]),
  ];
}

/** The plan for a person. */
export function planLines(plan: RestorePlan): string[] {
  const last = plan.lastRestore;
  return [
    `Restore of ${plan.target}, mode ${plan.mode}. This is a plan: nothing has been done.`,
    '',
    `Backup ${plan.backup.id} of ${utc(plan.backup.snapshotAt)}, ${duration(plan.lost.seconds)} old`,
    `  ${bytes(plan.backup.storedBytes)} stored, database of ${bytes(plan.backup.databaseBytes)}, ` +
      `${plural(plan.backup.rows, 'row')} in ${plural(plan.backup.tables, 'table')}, from server ${plan.backup.serverVersion}`,
    '',
    'Steps',
    ...plan.steps.map((step, index) => `  ${count(index + 1)}. ${step}`),
    '',
    `Lost      ${plan.lost.what}`,
    `Sessions  ${plan.sessions}`,
    `Time      ${
      last
        ? `the last restore of this target (${last.id}, ${last.mode}) took ${duration(last.seconds)}`
        : 'this target was never restored, so nobody knows'
    }${plan.archive.thawHours ? `; ${plan.archive.thawHours.join(' to ')} h of thawing come before` : ''}`,
    '',
    ...plan.notes.map((note) => `Note: ${note}`),
    ...(plan.refused
      ? [
          '',
          `As asked it would be refused: ${plan.refused.message} ${plan.refused.detail ?? ''}`.trimEnd(),
          plan.refused.hint,
        ]
      : []),
  ];
}
