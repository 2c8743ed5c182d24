/** What `show` prints: one backup, restore or run in words. */
import { tableName } from '../../core/scope.ts';
import type { BackupRecord, RestoreRecord, RunRecord } from '../../core/backup.ts';
import type { Failure } from '../../core/errors.ts';
import { exchangeSentence, OF_RESTORE } from '../../core/exchange.ts';
import type { Progress } from '../../core/job.ts';
import { bytes, count, duration, fields, indent, paintStatus, plural, secondsBetween, table, when } from '../format.ts';
import { amount } from '../meter.ts';
import { nativeManifestLines, nativeRestoreFields, nativeRestoreLines, windowWords } from '../native/show-lines.ts';
import { failureLines } from '../outcome.ts';
import type { Session } from '../session.ts';
import { backupTable } from './backups.ts';
import { runTable } from './runs.ts';
import type { DumpFacts, ManifestFacts } from '../shapes.ts';

const seconds = (record: { startedAt: string; endedAt?: string | undefined }): string | undefined => {
  const took = secondsBetween(record.startedAt, record.endedAt);
  return took === undefined ? undefined : duration(took);
};

/** Only while it runs: afterwards the record says more. */
const progressWords = (status: string, progress: Progress | null): string | undefined =>
  status === 'RUNNING' && progress
    ? [progress.phase, amount(progress), progress.attempt > 1 ? `attempt ${progress.attempt}` : '']
        .filter((part) => part !== '')
        .join(', ')
    : undefined;

const failureBlock = (session: Session, failure: Failure | undefined): string[] =>
  failure ? ['', ...failureLines(failure, session.paint)] : [];

export function backupLines(
  session: Session,
  record: BackupRecord,
  manifest: ManifestFacts | null,
  manifestFailure: Failure | null,
  progress: Progress | null,
): string[] {
  const { paint, world } = session;
  const now = world.now();
  return [
    `backup ${record.backupId} of ${record.target}  ${paintStatus(paint, record.status)}`,
    '',
    ...fields([
      ['data of', record.snapshotAt && when(record.snapshotAt, now)],
      ['started', when(record.startedAt, now)],
      ['took', seconds(record)],
      ['now', progressWords(record.status, progress)],
      ['trigger', record.runId ? `${record.trigger}, run ${record.runId}` : record.trigger],
      ['asked by', record.requestedBy],
      ['engine', `${record.engine}, ${record.method}, ${record.kind}`],
      ['stored', record.storedBytes === undefined ? undefined : bytes(record.storedBytes)],
      ['database', record.databaseBytes === undefined ? undefined : bytes(record.databaseBytes)],
      ['rows', record.rows === undefined ? undefined : `${count(record.rows)} in ${count(record.tables ?? 0)} tables`],
      ['PITR', record.window && windowWords(record.window)],
      ['points', record.points?.join('\n')],
      ['points gone', record.pointsGoneAt && when(record.pointsGoneAt, now)],
      ['consistency', record.consistency],
      ['deleted', record.deletedAt && when(record.deletedAt, now)],
      ['warnings', record.warnings?.length ? record.warnings.join('\n') : undefined],
      ['manifest', record.manifestKey],
      ['execution', record.executionArn],
    ]),
    ...failureBlock(session, record.failure),
    ...(manifest?.method === 'dump' ? manifestLines(session, manifest) : []),
    ...(manifest?.method === 'native' ? nativeManifestLines(session, manifest) : []),
    ...(manifestFailure ? ['', 'The manifest could not be read:', ...failureLines(manifestFailure, paint)] : []),
  ];
}

function manifestLines(session: Session, manifest: DumpFacts): string[] {
  const { source, tool, compression, fingerprint } = manifest;
  return [
    '',
    session.paint('bold', 'From its manifest'),
    ...indent(
      fields([
        [
          'source',
          manifest.databases
            ? `${source.place}, ${source.serverVersion}`
            : `${source.place}/${source.database}, ${source.serverVersion}`,
        ],
        ...(manifest.databases ? [['databases', manifest.databases.join(', ')] as const] : []),
        ...(source.tlsVerified === undefined
          ? []
          : [
              [
                'tls',
                source.tlsVerified ? 'certificate verified' : session.paint('yellow', 'certificate NOT verified'),
              ] as const,
            ]),
        ...(source.owner === undefined ? [] : [['owner', source.owner] as const]),
        ...Object.entries(source.details).map(([name, value]) => [name, String(value)] as const),
        ['format', manifest.format],
        ['tool', `${tool.name} ${tool.version}`],
        [
          'compression',
          `${compression.algorithm} ${compression.level}, ${compression.place} the archive${compression.packer ? `, by ${compression.packer}` : ''}`,
        ],
        ['archive', `${bytes(manifest.archive.bytes)}, SHA-256 ${manifest.archive.sha256}`],
        ['objects', String(manifest.objects)],
        ['roles', manifest.roles.join(', ') || 'none'],
        ['extensions', manifest.extensions.map((one) => `${one.name} ${one.version}`).join(', ') || 'none'],
        [
          'fingerprint',
          fingerprint.mode === 'none'
            ? 'none was taken'
            : `${fingerprint.mode}, ${plural(fingerprint.tables, 'table')}, ${plural(fingerprint.rows, 'row')}, taken in ${duration(fingerprint.seconds)}`,
        ],
      ]),
    ),
    ...(fingerprint.top.length === 0
      ? []
      : [
          '',
          session.paint('bold', 'Largest tables by rows'),
          ...indent(
            table(
              [{ title: 'table' }, { title: 'rows', right: true }, { title: 'checksum' }],
              fingerprint.top.map((one) => [tableName(one), count(one.rows), one.checksum ?? '']),
            ),
          ),
        ]),
  ];
}

export function restoreLines(session: Session, record: RestoreRecord, progress: Progress | null): string[] {
  const { paint, world } = session;
  const now = world.now();
  const { comparison } = record;
  return [
    `restore ${record.restoreId} of ${record.target}  ${paintStatus(paint, record.status)}`,
    '',
    ...fields([
      ['from backup', record.backupId],
      ['of database', record.fromDatabase],
      ['to', `${record.destination}, ${placeWords(record)}, mode ${record.mode}`],
      ['started', when(record.startedAt, now)],
      ['took', seconds(record)],
      ['now', progressWords(record.status, progress)],
      ['asked by', record.requestedBy],
      ...nativeRestoreFields(session, record),
      ['data is in', record.restoredDatabase],
      ['at its end', record.exchange && exchangeSentence(record.exchange, OF_RESTORE)],
      ['replaced', replacedWords(record, now)],
      ['safety backup', record.safetyBackupId],
      [
        'compared',
        comparison &&
          (comparison.mode === 'none'
            ? 'not: the backup has no fingerprint'
            : `${plural(comparison.tablesCompared, 'table')}, ${count(comparison.rowsFound)} of ${plural(comparison.rowsExpected, 'row')}: ${comparison.equal ? paint('green', 'equal') : paint('red', 'DIFFERENT')}`),
      ],
      ['warnings', record.warnings?.length ? record.warnings.join('\n') : undefined],
      ['execution', record.executionArn],
    ]),
    ...(comparison && comparison.differences.length > 0
      ? [
          '',
          ...table(
            [{ title: 'table' }, { title: 'expected', right: true }, { title: 'found', right: true }],
            comparison.differences.map((one) => [tableName(one), one.expected, one.found]),
          ),
        ]
      : []),
    ...nativeRestoreLines(session, record),
    ...failureBlock(session, record.failure),
  ];
}

const placeWords = ({ native, allDatabases, database }: RestoreRecord): string =>
  native ? database : allDatabases ? 'every database of the backup' : `database ${database}`;

function replacedWords(record: RestoreRecord, now: number): string | undefined {
  if (record.replacedDatabase === undefined) return undefined;
  if (record.replacedDroppedAt) return `${record.replacedDatabase}, dropped ${when(record.replacedDroppedAt, now)}`;
  if (record.status === 'ROLLED_BACK') return 'rolled back: the old data serves again';
  const until = record.replacedUntil ? ` until ${when(record.replacedUntil, now)}` : '';
  return `kept as ${record.replacedDatabase}${until}; take it back with nightjar rollback ${record.restoreId}`;
}

export function runLines(session: Session, run: RunRecord, backups: readonly BackupRecord[]): string[] {
  const missing = run.due - backups.length;
  const order = (one: BackupRecord): number => (one.status === 'FAILED' ? 0 : one.status === 'RUNNING' ? 1 : 2);
  return [
    ...runTable(session, [run]),
    ...failureBlock(session, run.failure),
    '',
    ...(backups.length === 0
      ? ['No backup of this run is in the catalog.']
      : backupTable(
          session,
          [...backups].sort((left, right) => order(left) - order(right)),
        )),
    ...(missing > 0
      ? [
          run.status === 'RUNNING'
            ? `${plural(missing, 'target')} not begun yet.`
            : session.paint('red', `${plural(missing, 'due target')} without any backup (NOT_STARTED).`),
        ]
      : []),
  ];
}
