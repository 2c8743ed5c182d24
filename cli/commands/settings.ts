/** `nightjar settings diff TARGET`: what a resource's settings are now, against those of its newest good backup. */
import { nativeManifest } from '../../core/backup.ts';
import { chooseBackup } from '../../core/backup-choice.ts';
import { isNativeTarget, resourceOf } from '../../core/config.ts';
import { ENGINES } from '../../core/engines.ts';
import { EXIT, NightjarError } from '../../core/errors.ts';
import { differencesOf } from '../../core/native.ts';
import { table, utc } from '../format.ts';
import { findTarget } from '../../core/discovery.ts';
import type { Outcome } from '../outcome.ts';
import { parseAt } from '../parse-at.ts';
import type { Session } from '../session.ts';
import type { SettingsDiffJson } from '../shapes.ts';

export async function settingsDiff(
  session: Session,
  name: string,
  options: { readonly at: string },
): Promise<Outcome<SettingsDiffJson>> {
  const { config } = await session.backup();
  const { catalog, vault } = await session.vault();
  const target = await findTarget(config, catalog, name);
  if (!isNativeTarget(target))
    throw new NightjarError('INPUT_INVALID', {
      operation: 'settings diff',
      detail: `${ENGINES[target.engine].label} is dumped: its settings are its server's, and Nightjar keeps none.`,
    });
  const backup = await chooseBackup(catalog, name, parseAt(options.at));
  const { manifest } = await vault.readManifest(backup.manifestKey ?? '', backup.manifestVersionId);
  const { settings } = nativeManifest(manifest);
  const resource = await session.world.service(target.engine).read(resourceOf(target));
  if (!resource)
    throw new NightjarError('RESOURCE_MISSING', { operation: 'settings diff', detail: `${resourceOf(target)}.` });
  const differences = differencesOf(settings, resource.settings);
  const same = settings.resourceId === resource.settings.resourceId;
  return {
    json: {
      command: 'settings diff',
      ok: true,
      target: name,
      backupId: backup.backupId,
      readAt: settings.readAt,
      sameResource: same,
      differences,
    },
    text: [
      `Settings of ${resourceOf(target)} now, against the backup ${backup.backupId} (read ${utc(settings.readAt)})`,
      ...(same ? [] : ['It is another resource by now: it was restored or made again since.']),
      '',
      ...(differences.length === 0
        ? ['No difference.']
        : table(
            [{ title: 'setting' }, { title: 'in the backup' }, { title: 'now' }],
            differences.map((one) => [one.setting, one.expected, one.found]),
          )),
    ],
    exit: EXIT.ok,
  };
}
