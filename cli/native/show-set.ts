/** `nightjar show` of several tables that go back to one moment: who serves what, and the lines to type. */
import type { RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { EXIT } from '../../core/errors.ts';
import {
  isMixed,
  memberLine,
  openSetQuestion,
  setCommands,
  type SeenMember,
  type SetFacts,
} from '../../core/set-view.ts';
import { indent, table, utc, when } from '../format.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { ShowJson } from '../shapes.ts';
import { withoutToken } from './approval.ts';
import { phaseOf } from './show-lines.ts';
import { seenMembers } from './set-members.ts';
import { isNativeRecord } from '../../core/serving.ts';

export async function showSet(
  session: Session,
  catalog: Pick<Catalog, 'listRestores'>,
  records: readonly RestoreRecord[],
): Promise<Outcome<ShowJson>> {
  const [{ set, mode }] = records as [RestoreRecord];
  const { id, targets, at } = set!;
  const facts = { id, targets, at, mode: mode as SetFacts['mode'] };
  const members = await seenMembers(catalog, facts, records);
  const question = records.map((one) => openSetQuestion(one, session.world.now())).find((one) => one !== undefined);
  return {
    json: {
      command: 'show',
      ok: true,
      kind: 'set',
      set: { id, targets: [...targets], at, mode },
      members: members.map((one) => memberJson(one, facts)),
      question: question ? { askedAt: question.askedAt, until: question.until } : null,
    },
    text: [
      `set ${id} of ${targets.join(', ')}, mode ${mode}, to ${utc(at)}`,
      ...(question
        ? [
            session.paint(
              'yellow',
              `It waits for your answer until ${when(question.until, session.world.now())}: nightjar approve ${id}, or nightjar cancel ${id}`,
            ),
          ]
        : []),
      '',
      ...setLines(session, facts, members),
    ],
    exit: EXIT.ok,
  };
}

export const memberJson = (member: SeenMember, facts: SetFacts) => ({
  target: member.target,
  restore: member.record ? withoutToken(member.record) : null,
  serves: memberLine(member, facts),
});

/** Every member in its place, who serves what, and what to type where some serve the moment and others do not. */
export function setLines(session: Session, facts: SetFacts, members: readonly SeenMember[]): string[] {
  const { finish, takeBack } = setCommands(facts, members);
  const running = members.some(({ record }) => record?.status === 'RUNNING');
  const swaps = facts.mode !== 'new';
  return [
    ...table(
      [{ title: '' }, { title: 'target' }, { title: 'restore' }, { title: 'status' }, { title: 'now' }],
      members.map(({ target, record }, place) => [
        `${place + 1}.`,
        target,
        record?.restoreId ?? 'not begun',
        record?.status ?? '',
        record?.status === 'RUNNING' && isNativeRecord(record) ? phaseOf(record) : '',
      ]),
    ),
    '',
    ...members.map((one) => memberLine(one, facts)),
    ...(!running && swaps && isMixed(members)
      ? [
          '',
          session.paint('red', 'They do not fit together: some serve the moment, others do not.'),
          'To finish:',
          ...indent([finish]),
        ]
      : []),
    ...(running || takeBack.length === 0 ? [] : ['', 'To take back what was swapped:', ...indent([...takeBack])]),
  ];
}
