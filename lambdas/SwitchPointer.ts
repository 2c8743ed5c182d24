/** Mode `pointer`: what the application reads to find its database now says the restored one. */
import { NightjarError } from '../core/errors.ts';
import type { NativeEvent } from '../core/payloads.ts';
import { placeOf } from '../services/pointer.ts';
import { withRecord, type Looked, type LookParts } from './native/look.ts';
import { orSaid, tellHosts } from './native/pointer-hosts.ts';
import { serviceOf } from './native/services.ts';
import { warn } from './native/table.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

export const makeSwitchPointer =
  (parts: LookParts & Pick<Parts, 'services' | 'pointers'>) =>
  async (event: NativeEvent): Promise<{ says: string }> => {
    const looked = await withRecord(parts, event);
    const { record, target, note } = looked;
    const { native } = record;
    if (!target.pointer)
      throw new NightjarError('POINTER_FAILED', {
        operation: 'switch pointer',
        detail: `${target.name} has no pointer in the config any more; ${native.alias} is ready beside the original.`,
      });
    const where = placeOf(target.pointer);
    // Noted before it is switched: a repetition must not take the new value for the old one.
    const pointer = native.pointer ?? {
      where,
      before: await parts.pointers.read(target.pointer),
      after: await restoredName(parts, target.engine, native.alias),
      switched: false,
    };
    if (!native.pointer) await note({ pointer });
    await parts.pointers.change(target.pointer, pointer.before, pointer.after);
    await note({ pointer: { ...pointer, switched: true }, serving: 'restored' });
    if (target.engine !== 'dynamodb')
      for (const sentence of await orSaid('Whether secrets name the right host could not be found out', () =>
        hosts(parts, looked),
      ))
        await warn(parts, looked, sentence);
    return { says: pointer.after };
  };

/** The original stays where it was, and whoever does not read the pointer goes on finding it. */
async function hosts(parts: Pick<Parts, 'services' | 'config' | 'pointers'>, looked: Looked): Promise<string[]> {
  const { native } = looked.record;
  const service = serviceOf(parts, looked.target.engine);
  const serves = await service.read(native.alias);
  return serves ? tellHosts(parts, looked, { serves, replaced: await service.read(native.settings.name) }) : [];
}

/** A table's name, or a server's host. */
async function restoredName(
  parts: Pick<Parts, 'services'>,
  engine: Parameters<typeof serviceOf>[1],
  alias: string,
): Promise<string> {
  const found = await serviceOf(parts, engine).read(alias);
  const name = engine === 'dynamodb' ? found?.settings.name : found?.endpoint;
  if (found?.state === 'ready' && name !== undefined) return name;
  throw new NightjarError('ALIAS_FAILED', {
    operation: 'switch pointer',
    detail: `${alias} is ${found ? `'${found.stateWord}'` : 'gone'}; the pointer was left alone.`,
  });
}

export const handler = wire.lambda(() =>
  makeSwitchPointer({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    pointers: wire.pointers(),
    now: wire.now,
  }),
);
