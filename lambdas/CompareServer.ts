/** Reads the restored server back and compares it with how it must be; what would be dangerous stops the restore here. */
import { NightjarError } from '../core/errors.ts';
import { differencesOf, type Difference, type NativeSettings } from '../core/native.ts';
import type { NativeEvent } from '../core/payloads.ts';
import { leftBehind, withRecord, type LookParts } from './native/look.ts';
import { serviceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeCompareServer =
  (parts: LookParts & Pick<Parts, 'services'>) =>
  async (event: NativeEvent): Promise<{ differences: number }> => {
    const { record, target, note } = await withRecord(parts, event);
    const { alias, settings, restored, checks = [] } = record.native;
    const found = await serviceOf(parts, target.engine).read(alias);
    if (found?.settings.resourceId !== restored?.resourceId || found?.state !== 'ready')
      throw new NightjarError('ALIAS_FAILED', {
        operation: 'compare settings',
        detail: `${alias} is ${found ? `'${found.stateWord}'` : 'gone'}. ${leftBehind(record)}`,
      });
    const differences = [...serverDifferences(settings, found.settings), ...differencesOf(settings, found.settings)];
    const sentence =
      differences.length === 0
        ? `All settings of ${alias} are those of ${settings.name}.`
        : `${differences.length} settings of ${alias} are not those of ${settings.name}.`;
    await note({ differences, checks: [...checks.filter((one) => !one.includes(' settings of ')), sentence] });
    const dangerous = differences.filter(isDangerous);
    if (dangerous.length > 0)
      throw new NightjarError('CHECK_FAILED', {
        operation: 'compare settings',
        detail: `${dangerous.map(words).join('; ')}. ${leftBehind(record)}`,
      });
    return { differences: differences.length };
  };

export const words = ({ setting, expected, found }: Difference): string => `${setting} is ${found} and was ${expected}`;

/** Of what runs in it: another engine or major version is another database. */
function serverDifferences(wanted: NativeSettings, found: NativeSettings): Difference[] {
  const [was, is] = [serverOf(wanted), serverOf(found)];
  return was === is ? [] : [{ setting: 'server', expected: JSON.stringify(was), found: JSON.stringify(is) }];
}

/** `postgres 16`, `mysql 8.0`: PostgreSQL counts majors by one number since 10, the others by two. */
function serverOf({ server }: NativeSettings): string {
  if (!server) return '';
  const numbers = server.version.split('.').slice(0, server.engine.includes('postgres') ? 1 : 2);
  return `${server.engine} ${numbers.join('.')}`;
}

/** Where a difference would let somebody in, leave data readable, or be another database. */
function isDangerous({ setting, found }: Difference): boolean {
  const name = setting.split('.').at(-1) ?? '';
  if (name === 'PubliclyAccessible') return found !== 'false' && found !== '(not set)';
  return ['server', 'StorageEncrypted', 'KmsKeyId', 'VpcSecurityGroupIds', 'DBSubnetGroupName'].includes(name);
}

export const handler = wire.lambda(() =>
  makeCompareServer({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
