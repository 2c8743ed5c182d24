/** What `status` prints: what is wrong comes first. */
import { age, bytes, duration, indent, plural, table, when } from '../format.ts';
import { amount } from '../meter.ts';
import type { Session } from '../session.ts';
import type { RunningJson, StatusJson, TargetStatusJson } from '../shapes.ts';
import { runTable } from './runs.ts';

/** More targets than this are shown only when something is wrong with them. */
const SHOWN_TARGETS = 40;

export function statusLines(session: Session, json: StatusJson): string[] {
  const { paint } = session;
  const now = session.world.now();
  const title = (text: string): string => paint('bold', text);
  const past = json.targets.filter((one) => one.pastRpo);
  const failing = json.targets.filter((one) => !one.pastRpo && one.lastFailure);
  const verdict =
    past.length > 0
      ? paint('red', `${plural(past.length, 'target')} past the promised RPO.`)
      : failing.length > 0
        ? paint(
            'yellow',
            `Every target is within its RPO; the last backup of ${plural(failing.length, 'target')} failed.`,
          )
        : paint('green', 'Every target is within its RPO.');
  return [
    `${title(`${json.name} ${json.version}`)}  ${verdict}`,
    '',
    ...json.broken.flatMap((one) => [paint('red', `${one.destination}: ${one.serves}`), '']),
    title('Running now'),
    ...indent(json.running.length === 0 ? ['nothing'] : runningTable(json.running, now)),
    '',
    ...(json.waiting.length === 0
      ? []
      : [
          title('Waiting for an answer before the outage'),
          ...indent(
            json.waiting.flatMap((one) => [
              paint('yellow', `${one.destination}, until ${when(one.until, now)}`),
              `  nightjar approve ${one.restoreId}`,
              `  nightjar cancel ${one.restoreId}`,
            ]),
          ),
          '',
        ]),
    title('Last run'),
    ...indent(json.lastRun === null ? ['none yet'] : runTable(session, [json.lastRun])),
    '',
    title('Targets'),
    ...indent(targetTable(session, json.targets)),
    ...(json.replaced.length === 0
      ? []
      : [
          '',
          title('Replaced databases, kept for rollback'),
          ...indent(
            table(
              [{ title: 'restore' }, { title: 'target' }, { title: 'kept as' }, { title: 'until' }],
              json.replaced.map((one) => [
                one.restoreId,
                one.destination,
                one.replacedDatabase,
                one.replacedUntil === null ? '' : when(one.replacedUntil, now),
              ]),
            ),
          ),
        ]),
  ];
}

function runningTable(running: readonly RunningJson[], now: number): string[] {
  return table(
    [
      { title: 'what' },
      { title: 'target' },
      { title: 'id' },
      { title: 'phase' },
      { title: 'moved' },
      { title: 'since', right: true },
    ],
    running.map((one) => [
      one.set === null ? one.machine : `  ${one.machine}`,
      one.target ?? '',
      one.id,
      one.attempt !== null && one.attempt > 1 ? `${one.phase} (attempt ${one.attempt})` : one.phase,
      one.bytes === null ? '' : amount({ bytes: one.bytes, totalBytes: one.totalBytes ?? undefined }),
      duration((now - Date.parse(one.startedAt)) / 1000),
    ]),
  );
}

/** What is wrong comes first; of many targets only that. */
function targetTable(session: Session, targets: readonly TargetStatusJson[]): string[] {
  const { paint } = session;
  const now = session.world.now();
  const rank = (one: TargetStatusJson): number => (one.pastRpo ? 0 : one.lastFailure ? 1 : 2);
  const sorted = [...targets].sort((left, right) => rank(left) - rank(right));
  const wrong = sorted.filter((one) => rank(one) < 2).length;
  const shown = sorted.slice(0, Math.max(wrong, SHOWN_TARGETS));
  const hidden = sorted.length - shown.length;
  const lines = table(
    [
      { title: 'target' },
      { title: 'newest good', right: true },
      { title: 'rpo', right: true },
      { title: 'stored', right: true },
      { title: 'took', right: true },
      { title: 'backup' },
      { title: '' },
    ],
    shown.map((one) => [
      one.target,
      one.newestGood ? age(one.newestGood.snapshotAt, now) : 'never',
      one.rpoHours === null ? 'none' : `${one.rpoHours} h`,
      one.newestGood ? bytes(one.newestGood.storedBytes) : '',
      one.newestGood ? duration(one.newestGood.seconds) : '',
      one.newestGood?.backupId ?? '',
      [
        one.pastRpo ? paint('red', 'PAST RPO') : '',
        one.lastFailure ? paint('red', `${one.lastFailure.code} ${age(one.lastFailure.at, now)}`) : '',
      ]
        .filter((part) => part !== '')
        .join('  '),
    ]),
  );
  return hidden === 0 ? lines : [...lines, `… and ${plural(hidden, 'target')} more, all within their RPO`];
}
