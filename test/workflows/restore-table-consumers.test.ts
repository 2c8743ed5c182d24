/** A consumer of a table's changes that AWS refuses to attach again is told; nobody is kept from writing for it. */
import { expect, it } from 'vitest';
import { NightjarError } from '../../core/errors.ts';
import { expectFree, expectNothingLost, openTable, type TableCase } from './table-case.ts';

const FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:ship';
const MAPPINGS = [{ FunctionArn: FUNCTION, Enabled: true, BatchSize: 10 }];

/** A moment before it was spoilt: then the settings are those of the living table. */
const back = { target: 'orders', at: '2026-11-21T01:30:01.000Z', mode: 'swap' } as const;

/** Of the table that is made again these settings are refused, so often. */
async function refusing(keys: readonly string[], times = Infinity): Promise<TableCase & { readonly tries: number[] }> {
  const one = await openTable();
  const { values } = one.tables.tables.get('orders')!;
  values.EventSourceMappings = structuredClone(MAPPINGS);
  const apply = one.tables.applySettings.bind(one.tables);
  const tries: number[] = [];
  one.tables.applySettings = async (name, wanted) => {
    if (tries.length >= times) return apply(name, wanted);
    const others = Object.fromEntries(Object.entries(wanted.values).filter(([key]) => !keys.includes(key)));
    const found = one.tables.tables.get(name)!.values;
    const unlike = keys.filter((key) => JSON.stringify(found[key]) !== JSON.stringify(wanted.values[key]));
    const kept = Object.fromEntries(unlike.flatMap((key) => (found[key] === undefined ? [] : [[key, found[key]]])));
    const same = Object.fromEntries(
      keys.filter((key) => !unlike.includes(key)).map((key) => [key, wanted.values[key]!]),
    );
    const awaited = await apply(name, { ...wanted, values: { ...others, ...kept, ...same } });
    if (awaited.length > 0 || unlike.length === 0) return awaited;
    tries.push(one.world.clock);
    const detail = `${name}: ${unlike.join(', ')} (InvalidParameterValueException: the role may not read it).`;
    throw new NightjarError('SERVICE_REFUSED', { operation: 'applySettings', detail });
  };
  return Object.assign(one, { tries });
}

it('writes are let in at once, and record and mail say what is missing and the command for it', async () => {
  const one = await refusing(['EventSourceMappings']);
  const ended = await one.harness.run('restore', back, one.before);
  expect(ended, ended.cause).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored', differences: 1 } });
  expect(one.tables.tables.get('orders')!.fencedAt).toBeUndefined();
  expect(one.tries.at(-1)! - one.tries[0]!).toBeLessThan(120_000);
  const record = (await one.world.catalog.getRestore(ended.id))!;
  expect(record.native!.differences!.map(({ setting }) => setting)).toEqual(['EventSourceMappings']);
  const command = `aws lambda create-event-source-mapping --region eu-west-1 --event-source-arn "$(aws dynamodb describe-table --table-name orders --region eu-west-1 --query Table.LatestStreamArn --output text)" --cli-input-json '${JSON.stringify({ FunctionName: FUNCTION, StartingPosition: 'TRIM_HORIZON', Enabled: true, BatchSize: 10 })}'`;
  for (const text of [record.warnings!.join(), one.world.mails.at(-1)!.mail.text]) {
    expect(text).toContain('the role may not read it');
    expect(text).toContain(command);
  }
  await expectNothingLost(one, ended);
  await expectFree(one);
});

it('one that is refused for a moment only is attached', async () => {
  const one = await refusing(['EventSourceMappings'], 1);
  const ended = await one.harness.run('restore', back, one.before);
  expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { differences: 0 } });
  expect(one.tables.tables.get('orders')!.values.EventSourceMappings).toEqual(MAPPINGS);
});

it('any other setting that is refused still fails the swap, and the way back ends with the fence lifted', async () => {
  const one = await refusing(['EventSourceMappings', 'TimeToLiveSpecification']);
  const ended = await one.harness.run('restore', back, one.before);
  expect(ended).toMatchObject({ status: 'FAILED', error: 'SERVICE_REFUSED' });
  expect(one.tables.tables.get('orders')!.fencedAt).toBeUndefined();
});

it('an alias that is to serve by a pointer is not switched to without them', async () => {
  const one = await refusing(['EventSourceMappings']);
  const ended = await one.harness.run('restore', { ...back, mode: 'pointer' }, one.before);
  expect(ended).toMatchObject({ status: 'FAILED', error: 'SERVICE_REFUSED' });
});
