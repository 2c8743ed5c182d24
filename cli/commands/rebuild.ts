/** `nightjar rebuild`: gives a lost catalog back from the vault's manifests. Needs only the vault's stack. */
import { EXIT } from '../../core/errors.ts';
import { rebuildCatalog } from '../../stores/rebuild.ts';
import { bytes, plural, table, utc } from '../format.ts';
import type { Outcome } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { RebuildJson } from '../shapes.ts';

/** A list that people read; the JSON has them all. */
const SHOWN = 20;
/** Manifests between two signs of life. */
const EVERY = 1_000;

export async function rebuild(session: Session, { plan }: { plan: boolean }): Promise<Outcome<RebuildJson>> {
  const { vault, catalog } = await session.vault();
  const { recovered, known, unreadable } = await rebuildCatalog(vault, catalog, {
    plan,
    onProgress: (manifests) => {
      if (manifests > 0 && manifests % EVERY === 0) session.say(`${plural(manifests, 'manifest')} looked at.`);
    },
  });
  const ok = unreadable.length === 0;
  const json: RebuildJson = {
    command: 'rebuild',
    ok,
    exitCode: ok ? EXIT.ok : EXIT.failed,
    plan,
    recovered: recovered.map((one) => ({
      backupId: one.backupId,
      target: one.target,
      snapshotAt: one.snapshotAt ?? one.startedAt,
      storedBytes: one.storedBytes ?? 0,
    })),
    known,
    unreadable: unreadable.map(({ key, failure }) => ({ key, failure })),
  };
  return { json, text: lines(session, json), exit: json.exitCode };
}

function lines(session: Session, { plan, recovered, known, unreadable }: RebuildJson): string[] {
  const shown = recovered.slice(0, SHOWN);
  return [
    plan
      ? `This is a plan: nothing has been written. ${plural(recovered.length, 'backup')} would come back; the catalog knows ${known} already.`
      : `${session.paint('green', `${plural(recovered.length, 'backup')} came back.`)} The catalog knew ${known} already; they are as they were.`,
    ...(shown.length === 0
      ? []
      : table(
          [{ title: 'backup' }, { title: 'target' }, { title: 'data of' }, { title: 'stored', right: true }],
          shown.map((one) => [one.backupId, one.target, utc(one.snapshotAt), bytes(one.storedBytes)]),
        )),
    ...(recovered.length > SHOWN ? [`… and ${plural(recovered.length - SHOWN, 'backup')} more`] : []),
    ...(unreadable.length === 0
      ? []
      : [
          session.paint(
            'red',
            `${plural(unreadable.length, 'manifest')} can not be taken back; no object was touched:`,
          ),
          ...unreadable
            .slice(0, SHOWN)
            .map(({ key, failure }) => `  ${key}: ${failure.code}: ${failure.detail ?? failure.message}`),
          ...(unreadable.length > SHOWN ? [`  … and ${unreadable.length - SHOWN} more`] : []),
        ]),
    ...(plan ? [] : ['Runs and restores are in no manifest: their history does not come back.']),
  ];
}
