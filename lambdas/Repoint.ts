/**
 * The restored server serves: whoever named the old one by its id is re-pointed or told, secrets are asked for the host that
 * they name, point-in-time recovery is confirmed, and the old one is stopped where the config says so. What does not work is a
 * sentence in the record, for it takes nothing back.
 */
import { NightjarError } from '../core/errors.ts';
import type { NativeResource } from '../core/native.ts';
import type { NativeEvent } from '../core/payloads.ts';
import { withRecord, type Looked, type LookParts } from './native/look.ts';
import { orSaid, tellHosts } from './native/pointer-hosts.ts';
import { renamingServiceOf } from './native/services.ts';
import type { Parts } from './shared/parts.ts';
import * as wire from './shared/wiring.ts';

type Needs = LookParts & Pick<Parts, 'services' | 'pointers'>;

export const makeRepoint =
  (parts: Needs) =>
  async (event: NativeEvent): Promise<{ warnings: number }> => {
    const looked = await withRecord(parts, event);
    const { restoreId, warnings: before = [] } = looked.record;
    const said = [
      ...(await orSaid('Who names the old one could not be found out', () => repointed(parts, looked))),
      ...(await orSaid('Whether secrets name the right host could not be found out', () => hosts(parts, looked))),
      ...(await orSaid('Point-in-time recovery of the restored one could not be confirmed', () => pitr(parts, looked))),
      ...(await orSaid('The old one could not be stopped, so it runs on and costs', () => stopped(parts, looked))),
    ];
    const warnings = [...before.filter((one) => !said.includes(one)), ...said];
    await parts.catalog.updateRestore(restoreId, ['RUNNING'], { warnings });
    return { warnings: said.length };
  };

/** What serves under the name. @throws NightjarError RESOURCE_MISSING. */
async function served(parts: Needs, { record, target }: Looked): Promise<NativeResource> {
  const { name } = record.native.settings;
  const found = await renamingServiceOf(parts, target.engine).read(name);
  if (found) return found;
  throw new NightjarError('RESOURCE_MISSING', {
    operation: 'read what serves',
    detail: `${name} was not found right after it took its name; look at it in the console.`,
  });
}

async function repointed(parts: Needs, looked: Looked): Promise<string[]> {
  const { native } = looked.record;
  const { resourceId } = native.original ?? native.settings;
  const from = { resourceId, name: native.oldName ?? native.settings.name };
  return renamingServiceOf(parts, looked.target.engine).repoint(from, await served(parts, looked));
}

async function hosts(parts: Needs, looked: Looked): Promise<string[]> {
  const { oldName } = looked.record.native;
  const replaced =
    oldName === undefined ? undefined : await renamingServiceOf(parts, looked.target.engine).read(oldName);
  return tellHosts(parts, looked, { serves: await served(parts, looked), replaced });
}

/** As the config rules: it is told, or told as what tonight's backup will fail of, or mended. */
async function pitr(parts: Needs, looked: Looked): Promise<string[]> {
  const { target } = looked;
  const { settings, window } = await served(parts, looked);
  if (window.on) return [];
  const { name } = settings;
  if (target.pitr === 'ignore') return [`Point-in-time recovery of ${name} is off.`];
  if (target.pitr === 'require')
    return [
      `Point-in-time recovery of ${name} is OFF, and ${target.name} requires it: its next backup fails with PITR_OFF. It was left off, because turning it on is an outage: \`aws rds modify-db-instance --db-instance-identifier ${name} --backup-retention-period 7 --apply-immediately\`.`,
    ];
  await renamingServiceOf(parts, target.engine).enablePitr(name);
  return [
    `Point-in-time recovery of ${name} was off and was turned on, which interrupts it once; its window begins now.`,
  ];
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
  makeRepoint({
    catalog: wire.catalog(),
    config: wire.config(),
    services: wire.services(),
    pointers: wire.pointers(),
    now: wire.now,
  }),
);
