/** What `show` prints of backups and restores that a service does itself. */
import type { PitrWindow } from '../../core/native.ts';
import { isNativeRecord, openQuestion, servingSentence, type NativeRecord } from '../../core/serving.ts';
import { openSetQuestion } from '../../core/set-view.ts';
import type { RestoreRecord } from '../../core/backup.ts';
import { bytes, count, duration, fields, indent, secondsBetween, table, utc, when } from '../format.ts';
import type { Session } from '../session.ts';
import type { NativeFacts } from '../shapes.ts';
import { nativePhase } from './phases.ts';

export function windowWords({ on, earliest, latest }: PitrWindow): string {
  if (!on) return 'OFF: only backups can be restored';
  if (latest === undefined) return 'on, and reaches nothing yet';
  return `on, reaches${earliest === undefined ? '' : ` from ${utc(earliest)}`} to ${utc(latest)}`;
}

export function nativeManifestLines(session: Session, manifest: NativeFacts): string[] {
  const { server, window, points } = manifest;
  return [
    '',
    session.paint('bold', 'From its manifest'),
    ...indent(
      fields([
        ['server', server ? `${server.engine} ${server.version}` : undefined],
        ['PITR then', windowWords(window)],
        ['settings', `${manifest.settings} come back with a restore`],
        ['items', manifest.items === null ? undefined : `${count(manifest.items)}, as the service last counted`],
      ]),
    ),
    '',
    session.paint('bold', 'Recovery points'),
    ...indent(
      table(
        [{ title: 'name' }, { title: 'region' }, { title: 'of' }, { title: 'size', right: true }, { title: '' }],
        points.map((one) => [
          one.name,
          one.region,
          utc(one.at),
          bytes(one.bytes),
          one.encrypted ? 'encrypted' : session.paint('yellow', 'NOT encrypted'),
        ]),
      ),
    ),
  ];
}

/** For the block of fields at the top; empty for a dump's restore. */
export function nativeRestoreFields(
  session: Session,
  record: RestoreRecord,
): (readonly [string, string | undefined])[] {
  if (!isNativeRecord(record)) return [];
  const { native } = record;
  const now = session.world.now();
  const question = openQuestion(record, now) ?? openSetQuestion(record, now);
  return [
    ['from moment', native.from.kind === 'moment' ? fromWords(native.from.at) : undefined],
    ['way', wayWords(record)],
    ['together with', record.set && `${record.set.targets.join(', ')}; nightjar show ${record.set.id}`],
    ['restored into', native.restored ? `${native.alias}, ${native.restored.arn}` : native.alias],
    ['now', record.status === 'RUNNING' ? phaseOf(record) : undefined],
    ['serves', servingSentence(record)],
    [
      'waits',
      question &&
        session.paint(
          'yellow',
          `for your answer until ${when(question.until, now)}: nightjar approve ${record.restoreId}, or nightjar cancel ${record.restoreId}`,
        ),
    ],
    ['checked', native.checks?.join('\n')],
    [
      'items',
      native.copied &&
        `${count(native.copied.written)} written, ${count(native.copied.same)} were the same, ${count(native.copied.conflicts)} changed meanwhile and were left${native.copied.missing ? `, ${count(native.copied.missing)} were not in the restored table` : ''}`,
    ],
  ];
}

const fromWords = (at: string): string => (at === 'latest' ? 'the latest that could be restored' : utc(at));

const wayWords = ({ native, mode }: NativeRecord): string =>
  mode === 'swap'
    ? native.settings.engine === 'dynamodb'
      ? 'the table is deleted and made again from a backup of the restored one'
      : 'the names are exchanged'
    : mode === 'pointer'
      ? 'what the application reads is switched'
      : mode === 'items'
        ? 'chosen items are copied into the living table'
        : 'beside the original';

/** Name of the state that it is in, by its record. */
function currentStep({ native }: NativeRecord): string | undefined {
  const open = Object.entries(native.steps).filter(([, step]) => step.doneAt === undefined);
  return open.sort(([, one], [, other]) => (one.startedAt < other.startedAt ? 1 : -1))[0]?.[0];
}
export function phaseOf(record: NativeRecord): string {
  const step = currentStep(record);
  return step === undefined ? 'between two steps' : (nativePhase(step) ?? step);
}

/** Steps with their times, and settings that are not as they were. */
export function nativeRestoreLines(session: Session, record: RestoreRecord): string[] {
  if (!isNativeRecord(record)) return [];
  const { steps, differences } = record.native;
  const inOrder = Object.entries(steps).sort(([, one], [, other]) => (one.startedAt < other.startedAt ? -1 : 1));
  return [
    ...(inOrder.length === 0
      ? []
      : [
          '',
          ...table(
            [{ title: 'step' }, { title: 'begun' }, { title: 'took', right: true }],
            inOrder.map(([name, step]) => [name, utc(step.startedAt), tookWords(step.startedAt, step.doneAt)]),
          ),
        ]),
    ...(differences === undefined
      ? []
      : differences.length === 0
        ? ['', 'Every setting is as it was.']
        : [
            '',
            session.paint('yellow', 'Settings that are not as they were'),
            ...table(
              [{ title: 'setting' }, { title: 'was' }, { title: 'is' }],
              differences.map((one) => [one.setting, one.expected, one.found]),
            ),
          ]),
  ];
}

function tookWords(from: string, to: string | undefined): string {
  const seconds = secondsBetween(from, to);
  return seconds === undefined ? 'not done' : duration(seconds);
}
