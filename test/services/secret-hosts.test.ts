import { describe, expect, it } from 'vitest';
import type { NativeTarget } from '../../core/config.ts';
import type { NativeResource } from '../../core/native.ts';
import { passwordWarnings } from '../../services/passwords.ts';
import { awsPointers } from '../../services/pointer.ts';
import { secretHosts } from '../../services/secret-hosts.ts';
import { configOf, targetOf } from '../lambdas/support/world.ts';
import { auroraHarness, rdsHarness } from './rds-harness.ts';

const arn = (name: string): string => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`;
const [CHECK, POINTER, DUMPS] = ['shop-check', 'shop-pointer', 'shop-dumps'].map(arn) as [string, string, string];
const HOST = 'shop.abc.eu-west-1.rds.example.org';
const PASSWORD = 'hush-hush';

/** Secrets by ARN; any other is denied. */
const pointersOf = (secrets: Readonly<Record<string, string>>, asked: string[] = []) => {
  const no = { send: () => Promise.reject(new Error('not asked for in this test')) };
  const send = (command: { input: { SecretId: string } }): Promise<object> => {
    const { SecretId } = command.input;
    asked.push(SecretId);
    const SecretString = secrets[SecretId];
    return SecretString === undefined
      ? Promise.reject(Object.assign(new Error('You may not.'), { name: 'AccessDeniedException' }))
      : Promise.resolve({ SecretString });
  };
  return awsPointers({ ssm: no, route53: no, secrets: { send } as never });
};
const secret = (fields: object): string => JSON.stringify({ username: 'app', password: PASSWORD, ...fields });

const dump = targetOf('shop-dump', { host: HOST.toUpperCase(), secret: DUMPS });
const CONFIG = configOf({
  targets: [
    {
      name: 'shop',
      engine: 'rds',
      instance: 'shop',
      check: { secret: CHECK, database: 'shop' },
      pointer: { secret: POINTER, field: 'writer' },
    },
    dump,
    targetOf('other'),
  ] as never,
});
const TARGET = CONFIG.targets[0] as NativeTarget;

async function served(name = 'shop', make = rdsHarness): Promise<NativeResource> {
  const harness = make();
  await harness.make(name, {});
  return (await harness.service.read(name))!;
}
const look = async (
  secrets: Readonly<Record<string, string>>,
  more: { config?: typeof CONFIG; replaced?: NativeResource; serves?: NativeResource; asked?: string[] } = {},
) => {
  const { config = CONFIG, replaced, serves = await served(), asked = [] } = more;
  return secretHosts(pointersOf(secrets, asked), config, TARGET, { serves, replaced });
};

describe('the hosts that secrets name', () => {
  it('are compared with where the server answers now: of its check, its pointer and its dumps, and of nobody else', async () => {
    const asked: string[] = [];
    const secrets = {
      [CHECK]: secret({ host: HOST }),
      [POINTER]: secret({ writer: `${HOST}.` }),
      [DUMPS]: secret({ host: 'shop-old.example.org' }),
    };
    const { right, wrong } = await look(secrets, { asked });
    expect(asked).toEqual([CHECK, POINTER, DUMPS]);
    expect(right).toHaveLength(2);
    expect(right.join()).toContain('the check of the target shop');
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toMatch(/shop-dumps-AbCdEf \(the dumps of the target shop-dump\) is shop-old\.example\.org/);
    expect(wrong[0]).toContain(`set the field host to ${HOST}`);
  });

  it.each([
    ['a secret that may not be read', undefined, 'AccessDeniedException: You may not.'],
    ['a secret without the field', secret({}), 'is not there'],
    ['a secret whose field is empty', secret({ host: '' }), 'is empty'],
    ['a secret that is no JSON', `password ${PASSWORD}`, 'not a JSON object'],
  ])('are told as not known, with what to do, of %s; the password never is', async (_, text, words) => {
    const others = { [POINTER]: secret({ writer: HOST }), [DUMPS]: secret({ host: HOST }) };
    const { right, wrong } = await look(text === undefined ? others : { ...others, [CHECK]: text });
    expect(right).toHaveLength(2);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain(words);
    expect(wrong[0]).toContain(`See that whoever reads it connects to ${HOST}`);
    expect(JSON.stringify([right, wrong])).not.toContain(PASSWORD);
  });

  it('are read once where several read the same field', async () => {
    const config = configOf({ targets: [CONFIG.targets[0], { ...dump, secret: CHECK }] as never });
    const asked: string[] = [];
    const secrets = { [CHECK]: secret({ host: HOST }), [POINTER]: secret({ writer: HOST }) };
    const { right } = await look(secrets, { config, asked });
    expect(asked).toEqual([CHECK, POINTER]);
    expect(right[0]).toContain('(the check of the target shop, the dumps of the target shop-dump)');
  });

  it('may be a cluster’s endpoint for readers', async () => {
    const serves = await served('shop', auroraHarness);
    const reader = serves.endpoint!.replace('.cluster-', '.cluster-ro-');
    expect(reader).not.toBe(serves.endpoint);
    const secrets = { [CHECK]: secret({ host: reader }), [POINTER]: secret({ writer: serves.endpoint }) };
    expect(await look(secrets, { serves })).toMatchObject({ wrong: [] });
  });

  it('are not asked of a secret that RDS keeps: that of the replaced one is told, and which to take instead', async () => {
    const serves = { ...(await served()), passwordSecret: POINTER };
    const replaced = { ...(await served('shop-old')), passwordSecret: CHECK };
    const asked: string[] = [];
    const { right, wrong } = await look({ [DUMPS]: secret({ host: HOST }) }, { serves, replaced, asked });
    expect(asked).toEqual([DUMPS]);
    expect(right).toHaveLength(1);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain(`(the check of the target shop) RDS keeps the master password of the replaced one`);
    expect(wrong[0]).toContain(`put ${POINTER} into the config and deploy`);
  });

  it('of dumps that the config sends to the replaced one are told with the config', async () => {
    const serves = await served('shop-nj');
    const replaced = await served();
    const { wrong } = await look({ [DUMPS]: secret({ host: serves.endpoint }) }, { serves, replaced });
    expect(wrong.join('\n')).toMatch(
      /The target shop-dump dumps from SHOP\.ABC\S+, which is the replaced one: put shop-nj/,
    );
  });
});

describe('passwords after a restore', () => {
  const AT = '2026-11-20T14:03:00.000Z';
  const settingsOf = async (values: object, make = rdsHarness) => {
    const { settings } = await served('shop', make);
    const rest = Object.entries(settings.values).filter(([key]) => key !== 'ManageMasterUserPassword');
    return { ...settings, values: { ...Object.fromEntries(rest), ...values } as typeof settings.values };
  };

  it('of an unmanaged one are those of the moment, the master’s too, and the call that mends it is told', async () => {
    const said = passwordWarnings(await settingsOf({ MasterUsername: 'root' }), AT, 'shop').join();
    expect(said).toContain('the password of 2026-11-20T14:03:00.000Z, the master user root too');
    expect(said).toContain(
      'aws rds modify-db-instance --db-instance-identifier shop --apply-immediately --master-user-password …',
    );
    expect(said).toContain("`ALTER USER … PASSWORD '…'`");
    const cluster = await settingsOf({}, auroraHarness);
    expect(passwordWarnings(cluster, AT, 'shop').join()).toContain(
      'aws rds modify-db-cluster --db-cluster-identifier shop',
    );
    const mysql = { ...cluster, server: { engine: 'aurora-mysql', version: '8.0' } };
    expect(passwordWarnings(mysql, AT, 'shop').join()).toContain('IDENTIFIED BY');
  });

  it('of a managed one: the master’s is in a new secret, all others are of the moment', async () => {
    const settings = await settingsOf({ ManageMasterUserPassword: true });
    const said = passwordWarnings(settings, AT, 'shop').join();
    expect(said).toContain('a new secret with an ARN of its own');
    expect(said).toContain('Every other user of shop has the password of 2026-11-20T14:03:00.000Z');
    expect(said).not.toContain('--master-user-password');
  });

  it('of a table there are none', async () => {
    const settings = { ...(await settingsOf({})), engine: 'dynamodb' as const };
    expect(passwordWarnings(settings, AT, 'orders')).toEqual([]);
  });
});
