/** The mails about several tables that go back together: the question before the first outage, and the end. */
import type { Failure } from './errors.ts';
import { noticeMail } from './notice.ts';
import { momentText, type Mail } from './report.ts';
import { memberLine, setCommands, type SeenMember, type SetFacts } from './set-view.ts';

interface Common {
  /** The config's name. */
  readonly name: string;
  readonly set: SetFacts;
  /** In the order of the set. */
  readonly members: readonly SeenMember[];
}

export function setApprovalMail({
  name,
  set,
  members,
  timeZone,
  until,
}: Common & { readonly timeZone: string; /** ISO 8601. */ readonly until: string }): Mail {
  const when = momentText(until, timeZone);
  const swapped = members.filter(({ before }) => before !== true);
  return noticeMail({
    subject: `Nightjar ${name}: approve the restore of ${String(swapped.length)} tables until ${when}`,
    headline: `The restore of ${swapped.map((one) => one.target).join(', ')} waits for your approval.`,
    tone: 'calm',
    sections: [
      {
        heading: 'What will happen, one after the other',
        lines: swapped.map((one, place) => step(one, set, place + 1)),
      },
      {
        heading: 'What is lost',
        lines: [
          `Everything written to these tables after ${set.at} is missing from what will serve; ${set.mode === 'swap' ? 'their last state is kept as backups' : 'the originals keep it'}.`,
        ],
      },
      {
        heading: 'What was checked',
        lines: swapped.flatMap(({ target, record }) =>
          (record?.native?.checks ?? []).map((check) => `${target}: ${check}`),
        ),
      },
      { heading: 'To go on with all of them', lines: [], commands: [`nightjar approve ${set.id}`] },
      {
        heading: 'To cancel all of them',
        lines: [`Without an answer it is cancelled on ${when}: the originals serve on, what was restored is removed.`],
        commands: [`nightjar cancel ${set.id}`],
      },
    ],
    foot: `Nightjar ${name} · set ${set.id}`,
  });
}

const step = ({ target, record }: SeenMember, { mode }: SetFacts, place: number): string =>
  mode === 'pointer'
    ? `${place}. The pointer of ${target} is switched to ${record?.native?.alias ?? 'the restored table'}.`
    : `${place}. ${target}: writes are kept away, ${record?.native?.settings.name ?? 'the table'} is deleted and made again from the backup of ${record?.native?.alias ?? 'the restored one'}.`;

/** @param failure of a set that broke. */
export function setMail({ name, set, members, failure }: Common & { readonly failure?: Failure }): Mail {
  const all = set.targets.join(', ');
  const { finish, takeBack } = setCommands(set, members);
  const headline = failure
    ? failure.code === 'SET_MIXED'
      ? `${all} do NOT fit together: some serve ${set.at}, others do not.`
      : `The restore of ${all} FAILED.`
    : set.mode === 'new'
      ? `${all} stand restored to ${set.at} beside their originals.`
      : `${all} serve ${set.at}.`;
  return noticeMail({
    subject: `Nightjar ${name}: ${failure ? headline : `${String(set.targets.length)} tables were restored to ${set.at}`}`,
    headline,
    tone: failure ? 'bad' : 'good',
    sections: [
      { heading: 'What serves', lines: members.map((one) => memberLine(one, set)) },
      {
        heading: 'What happened',
        lines: failure
          ? [failure.message, ...(failure.detail ? [failure.detail] : []), `What to do: ${failure.hint}`]
          : [],
      },
      { heading: 'To start the set again, which goes on from here', lines: [], commands: failure ? [finish] : [] },
      { heading: 'To take back what was swapped, one line after the other', lines: [], commands: takeBack },
      {
        heading: 'To be looked at',
        lines: members.flatMap(({ target, record }) => (record?.warnings ?? []).map((one) => `${target}: ${one}`)),
      },
      { heading: 'More', lines: [], commands: [`nightjar show ${set.id}`] },
    ],
    foot: `Nightjar ${name} · set ${set.id}`,
  });
}
