/** `nightjar show ID`: everything about one backup, restore or run. Needs only the vault's stack. */
import type { AnyManifest, BackupRecord, Manifest, NativeManifest, RunRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { EXIT, NightjarError, type Failure } from '../../core/errors.ts';
import { highestIdAt, isId, lowestIdAt } from '../../core/ids.ts';
import { parseRunId } from '../../core/names.ts';
import { isNativeRecord, openQuestion, servingSentence } from '../../core/serving.ts';
import { databasesIn } from '../../core/server-backup.ts';
import { openSetQuestion } from '../../core/set-view.ts';
import { membersOfSet } from '../native/set-members.ts';
import { showSet } from '../native/show-set.ts';
import { withoutToken } from '../native/approval.ts';
import { toCommandError } from '../aws-errors.ts';
import type { Outcome } from '../outcome.ts';
import type { DeployedVault, Session } from '../session.ts';
import { backupLines, restoreLines, runLines } from './show-lines.ts';
import type { DumpFacts, ManifestFacts, NativeFacts, ShowJson } from '../shapes.ts';

const TOP_TABLES = 10;
const PAGE = 500;

export async function show(session: Session, asked: string): Promise<Outcome<ShowJson>> {
  const vault = await session.vault();
  const { catalog } = vault;
  if (parseRunId(asked)) return showRun(session, catalog, asked);
  const id = asked.toUpperCase();
  if (!isId(id))
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read ID',
      detail: `${asked} is no id: right would be the 26 characters of a backup or restore, or a run such as daily-20261121T013000Z.`,
    });
  const backup = await catalog.findBackup(id);
  if (backup) return showBackup(session, vault, backup);
  const restore = await catalog.getRestore(id);
  const members = restore ? [] : await membersOfSet(catalog, id);
  if (members.length > 0) return showSet(session, catalog, members);
  if (!restore)
    throw new NightjarError('BACKUP_UNKNOWN', { operation: 'show', detail: `${id} is no restore and no run either.` });
  const progress = (await catalog.getProgress(id)) ?? null;
  const question = openQuestion(restore, session.world.now()) ?? openSetQuestion(restore, session.world.now());
  return {
    json: {
      command: 'show',
      ok: true,
      kind: 'restore',
      restore: withoutToken(restore),
      serves: isNativeRecord(restore) ? servingSentence(restore) : null,
      question: question ? { askedAt: question.askedAt, until: question.until } : null,
      progress,
    },
    text: restoreLines(session, restore, progress),
    exit: EXIT.ok,
  };
}

async function showBackup(session: Session, vault: DeployedVault, backup: BackupRecord): Promise<Outcome<ShowJson>> {
  const progress = (await vault.catalog.getProgress(backup.backupId)) ?? null;
  let manifest: ManifestFacts | null = null;
  let manifestFailure: Failure | null = null;
  if (backup.status === 'COMPLETED' && backup.manifestKey !== undefined) {
    try {
      manifest = factsOf((await vault.vault.readManifest(backup.manifestKey, backup.manifestVersionId)).manifest);
    } catch (thrown) {
      // Its record is worth showing also to a person who may not read the vault.
      manifestFailure = toCommandError(thrown, 'read manifest').toFailure();
    }
  }
  return {
    json: { command: 'show', ok: true, kind: 'backup', backup, manifest, manifestFailure, progress },
    text: backupLines(session, backup, manifest, manifestFailure, progress),
    exit: EXIT.ok,
  };
}

const factsOf = (manifest: AnyManifest): ManifestFacts =>
  manifest.method === 'dump' ? dumpFacts(manifest) : nativeFacts(manifest);

function nativeFacts({ window, points, warnings, settings, items }: NativeManifest): NativeFacts {
  const sizeOf = (one: object): number => Object.keys(one).length;
  const members = settings.instances.reduce((sum, one) => sum + sizeOf(one.values), 0);
  return {
    method: 'native',
    window,
    points,
    warnings,
    server: settings.server ?? null,
    settings: sizeOf(settings.values) + sizeOf(settings.tags) + members,
    items: items ?? null,
  };
}

function dumpFacts(manifest: Manifest): DumpFacts {
  const { consistency, source, format, scope, encryption, tool, compression, fingerprint } = manifest;
  const { roles, extensions, warnings } = manifest;
  return {
    method: 'dump',
    consistency,
    source,
    format,
    ...(scope === undefined ? {} : { scope }),
    ...(encryption === undefined ? {} : { encryption }),
    tool,
    compression,
    roles,
    extensions,
    warnings,
    objects: manifest.objects.length,
    archive: manifest.archive,
    ...(manifest.databases ? { databases: [...databasesIn(manifest)] } : {}),
    fingerprint: {
      mode: fingerprint.mode,
      seconds: fingerprint.seconds,
      tables: fingerprint.tables.length,
      rows: fingerprint.tables.reduce((sum, one) => sum + one.rows, 0),
      top: [...fingerprint.tables].sort((left, right) => right.rows - left.rows).slice(0, TOP_TABLES),
    },
  };
}

async function showRun(session: Session, catalog: Catalog, runId: string): Promise<Outcome<ShowJson>> {
  const run = await catalog.getRun(runId);
  if (!run)
    throw new NightjarError('BACKUP_UNKNOWN', { operation: 'show', detail: `There is no run ${runId} either.` });
  const backups = await backupsOfRun(catalog, run, session.world.now());
  return {
    json: { command: 'show', ok: true, kind: 'run', run, backups },
    text: runLines(session, run, backups),
    exit: EXIT.ok,
  };
}

/** Ids sort by time, so a run's backups lie between its start and its end. */
async function backupsOfRun(catalog: Catalog, run: RunRecord, now: number): Promise<BackupRecord[]> {
  const lowest = lowestIdAt(Date.parse(run.startedAt));
  let before = highestIdAt(run.endedAt === undefined ? now : Date.parse(run.endedAt));
  const found: BackupRecord[] = [];
  for (;;) {
    const page = await catalog.listBackups({ before, limit: PAGE });
    found.push(...page.filter((one) => one.runId === run.runId));
    const last = page.at(-1)?.backupId;
    if (page.length < PAGE || last === undefined || last < lowest) return found;
    before = last;
  }
}
