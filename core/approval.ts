/** The question before an outage: the mail that asks it, and both answers, builder beside parser. */
import { z } from 'zod';
import type { RestoreRecord } from './backup.ts';
import { failure } from './errors.ts';
import type { NativeRestore } from './native.ts';
import { noticeMail } from './notice.ts';
import { momentText, type Mail } from './report.ts';

export interface ApprovalFacts {
  /** The config's name. */
  readonly name: string;
  readonly timeZone: string;
  readonly record: RestoreRecord & { readonly native: NativeRestore };
  /** ISO 8601. */
  readonly until: string;
  /** What the application reads, in mode `pointer`. */
  readonly pointer?: string;
  /** Tables: whether a policy keeps writes away during the swap. */
  readonly fence?: 'deny' | 'application';
}

export function approvalMail(facts: ApprovalFacts): Mail {
  const { record, name, timeZone, until } = facts;
  const { native, restoreId, destination } = record;
  const when = momentText(until, timeZone);
  return noticeMail({
    subject: `Nightjar ${name}: approve the restore of ${destination} until ${when}`,
    headline: `The restore of ${destination} waits for your approval.`,
    tone: 'calm',
    sections: [
      { heading: 'What will happen', lines: whatHappens(facts) },
      { heading: 'What is lost', lines: [lost(facts)] },
      { heading: 'What was checked', lines: native.checks ?? [] },
      {
        heading: 'Settings that are not as they were',
        lines: (native.differences ?? []).map((one) => `${one.setting}: is ${one.found}, was ${one.expected}`),
      },
      { heading: 'To go on', lines: [], commands: [`nightjar approve ${restoreId}`] },
      {
        heading: 'To cancel',
        lines: [`Without an answer it is cancelled on ${when}: ${cancelled(facts)}`],
        commands: [`nightjar cancel ${restoreId}`],
      },
    ],
    foot: `Nightjar ${name} · restore ${restoreId}${record.requestedBy === undefined ? '' : ` · asked for by ${record.requestedBy}`}`,
  });
}

const cancelled = ({ record: { native } }: ApprovalFacts): string => {
  if (native.original) return 'the original serves on, what was restored is removed.';
  const rest = isMadeAtOnce(native) ? 'nothing is made.' : 'what was restored is removed.';
  return `nothing serves under ${native.settings.name}, as now, and ${rest}`;
};

/** A table that is gone is made under its name without an alias. */
const isMadeAtOnce = ({ settings, original }: NativeRestore): boolean =>
  settings.engine === 'dynamodb' && original === undefined;

function whatHappens({ record, pointer, fence }: ApprovalFacts): string[] {
  const { native, mode } = record;
  const { name } = native.settings;
  if (mode === 'pointer')
    return [
      `${pointer ?? 'The pointer'} is switched to ${native.alias}. ${name} stays as it is.`,
      'The outage is as long as the application takes to notice.',
    ];
  if (isMadeAtOnce(native))
    return [
      `There is no table ${name}. It is made again ${sourceOf(native)}, with all its settings.`,
      'It serves as soon as it is there; nothing that serves now is touched.',
    ];
  if (native.settings.engine === 'dynamodb')
    return [
      fence === 'application'
        ? `Nothing keeps writes away from ${name}: stop the application first.`
        : `Writes to ${name} are denied by its resource policy.`,
      `${name} and ${native.alias} are backed up, ${name} is deleted and made again from the backup of ${native.alias}, with all its settings.`,
      'The outage lasts as long as a backup and a restore of the table, from minutes to hours by its size.',
    ];
  return [
    ...(native.oldName === undefined ? [] : [`${name} is renamed to ${native.oldName} and kept.`]),
    `${native.alias} is renamed to ${name}.`,
    'The outage lasts as long as two renames with their restarts, usually some minutes.',
  ];
}

const sourceOf = ({ from }: NativeRestore): string =>
  from.kind === 'point' ? `from the backup ${from.backupId} of ${from.at}` : 'as it was just before it was deleted';

function lost({ record: { native } }: ApprovalFacts): string {
  const { from, settings } = native;
  const moment = from.at === 'latest' ? 'the latest moment that could be restored when it began' : from.at;
  if (isMadeAtOnce(native) && from.kind === 'moment') return 'Nothing that was in the table when it was deleted.';
  if (isMadeAtOnce(native)) return `Everything written to ${settings.name} after ${moment}, before it was deleted.`;
  const kept = settings.engine === 'dynamodb' ? 'its last state is kept as a backup' : 'the original keeps them';
  return `Everything written to ${settings.name} after ${moment} is missing from what will serve; ${kept}.`;
}

/** Output of the state that asked, when somebody approved. */
export const approvedBy = (decidedBy: string): { readonly decidedBy: string } => ({ decidedBy });
const approvedSchema = z.object({ decidedBy: z.string().optional().catch(undefined) }).catch({});
/** Somebody may have answered by hand, with anything: that was a yes, too. */
export const parseApproved = (answer: unknown): { readonly decidedBy?: string | undefined } =>
  approvedSchema.parse(answer);

/** Cause of the state's failure APPROVAL_DENIED, when somebody cancelled. */
export const deniedBy = (who: string): string => `${failure('APPROVAL_DENIED').message} By ${who}.`;
export function parseDenied(cause: string): { readonly decidedBy?: string } {
  const who = / By (.+)\.$/s.exec(cause)?.[1];
  return who === undefined ? {} : { decidedBy: who };
}
