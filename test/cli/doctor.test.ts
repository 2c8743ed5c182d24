import { describe, expect, it } from 'vitest';
import type { Finding } from '../../core/job.ts';
import { nextFire } from '../../cli/doctor/next-fire.ts';
import { doctorShape, errorShape, type DoctorJson } from '../../cli/shapes.ts';
import { NATIVE_TARGETS, POINT, putNative, resourceOf } from './native-world.ts';
import { denied, fakeWorld, putGood, type FakeOptions, type Play } from './world.ts';

const probed: (world: () => ReturnType<typeof fakeWorld>, findings?: readonly Finding[]) => Play =
  (world, findings = [{ level: 'ok', what: 'may read all tables' }]) =>
  async ({ id, startedAt }) => {
    await world().store.putProgress({
      id,
      attempt: 1,
      status: 'succeeded',
      phase: 'done',
      bytes: 0,
      updatedAt: startedAt,
      outcome: { kind: 'probe', serverVersion: '17.5', findings: [...findings] },
    });
    return { status: 'SUCCEEDED' };
  };

async function examined(options: FakeOptions, ...argv: string[]): Promise<{ json: DoctorJson; exit: number }> {
  const world: ReturnType<typeof fakeWorld> = fakeWorld({ play: (start) => probed(() => world)(start), ...options });
  const exit = await world.run('doctor', '--json', ...argv);
  return { json: doctorShape.parse(world.json()), exit };
}
const wrong = ({ findings }: DoctorJson) =>
  findings.filter((one) => one.level !== 'ok').map((one) => `${one.level} ${one.what}`);

describe('nightjar doctor', () => {
  it('finds nothing where everything is well, and probes every target', async () => {
    const { json, exit } = await examined({});
    expect([exit, wrong(json)]).toEqual([0, []]);
    expect(json.findings.filter((one) => one.what.startsWith('server 17.5')).map((one) => one.about)).toEqual([
      'target shop',
      'target blog',
    ]);
  });

  it.each<[string, FakeOptions, RegExp]>([
    ['versioning is off', { doctor: { bucketVersioned: () => Promise.resolve(false) } }, /versioning is off/],
    ['another key', { doctor: { bucketKey: () => Promise.resolve(undefined) } }, /not the vault’s key/],
    ['public access', { doctor: { bucketPrivate: () => Promise.resolve(false) } }, /not blocked/],
    [
      'a key on its way out',
      { doctor: { key: () => Promise.resolve({ state: 'PendingDeletion', rotates: true }) } },
      /key is PendingDeletion/,
    ],
    ['no schedule', { doctor: { schedules: () => Promise.resolve([]) } }, /no schedule starts the nightly run/],
    ['a missing secret', { doctor: { secret: () => Promise.resolve(undefined) } }, /secret does not exist/],
    ['a secret without a password', { doctor: { secretIsLogin: () => Promise.resolve(false) } }, /no JSON/],
    [
      'an unverified sender',
      { doctor: { identityVerified: () => Promise.resolve(undefined) } },
      /sender nightjar@example.org is not verified/,
    ],
    [
      'an unconfirmed alarm',
      {
        doctor: {
          subscriptions: () => Promise.resolve([{ topic: 't', endpoint: 'oncall@example.org', confirmed: false }]),
        },
      },
      /has not confirmed/,
    ],
    [
      'too few vCPUs',
      { doctor: { fargateVcpus: () => Promise.resolve(1) } },
      /allows 1 vCPUs, and a night needs up to 2/,
    ],
    ['a failed probe', { play: () => ({ status: 'FAILED', error: 'CONNECT_FAILED', cause: '' }) }, /CONNECT_FAILED/],
    ['a probe without findings', { play: () => ({ status: 'SUCCEEDED' }) }, /left no findings/],
    ['a missing stack', { outputs: () => Promise.resolve(undefined) }, /No deployed Nightjar/],
    ['no credentials', { aws: { identity: () => Promise.reject(new Error('none')) } }, /credentials/],
  ])('calls %s bad, says how to mend it, and is 1', async (_, options, words) => {
    const { json, exit } = await examined(options);
    expect(exit).toBe(1);
    const found = json.findings.filter((one) => one.level === 'bad' && words.test(one.what));
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]?.hint).toBeTruthy();
  });

  it('counts a large database as the task that it gets', async () => {
    const quota = { doctor: { fargateVcpus: () => Promise.resolve(2) } };
    expect((await examined(quota)).exit).toBe(0);
    const world: ReturnType<typeof fakeWorld> = fakeWorld({ play: (start) => probed(() => world)(start), ...quota });
    await putGood(world.store, 8, { target: 'shop' }, 100 * 2 ** 30);
    expect(await world.run('doctor', '--json')).toBe(1);
    expect(wrong(doctorShape.parse(world.json()))).toEqual(['bad Fargate allows 2 vCPUs, and a night needs up to 3']);
  });

  it('asks for recipients in the sandbox only', async () => {
    const verified = (address: string) => Promise.resolve(address === 'nightjar@example.org');
    const outside = await examined({ doctor: { identityVerified: verified } });
    expect(outside.exit).toBe(0);
    const inside = await examined({
      doctor: { identityVerified: verified, mail: () => Promise.resolve({ sandbox: true, sending: true }) },
    });
    expect(inside.exit).toBe(1);
    expect(wrong(inside.json)).toContain('bad recipient oncall@example.org is not verified');
  });

  it('never crashes over a right that the person lacks: each is said, and it is no finding about the thing', async () => {
    const no = () => Promise.reject(denied());
    const { json, exit } = await examined({
      doctor: {
        bucketVersioned: no,
        bucketKey: no,
        bucketPrivate: no,
        key: no,
        tableProtected: no,
        tablePointInTime: no,
        schedules: no,
        secret: no,
        secretIsLogin: no,
        mail: no,
        identityVerified: no,
        subscriptions: no,
        fargateVcpus: no,
      },
    });
    expect(exit).toBe(0);
    expect(wrong(json).length).toBeGreaterThanOrEqual(12);
    expect(wrong(json).every((line) => line.startsWith('warn') && line.includes('you may not look'))).toBe(true);
    expect(json.findings.filter((one) => one.level === 'warn').every((one) => one.hint?.includes(':'))).toBe(true);
  });

  it('probes only the targets that are named, and none with --no-probe', async () => {
    const probes = ({ findings }: DoctorJson) => findings.filter((one) => one.what.startsWith('server'));
    expect(probes((await examined({}, 'blog')).json).map((one) => one.about)).toEqual(['target blog']);
    expect(probes((await examined({}, '--no-probe')).json)).toEqual([]);
  });

  it('shows what a probe found, such as a server that is newer than the tool, with what to do', async () => {
    const finding = { level: 'warn', what: 'MongoDB 9.0 is newer than mongodump.', hint: 'Update the image.' } as const;
    const world: ReturnType<typeof fakeWorld> = fakeWorld({ play: (start) => probed(() => world, [finding])(start) });
    expect(await world.run('doctor', 'shop', '--json')).toBe(0);
    const { findings } = doctorShape.parse(world.json());
    expect(findings.filter((one) => one.level !== 'ok')).toEqual([{ about: 'target shop', ...finding }]);
    await world.run('doctor', 'shop');
    expect(world.lines.join('\n')).toMatch(/warn {2}target shop +MongoDB 9\.0 is newer[^\n]*\n +Update the image\./);
  });

  it('of databases that are files asks for no secret and no server, and probes them where they lie', async () => {
    const efs = { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0' };
    const { json, exit } = await examined({
      config: {
        targets: [
          { name: 'till', engine: 'sqlite', database: 'till.db', storage: { efs } },
          { name: 'lake', engine: 'duckdb', database: 'lake.duckdb', storage: { s3: { bucket: 'lake-data' } } },
        ],
      },
      doctor: { secret: () => Promise.reject(new Error('asked for a secret that a file does not have')) },
    });
    expect([exit, wrong(json)]).toEqual([0, []]);
    expect(json.findings.filter((one) => one.what.startsWith('server')).map((one) => one.about)).toEqual([
      'target till',
      'target lake',
    ]);
  });

  it('looks at the identity of an encrypted target with the rights of a restore, and asks for its value nowhere else', async () => {
    const secret = (name: string): string => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`;
    const shop = { engine: 'postgres', host: 'shop.example.org', database: 'shop', secret: secret('shop') } as const;
    const encryption = { recipients: [`age1${'q'.repeat(58)}`], identity: secret('identity') };
    const lost = { level: 'bad', what: 'the value is no age identity', hint: 'Store the whole line.' } as const;
    const asked: string[] = [];
    const world: ReturnType<typeof fakeWorld> = fakeWorld({
      config: {
        targets: [
          { ...shop, name: 'open' },
          { ...shop, name: 'sealed', encryption },
        ],
      },
      doctor: {
        secretIsLogin(arn) {
          asked.push(arn);
          return Promise.resolve(true);
        },
      },
      play: (start) => probed(() => world, start.input.of === 'identity' ? [lost] : undefined)(start),
    });
    expect(await world.run('doctor', '--json')).toBe(1);
    expect(world.starts.map(({ machine, input }) => [machine, input])).toEqual([
      ['probe', { target: 'open' }],
      ['probe', { target: 'sealed' }],
      ['probe', { target: 'sealed', of: 'identity' }],
    ]);
    const { findings } = doctorShape.parse(world.json());
    expect(findings.filter((one) => one.level !== 'ok')).toEqual([{ about: 'target sealed', ...lost }]);
    expect(new Set(asked)).toEqual(new Set([secret('shop')]));
    await world.run('doctor', '--no-probe', '--json');
    expect(world.starts).toHaveLength(3);
  });

  it('of a target nobody knows says so', async () => {
    const world = fakeWorld();
    expect(await world.run('doctor', 'nope', '--json')).toBe(3);
    expect(errorShape.parse(world.json()).failure.code).toBe('TARGET_UNKNOWN');
  });

  it('warns when another version is deployed', async () => {
    const world = fakeWorld({ play: (start) => probed(() => world)(start) });
    Object.assign(world, { version: '9.9.9' });
    await world.run('doctor', '--json');
    expect(wrong(doctorShape.parse(world.json()))).toEqual([
      'warn version 0.1.0 is deployed, the command line is 9.9.9',
    ]);
  });
});

describe('nightjar doctor of what services keep', () => {
  async function native(options: FakeOptions = {}, ...argv: string[]) {
    const world = fakeWorld({
      ...options,
      config: { targets: NATIVE_TARGETS, ...options.config },
      services: {
        rds: {
          read: () => Promise.resolve(resourceOf()),
          pointState: () => Promise.resolve({ status: 'ready', stateWord: 'available' }),
          ...options.services?.rds,
        },
        dynamodb: {
          read: () => Promise.resolve(resourceOf('dynamodb')),
          pointState: () => Promise.resolve({ status: 'ready', stateWord: 'AVAILABLE' }),
          ...options.services?.dynamodb,
        },
      },
    });
    await putNative(world.store, 10);
    await putNative(world.store, 10, { target: 'orders', engine: 'dynamodb' });
    const exit = await world.run('doctor', '--json', ...argv);
    return { world, exit, json: doctorShape.parse(world.json()) };
  }

  it('finds nothing where everything is well, starts no probe, and says what can be restored', async () => {
    const { world, exit, json } = await native();
    expect([exit, wrong(json), world.starts]).toEqual([0, [], []]);
    const said = json.findings.map((one) => `${one.about}: ${one.what}`).join('\n');
    expect(said).toMatch(/target shop-rds: point-in-time recovery is on, reaches from 2026-11-14/);
    expect(said).toMatch(/target orders: its newest recovery point is there, of 2026-11-20 23:00:00 UTC/);
    expect(said).toMatch(/SSM parameter \/shop\/host, says shop\.example\.org/);
    expect(said).toMatch(/100 manual DB snapshots; retention keeps 12 at most, 3 are there/);
  });

  it.each<[string, FakeOptions, RegExp]>([
    ['a missing instance', { services: { rds: { read: () => Promise.resolve(undefined) } } }, /there is no shop-db/],
    [
      'PITR that is off',
      { services: { rds: { read: () => Promise.resolve(resourceOf('rds', { window: { on: false } })) } } },
      /is off: its backups fail/,
    ],
    [
      'a recovery point that somebody deleted',
      { services: { rds: { pointState: () => Promise.resolve(undefined) } } },
      /the recovery point of its newest backup .* is gone/,
    ],
    [
      'an instance that will not come by itself',
      {
        services: {
          rds: { read: () => Promise.resolve(resourceOf('rds', { state: 'failed', stateWord: 'storage-full' })) },
        },
      },
      /is 'storage-full'/,
    ],
    [
      'more snapshots than the quota',
      { doctor: { rdsQuotas: () => Promise.resolve({ ManualSnapshots: { used: 3, max: 10 } }) } },
      /allows 10 manual DB snapshots; retention keeps 12 at most/,
    ],
    [
      'a quota that others have used up',
      { doctor: { rdsQuotas: () => Promise.resolve({ ManualSnapshots: { used: 100, max: 100 } }) } },
      /100 are there now/,
    ],
  ])('calls %s bad, and is 1', async (_, options, words) => {
    const { json, exit } = await native(options);
    expect(exit).toBe(1);
    expect(json.findings.filter((one) => one.level === 'bad' && words.test(one.what) && one.hint)).toHaveLength(1);
  });

  it('asks for the quota of each region that points are copied to', async () => {
    const asked: (string | undefined)[] = [];
    const copies = [{ region: 'eu-central-1', keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/1' }];
    const rdsQuotas = (region?: string) => {
      asked.push(region);
      return Promise.resolve({ ManualSnapshots: { used: region ? 100 : 0, max: 100 } });
    };
    const { json } = await native({ config: { copies }, doctor: { rdsQuotas } });
    expect(asked).toEqual([undefined, 'eu-central-1']);
    expect(wrong(json)).toEqual([expect.stringContaining('in eu-central-1')]);
  });

  it('warns of a tag that is no frequency, and counts what is found', async () => {
    const carts = { engine: 'dynamodb', arn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/x' } as const;
    const { json } = await native({
      config: { discovery: { engines: ['dynamodb'] } },
      services: {
        dynamodb: {
          discover: () =>
            Promise.resolve([
              { ...carts, name: 'carts', value: 'daily' },
              { ...carts, name: 'logs', value: 'sometimes' },
            ]),
        },
      },
    });
    expect(json.findings.filter((one) => one.about === 'discovery').map((one) => one.what)).toEqual([
      '1 target of Amazon DynamoDB by the tag nightjar:frequency',
      expect.stringContaining("'sometimes'") as string,
    ]);
  });

  it('never crashes over a right that the person lacks', async () => {
    const no = () => Promise.reject(denied());
    const { json, exit } = await native({
      config: { discovery: { engines: ['rds'] } },
      services: { rds: { read: no, pointState: no, discover: no } },
      pointer: no,
      doctor: { rdsQuotas: no },
    });
    expect(exit).toBe(0);
    expect(wrong(json)).toHaveLength(5);
    expect(wrong(json).every((line) => line.startsWith('warn') && line.includes('you may not look'))).toBe(true);
  });

  it('says of a target without any backup that it has none', async () => {
    const world = fakeWorld({
      config: { targets: NATIVE_TARGETS },
      services: { rds: { read: () => Promise.resolve(resourceOf()) } },
    });
    await world.run('doctor', 'shop-rds', '--json');
    expect(wrong(doctorShape.parse(world.json()))).toEqual(['warn it has no backup yet']);
    expect(world.text()).not.toContain(POINT);
  });
});

describe('the next time a schedule fires', () => {
  const now = Date.parse('2026-11-21T09:00:00Z'); // a Saturday
  it.each([
    ['cron(30 2 * * ? *)', 'Europe/Zurich', '2026-11-22T01:30:00.000Z'],
    ['cron(30 23 * * ? *)', 'UTC', '2026-11-21T23:30:00.000Z'],
    ['cron(30 2 ? * SAT *)', 'UTC', '2026-11-28T02:30:00.000Z'],
    ['cron(30 10 ? * SAT *)', 'UTC', '2026-11-21T10:30:00.000Z'],
    ['rate(1 hour)', 'UTC', undefined],
  ])('%s in %s is %s', (expression, zone, next) => expect(nextFire(expression, zone, now)).toBe(next));
  it('leaves out a night whose hour daylight saving skips', () =>
    expect(nextFire('cron(30 2 * * ? *)', 'Europe/Zurich', Date.parse('2026-03-28T12:00:00Z'))).toBe(
      '2026-03-30T00:30:00.000Z',
    ));
});
