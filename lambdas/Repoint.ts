/**
 * The restored server serves: whoever named the old one by its id is re-pointed or told, point-in-time recovery is confirmed,
 * and the old one is stopped where the config says so. What does not work is a sentence in the record, for it takes nothing back.
 */
import { toNightjarError } from '../core/errors.ts';
import type { NativeEvent } from '../core/payloads.ts';
import { withRecord, type Looked, type LookParts } from './native/look.ts';
import { renamingServiceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = LookParts & Pick<Parts, 'services'>;

export const makeRepoint =
  (parts: Needs) =>
  async (event: NativeEvent): Promise<{ warnings: number }> => {
    const looked = await withRecord(parts, event);
    const { restoreId, warnings: before = [] } = looked.record;
    const said = [
      ...(await orSaid('Who names the old one could not be found out', () => repointed(parts, looked))),
      ...(await orSaid('Point-in-time recovery of the restored one could not be confirmed', () => pitr(parts, looked))),
      ...(await orSaid('The old one could not be stopped, so it runs on and costs', () => stopped(parts, looked))),
    ];
    const warnings = [...before.filter((one) => !said.includes(one)), ...said];
    await parts.catalog.updateRestore(restoreId, ['RUNNING'], { warnings });
    return { warnings: said.length };
  };

async function orSaid(what: string, work: () => Promise<string[]>): Promise<string[]> {
  try {
    return await work();
  } catch (error) {
    const { message } = toNightjarError(error);
    return [`${what}: ${message}`];
  }
}

async function repointed(parts: Needs, { record: { native }, target }: Looked): Promise<string[]> {
  const service = renamingServiceOf(parts, target.engine);
  const { name } = native.settings;
  const found = await service.read(name);
  if (!found) return [`${name} was not found right after it took its name; look at it in the console.`];
  const { resourceId } = native.original ?? native.settings;
  return service.repoint({ resourceId, name: native.oldName ?? name }, found);
}

async function pitr(parts: Needs, { record: { native }, target }: Looked): Promise<string[]> {
  const service = renamingServiceOf(parts, target.engine);
  const { name } = native.settings;
  if ((await service.read(name))?.window.on) return [];
  if (target.pitr === 'ignore') return [`Point-in-time recovery of ${name} is off.`];
  await service.enablePitr(name);
  return [`Point-in-time recovery of ${name} was off and was turned on; its window begins now.`];
}

async function stopped(parts: Needs, { record: { native }, target }: Looked): Promise<string[]> {
  if (native.oldName === undefined || target.engine === 'dynamodb' || target.replaced === 'running') return [];
  const service = renamingServiceOf(parts, target.engine);
  const old = await service.read(native.oldName);
  if (old?.settings.resourceId !== native.original?.resourceId || old?.state === 'stopped') return [];
  if (await service.stop(native.oldName)) return [];
  return [
    `${native.oldName} could not be stopped, so it runs on and costs; the function's log has the service's words.`,
  ];
}

export const handler = wire.lambda(() =>
  makeRepoint({ catalog: wire.catalog(), config: wire.config(), services: wire.services(), now: wire.now }),
);
