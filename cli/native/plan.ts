/** What a restore that the service does itself would do; nothing is changed. */
import { resourceOf, type Config, type NativeTarget } from '../../core/config.ts';
import { ENGINES } from '../../core/engines.ts';
import { failure } from '../../core/errors.ts';
import type { NativeResource } from '../../core/native.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { servingSentence } from '../../core/serving.ts';
import { passwordWarnings } from '../../services/passwords.ts';
import { placeOf } from '../../services/pointer.ts';
import { duration, plural, secondsBetween, utc } from '../format.ts';
import type { NativeRestorePlan } from '../shapes.ts';
import { aliasOf, oldNameOf, withoutId, type Survey } from './survey.ts';

export interface NativePlanFacts extends Survey {
  readonly config: Config;
  readonly target: NativeTarget;
  readonly input: RestoreInput;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function planNative(facts: NativePlanFacts): NativeRestorePlan {
  const { target, input, resource, backup, now } = facts;
  const name = resourceOf(target);
  const there = resource !== undefined;
  const known = resource === 'unknown' ? undefined : resource;
  const moment = momentOf(facts);
  const alias = madeAtOnce(facts) ? name : withoutId(aliasOf(target, name));
  const names = {
    restoredInto: alias,
    serves: input.mode === 'swap' || input.mode === 'items' ? name : alias,
    oldKeptAs:
      input.mode === 'swap' && there && target.engine !== 'dynamodb' ? withoutId(oldNameOf(target, name)) : null,
  };
  const seconds = moment === null ? null : Math.max(0, (now - Date.parse(moment)) / 1000);
  const last = facts.restores.find((one) => one.native && one.status !== 'RUNNING' && one.status !== 'FAILED');
  return {
    target: target.name,
    engine: target.engine,
    mode: input.mode,
    from: { backupId: backup?.backupId ?? null, at: moment },
    window: known?.window ?? null,
    names,
    steps: stepsOf(facts, names, there),
    lost: { what: lossWords(facts, names, moment, seconds, there), since: moment, seconds },
    outage: outageWords(facts, there),
    lastRestore: last
      ? { id: last.restoreId, mode: last.mode, seconds: secondsBetween(last.startedAt, last.endedAt) ?? 0 }
      : null,
    notes: [
      ...notesOf(facts, known),
      ...(known ? passwordWarnings(known.settings, moment ?? 'latest', names.serves) : []),
    ],
    refused: facts.refusals?.length
      ? failure('RESTORE_REFUSED', { operation: 'plan restore', detail: facts.refusals.join(' ') })
      : null,
  };
}

/** Null: the latest that the service can restore. */
function momentOf({ input, backup, resource }: NativePlanFacts): string | null {
  if (backup) return backup.snapshotAt ?? backup.startedAt;
  if (input.at !== 'latest') return new Date(input.at).toISOString();
  return resource === 'unknown' ? null : (resource?.window.latest ?? null);
}

const isTable = ({ target }: NativePlanFacts): boolean => target.engine === 'dynamodb';
/** There is nothing to fence, to save or to delete: the table is made under its name, without an alias. */
const madeAtOnce = (facts: NativePlanFacts): boolean =>
  isTable(facts) && facts.input.mode === 'swap' && facts.resource === undefined;

function stepsOf(facts: NativePlanFacts, names: NativeRestorePlan['names'], there: boolean): string[] {
  const { target, input, backup, config } = facts;
  const name = resourceOf(target);
  const from = backup ? `the backup ${backup.backupId}` : 'by point-in-time recovery';
  return [
    there
      ? `Read every setting of ${name} and what can be restored; stop if anything speaks against it.`
      : `${name} is gone: take its settings from the newest good backup.`,
    `Restore ${from} into ${names.restoredInto}${there ? ', beside what is there' : ''}.`,
    ...(isTable(facts)
      ? [
          'Look at its keys and indexes, and count its items.',
          ...(input.mode === 'new' || input.mode === 'pointer' || madeAtOnce(facts)
            ? [`Give ${names.restoredInto} every setting of ${name}, and compare.`]
            : []),
        ]
      : [
          `Give ${names.restoredInto} every setting that the restore call does not take (roles, monitoring, windows, …), reboot it if that is pending, and compare all of them.`,
          ...('check' in target && target.check
            ? [
                `Log in to ${names.restoredInto}, count its rows and ask its ${plural(target.check.queries.length, 'check')}.`,
              ]
            : []),
        ]),
    ...(input.mode === 'new' ? [`Leave it as ${names.restoredInto}.`] : []),
    ...(input.approve && (input.mode === 'swap' || input.mode === 'pointer')
      ? [
          `Stop and ask by mail; go on at nightjar approve, clean up at nightjar cancel or after ${plural(config.limits.approvalHours, 'hour')}.`,
        ]
      : []),
    ...(input.mode === 'pointer' ? [`Switch ${pointerWords(target)} to it.`] : []),
    ...(input.mode === 'items'
      ? [
          `Copy the chosen items from ${names.restoredInto} into ${name}, each only where nobody changes it meanwhile; then remove ${names.restoredInto}.`,
        ]
      : []),
    ...(input.mode === 'swap' && !madeAtOnce(facts) ? swapSteps(facts, names, there) : []),
  ];
}

function swapSteps(facts: NativePlanFacts, names: NativeRestorePlan['names'], there: boolean): string[] {
  const { target, config } = facts;
  const name = resourceOf(target);
  if (!isTable(facts))
    return [
      ...(there ? [`Rename ${name} to ${names.oldKeptAs ?? ''}.`] : []),
      `Rename ${names.restoredInto} to ${name}.`,
      'Re-point what names the old one where that can be done, and tell what can not.',
      ...(there
        ? [
            `Keep the old one (${'replaced' in target ? target.replaced : 'running'}) for ${plural(config.retention.replacedDays, 'day')}; then the pruner takes a last snapshot and removes it.`,
          ]
        : []),
    ];
  return [
    'fence' in target && target.fence === 'application'
      ? 'Trust that the application is stopped: writes are not fenced.'
      : `Deny writes to ${name} by its resource policy.`,
    `Back up ${name}, and back up ${names.restoredInto}; prove both.`,
    `Delete ${name}.`,
    `Make ${name} again from the backup of ${names.restoredInto}, give it all its settings, and compare.`,
    'Let writes in again, and remove the alias.',
  ];
}

const pointerWords = ({ pointer }: NativeTarget): string =>
  pointer ? `the ${placeOf(pointer)}` : '(the target has no pointer)';

function lossWords(
  { input, target }: NativePlanFacts,
  names: NativeRestorePlan['names'],
  moment: string | null,
  seconds: number | null,
  there: boolean,
): string {
  const gone =
    moment === null || seconds === null
      ? 'what was written in the last minutes, which the service can not restore yet'
      : `everything written in the last ${duration(seconds)} (since ${utc(moment)})`;
  if (input.mode === 'new') return `Nothing: ${names.restoredInto} is made beside what is there. It lacks ${gone}.`;
  if (input.mode === 'items')
    return 'What the chosen items hold now, where it differs from what comes back; nothing else.';
  if (!there) return `${names.serves} is gone already; what comes back lacks ${gone}.`;
  if (input.mode === 'pointer')
    return `The application will lack ${gone}. The original stays as it is, and nightjar rollback points back to it.`;
  return target.engine === 'dynamodb'
    ? `${names.serves} will lack ${gone}. The table of before is kept as a backup, and nightjar rollback restores that.`
    : `${names.serves} will lack ${gone}. It is not destroyed: the old one stays as ${names.oldKeptAs ?? ''}, and nightjar rollback exchanges the names again.`;
}

function outageWords(facts: NativePlanFacts, there: boolean): string | null {
  const { mode } = facts.input;
  if (mode === 'new' || mode === 'items') return null;
  if (mode === 'pointer') return 'None but what the application needs to read its pointer again.';
  if (!there) return 'It is out already; it ends when the restored one has the name.';
  return isTable(facts)
    ? 'No writes from the fence on; no reads from the deletion until the table is made again: the time of one restore from a backup.'
    : 'From the first rename to the end of the second: some minutes each. Connections are cut.';
}

function notesOf(
  { resource, target, input, unfinished, refusals }: NativePlanFacts,
  known: NativeResource | undefined,
): string[] {
  return [
    ...(unfinished
      ? [
          `The swap ${unfinished.restoreId} broke off, and this restore goes on from there. ${servingSentence(unfinished)}`,
        ]
      : []),
    ...(refusals === undefined && resource !== 'unknown'
      ? ['What speaks against it could not be asked beforehand; the workflow asks before it changes anything.']
      : []),
    ...(resource === 'unknown' ? ['You may not look at the resource; the workflow does before anything starts.'] : []),
    ...(known && !known.window.on ? ['Point-in-time recovery is off: only backups can be restored.'] : []),
    ...(known?.replicas.length ? [`It has replicas, which do not come along: ${known.replicas.join(', ')}.`] : []),
    ...(target.engine === 'dynamodb' && input.mode === 'swap' && 'fence' in target && target.fence === 'application'
      ? ['Without a fence, whatever is written between the last backup and the deletion is LOST.']
      : []),
  ];
}

/** The plan for a person. */
export function nativePlanLines(plan: NativeRestorePlan): string[] {
  const last = plan.lastRestore;
  return [
    `Restore of ${plan.target} (${ENGINES[plan.engine].label}), mode ${plan.mode}. This is a plan: nothing has been done.`,
    '',
    plan.from.backupId === null
      ? `From point-in-time recovery, ${plan.from.at === null ? 'the latest that can be restored' : utc(plan.from.at)}`
      : `From the backup ${plan.from.backupId}${plan.from.at === null ? '' : ` of ${utc(plan.from.at)}`}`,
    ...(plan.window?.on && plan.window.earliest && plan.window.latest
      ? [`It reaches from ${utc(plan.window.earliest)} to ${utc(plan.window.latest)}.`]
      : []),
    '',
    'Steps',
    ...plan.steps.map((step, index) => `  ${index + 1}. ${step}`),
    '',
    `Lost    ${plan.lost.what}`,
    `Outage  ${plan.outage ?? 'none'}`,
    `Time    ${
      last
        ? `the last restore of this target (${last.id}, ${last.mode}) took ${duration(last.seconds)}`
        : 'this target was never restored, so nobody knows'
    }`,
    ...(plan.notes.length > 0 ? ['', ...plan.notes.map((note) => `Note: ${note}`)] : []),
    ...(plan.refused
      ? ['', `As asked it would be refused: ${plan.refused.detail ?? plan.refused.message}`, plan.refused.hint]
      : []),
  ];
}
