/** What is told and done once a restored server has its name. */
import { describe, expect, it } from 'vitest';
import type { Hook } from '../../workflows/calls.ts';
import { openServer, swapOf, type ServerCase } from '../../workflows/server-case.ts';
import { SECRET, configOf, targetOf } from '../support/world.ts';

const CHECK_HOST = `field host of the secret ${SECRET}`;

/** Swaps `shop`; `prepare` runs just before Repoint, when the restored one has its name. */
async function swap(one: ServerCase, prepare: () => void = () => undefined) {
  const hook: Hook = (call, work) => {
    if (call.state === 'Repoint') prepare();
    return one.before(call, work);
  };
  const ended = await one.harness.run('restore', swapOf({ approve: false }), hook);
  expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored' } });
  const record = (await one.world.catalog.getRestore(ended.id))!;
  const mail = one.world.mails
    .map(({ mail }) => mail.text)
    .join('\n')
    .replaceAll(/\s+/g, ' ');
  return { record, warnings: (record.warnings ?? []).join('\n'), mail };
}

describe('point-in-time recovery that is off after a swap', () => {
  const off = (one: ServerCase) => () => {
    one.rds.instance('shop')!.shape.BackupRetentionPeriod = 0;
  };
  const asked = (one: ServerCase) =>
    one.rds.requests.filter(({ input }) => 'BackupRetentionPeriod' in input && 'ApplyImmediately' in input);

  it('is turned on where the config says `enable`', async () => {
    const one = await openServer({ target: { pitr: 'enable' } });
    const { warnings } = await swap(one, off(one));
    expect(asked(one).map(({ input }) => input)).toEqual([
      { DBInstanceIdentifier: 'shop', BackupRetentionPeriod: 7, ApplyImmediately: true },
    ]);
    expect(warnings).toContain('was off and was turned on');
  });

  it('is left off where it says `require`, for turning it on is an outage; the record says what will fail and what to do', async () => {
    const one = await openServer({ target: { pitr: 'require' } });
    const { warnings, mail } = await swap(one, off(one));
    expect(asked(one)).toEqual([]);
    for (const words of ['Point-in-time recovery of shop is OFF', 'PITR_OFF', '--backup-retention-period 7'])
      expect(warnings).toContain(words);
    expect(mail).toContain('Point-in-time recovery of shop is OFF');
  });

  it('is only told where it says `ignore`', async () => {
    const one = await openServer({ target: { pitr: 'ignore' } });
    const { warnings } = await swap(one, off(one));
    expect(asked(one)).toEqual([]);
    expect(warnings).toContain('Point-in-time recovery of shop is off.');
    expect(warnings).not.toContain('PITR_OFF');
  });

  it('is no word where it is on', async () => {
    expect((await swap(await openServer())).warnings).not.toContain('Point-in-time');
  });
});

describe('after a switch by pointer', () => {
  it('a secret that still leads to the original is told, and so are dumps of it', async () => {
    const one = await openServer();
    const { endpoint } = (await one.world.services.rds.read('shop'))!;
    one.world.pointed.set(CHECK_HOST, endpoint!);
    const config = await one.world.config();
    const [shop] = configOf({ targets: [targetOf('shop-dump', { host: endpoint })] }).targets;
    one.world.setConfig({ ...config, targets: [...config.targets, shop!] });
    const ended = await one.harness.run('restore', swapOf({ mode: 'pointer', approve: false }), one.before);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { serving: 'restored' } });
    const record = (await one.world.catalog.getRestore(ended.id))!;
    const said = record.warnings!.join('\n');
    expect(said).toContain(
      `is ${endpoint}, and ${record.native!.alias} answers at ${record.native!.restored!.endpoint}`,
    );
    expect(said).toContain(`The target shop-dump dumps from ${endpoint}, which is the replaced one`);
    expect(said).toContain(`Every other user of ${record.native!.alias} has the password of`);
  });
});

describe.each(['rds', 'aurora'] as const)('after a swap in %s', (engine) => {
  it('a secret whose host is another one is told in the record and in the mail', async () => {
    const one = await openServer({ engine });
    one.world.pointed.set(CHECK_HOST, 'elsewhere.example.org');
    const { warnings, mail, record } = await swap(one);
    expect(warnings).toContain('is elsewhere.example.org, and shop answers at ');
    expect(mail).toContain('is elsewhere.example.org, and shop answers at ');
    expect(record.native!.checks!.join()).not.toContain('The host in the secret');
  });

  it('a secret whose host is right is told among the checks', async () => {
    const one = await openServer({ engine });
    const { endpoint } = (await one.world.services[engine].read('shop'))!;
    one.world.pointed.set(CHECK_HOST, endpoint!);
    const { warnings, record } = await swap(one);
    expect(warnings).not.toContain(SECRET);
    expect(record.native!.checks!.join()).toContain(`The host in the secret ${SECRET}`);
  });

  it('a secret that can not be read keeps nothing else from being told', async () => {
    const one = await openServer({ engine });
    const denied = (): Promise<never> => Promise.reject(new Error('AccessDeniedException'));
    Object.assign(one.world.pointers, { read: denied });
    const { warnings } = await swap(one);
    expect(warnings).toMatch(/Which host the secret .* is not known: .*AccessDenied/);
    expect(warnings).toContain('rds-db:connect');
  });

  it('passwords of the restored moment are told in the record and in the mail', async () => {
    const one = await openServer({ engine });
    const { warnings, mail } = await swap(one);
    for (const words of ['user of shop has the password of', 'ALTER USER']) {
      expect(warnings).toContain(words);
      expect(mail).toContain(words);
    }
  });

  it('the new secret of a managed master password is told with its ARN', async () => {
    const one = await openServer({ engine });
    const held = engine === 'rds' ? one.rds.instance('shop') : one.rds.cluster('shop');
    held!.shape.MasterUserSecret = { SecretArn: `${SECRET}-old`, SecretStatus: 'active', KmsKeyId: 'key' };
    const { warnings } = await swap(one);
    const { passwordSecret } = (await one.world.services[engine].read('shop'))!;
    expect(passwordSecret).not.toBe(`${SECRET}-old`);
    expect(warnings).toContain(`in a new secret, ${passwordSecret} (before: ${SECRET}-old)`);
    expect(warnings).toContain('RDS manages the master password of shop');
  });
});
