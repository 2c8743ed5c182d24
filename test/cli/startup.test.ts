import type { RegisterTaskDefinitionCommandInput, TaskDefinition } from '@aws-sdk/client-ecs';
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../core/config.ts';
import type { RestoreRecord } from '../../core/backup.ts';
import { startupShape } from '../../cli/shapes.ts';
import type { ContainerCalls } from '../../cli/startup/calls.ts';
import { at, backupIdAt, fakeWorld, type FakeWorld } from './world.ts';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:start-AbCdEf';
const RESTORE = backupIdAt(2, 'restore');
const BEFORE = 'arn:aws:ecs:eu-west-1:123456789012:task-definition/myduck:7';
const AFTER = BEFORE.replace(':7', ':8');

const files = (prefix: string): object => ({
  name: 'files',
  engine: 'duckdb',
  database: 'start.db',
  storage: { s3: { bucket: 'shop-exchange', prefix } },
});
const config = (prefix = 'nightjar/', exchange: object = {}): Partial<ConfigInput> =>
  ({
    targets: [
      {
        name: 'ducks',
        engine: 'myduck',
        host: 'ducks.example.org',
        database: 'shop',
        secret: SECRET,
        exchange: { bucket: 'shop-exchange', user: 'nightjar-exchange', ...exchange },
      },
      files(prefix),
    ],
  }) as Partial<ConfigInput>;

interface Service extends ContainerCalls {
  readonly registered: RegisterTaskDefinitionCommandInput[];
  readonly updated: string[];
}

/** ECS with one service, of which the last revision is told again. */
function ecs(maximumPercent: number, more: Partial<TaskDefinition> = {}): Service {
  let definition: TaskDefinition = {
    taskDefinitionArn: BEFORE,
    family: 'myduck',
    revision: 7,
    status: 'ACTIVE',
    cpu: '1024',
    memory: '4096',
    taskRoleArn: 'arn:aws:iam::123456789012:role/task',
    executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
    volumes: [{ name: 'data', efsVolumeConfiguration: { fileSystemId: 'fs-0123456789abcdef0' } }],
    containerDefinitions: [
      {
        name: 'myduck',
        image: 'apecloud/myduckserver:1',
        environment: [
          { name: 'DEFAULT_DB', value: 'old' },
          { name: 'LOG_LEVEL', value: '4' },
        ],
        secrets: [{ name: 'SUPERUSER_PASSWORD', valueFrom: 'arn:password' }],
        mountPoints: [{ sourceVolume: 'data', containerPath: '/home/admin/data' }],
      },
    ],
    ...more,
  };
  let current = BEFORE;
  const registered: RegisterTaskDefinitionCommandInput[] = [];
  const updated: string[] = [];
  return {
    registered,
    updated,
    service: (cluster, service) =>
      Promise.resolve(
        cluster === 'ducks' && service === 'myduck' ? { taskDefinition: current, maximumPercent } : undefined,
      ),
    definition: () => Promise.resolve({ definition, tags: [{ key: 'team', value: 'data' }] }),
    register(input) {
      registered.push(input);
      definition = { ...(input as TaskDefinition), taskDefinitionArn: AFTER };
      return Promise.resolve(AFTER);
    },
    update(_cluster, _service, arn) {
      updated.push(arn);
      current = arn;
      return Promise.resolve();
    },
  };
}

async function world(containers: ContainerCalls, more: Partial<ConfigInput> = config()): Promise<FakeWorld> {
  const made = fakeWorld({ config: more, containers });
  const record: RestoreRecord = {
    restoreId: RESTORE,
    target: 'ducks',
    destination: 'files',
    backupId: backupIdAt(4),
    mode: 'new',
    database: 'start.db',
    restoredDatabase: 'start.db',
    status: 'RUNNING',
    executionArn: 'arn:execution',
    startedAt: at(2),
  };
  await made.store.openRestore(record);
  await made.store.updateRestore(RESTORE, ['RUNNING'], { status: 'COMPLETED', endedAt: at(1) });
  return made;
}
const told = ['--restore', RESTORE, '--secret', SECRET];
const service = ['--ecs-service', 'ducks/myduck'];

describe('nightjar startup', () => {
  it('prints what a container is started with, the key by its secret only', async () => {
    const one = await world(ecs(100));
    expect(await one.run('startup', 'ducks', ...told, '--json')).toBe(0);
    const json = startupShape.parse(one.json());
    expect(json.environment).toEqual([
      { name: 'DEFAULT_DB', value: 'shop' },
      { name: 'RESTORE_FILE', value: 's3://shop-exchange/nightjar/start.db' },
      { name: 'RESTORE_ENDPOINT', value: 's3.eu-west-1.amazonaws.com' },
    ]);
    expect(json.secrets).toEqual([
      { name: 'RESTORE_ACCESS_KEY_ID', valueFrom: `${SECRET}:accessKeyId::` },
      { name: 'RESTORE_SECRET_ACCESS_KEY', valueFrom: `${SECRET}:secretAccessKey::` },
    ]);
    // Named only: docker takes them from the environment of whoever runs it.
    expect(json.docker.filter((line) => line.includes('KEY'))).toEqual([
      '  --env=RESTORE_ACCESS_KEY_ID \\',
      '  --env=RESTORE_SECRET_ACCESS_KEY \\',
    ]);
    expect(json.notes.join()).toContain('EVERY start');
    const text = await world(ecs(100));
    await text.run('startup', 'ducks', ...told);
    expect(text.text()).toContain('--env=RESTORE_FILE=s3://shop-exchange/nightjar/start.db');
  });

  it('says `s3c` of an endpoint that is not Amazon’s', async () => {
    const one = await world(ecs(100), config('nightjar/', { endpoint: 'minio.example.org:9000' }));
    await one.run('startup', 'ducks', ...told, '--json');
    expect(startupShape.parse(one.json()).file).toBe('s3c://shop-exchange/nightjar/start.db');
  });

  it('changes nothing of a service before it is told --yes', async () => {
    const calls = ecs(100);
    const one = await world(calls);
    expect(await one.run('startup', 'ducks', ...told, ...service, '--json')).toBe(0);
    expect(startupShape.parse(one.json()).service).toMatchObject({ before: BEFORE, after: null, changed: false });
    expect([calls.registered, calls.updated]).toEqual([[], []]);
  });

  it('registers a revision that differs by the variables alone, and takes them out again', async () => {
    const calls = ecs(100);
    const one = await world(calls);
    const before = (await calls.definition('')).definition;
    expect(await one.run('startup', 'ducks', ...told, ...service, '--yes', '--json')).toBe(0);
    expect(startupShape.parse(one.json()).service).toMatchObject({ after: AFTER, changed: true, keepsData: true });
    const [made] = calls.registered;
    expect(calls.updated).toEqual([AFTER]);
    const { containerDefinitions, tags, ...rest } = made!;
    const same: Partial<TaskDefinition> = { ...before };
    for (const key of ['taskDefinitionArn', 'revision', 'status'] as const) delete same[key];
    expect({ ...rest, containerDefinitions: before.containerDefinitions }).toEqual(same);
    expect(tags).toEqual([{ key: 'team', value: 'data' }]);
    expect(containerDefinitions![0]!.environment).toEqual([
      { name: 'LOG_LEVEL', value: '4' },
      { name: 'DEFAULT_DB', value: 'shop' },
      { name: 'RESTORE_FILE', value: 's3://shop-exchange/nightjar/start.db' },
      { name: 'RESTORE_ENDPOINT', value: 's3.eu-west-1.amazonaws.com' },
    ]);
    expect(containerDefinitions![0]!.secrets!.map((each) => each.name)).toEqual([
      'SUPERUSER_PASSWORD',
      'RESTORE_ACCESS_KEY_ID',
      'RESTORE_SECRET_ACCESS_KEY',
    ]);

    expect(await one.run('startup', 'ducks', '--clear', ...service, '--yes', '--json')).toBe(0);
    const [, cleared] = calls.registered;
    expect(cleared!.containerDefinitions![0]).toMatchObject({
      environment: [
        { name: 'LOG_LEVEL', value: '4' },
        // Its file has this name.
        { name: 'DEFAULT_DB', value: 'shop' },
      ],
      secrets: [{ name: 'SUPERUSER_PASSWORD', valueFrom: 'arn:password' }],
    });
    // Nothing is there any more.
    expect(await one.run('startup', 'ducks', '--clear', ...service, '--yes', '--json')).toBe(0);
    expect(calls.registered).toHaveLength(2);
  });

  it('refuses a service that may run two tasks over one data directory, and says what to set', async () => {
    const one = await world(ecs(200));
    expect(await one.run('startup', 'ducks', ...told, ...service, '--yes', '--json')).toBe(6);
    expect(one.json()).toMatchObject({ failure: { code: 'RESTORE_REFUSED' } });
    expect(JSON.stringify(one.json())).toContain('maximumPercent=100');
  });

  it('says of a container without a volume that its data go with it', async () => {
    const calls = ecs(200, { containerDefinitions: [{ name: 'myduck', image: 'apecloud/myduckserver:1' }] });
    const one = await world(calls);
    expect(await one.run('startup', 'ducks', ...told, ...service, '--json')).toBe(0);
    const json = startupShape.parse(one.json());
    expect(json.service?.keepsData).toBe(false);
    expect(json.notes.join()).toContain('Mount a volume');
  });

  it('asks which of several containers, and refuses one that is not there', async () => {
    const several = ecs(100, { containerDefinitions: [{ name: 'a' }, { name: 'b' }] });
    for (const more of [[], ['--container', 'c']]) {
      const one = await world(several);
      expect(await one.run('startup', 'ducks', ...told, ...service, ...more, '--json')).toBe(2);
    }
    const one = await world(several);
    expect(await one.run('startup', 'ducks', ...told, ...service, '--container', 'b', '--json')).toBe(0);
  });

  it.each([
    ['a restore that went elsewhere', config('other/'), told, 6, 'RESTORE_REFUSED'],
    ['a restore that nobody knows', config(), ['--restore', backupIdAt(9), '--secret', SECRET], 3, 'RESTORE_UNKNOWN'],
    ['no restore', config(), ['--secret', SECRET], 2, 'INPUT_INVALID'],
    ['no secret', config(), ['--restore', RESTORE], 2, 'INPUT_INVALID'],
    ['both directions', config(), [...told, '--clear', ...service], 2, 'INPUT_INVALID'],
    ['--clear of nothing', config(), ['--clear'], 2, 'INPUT_INVALID'],
    ['--yes to nothing', config(), [...told, '--yes'], 2, 'INPUT_INVALID'],
    ['no service', config(), [...told, '--ecs-service', 'ducks/other'], 2, 'INPUT_INVALID'],
  ] as const)('refuses %s', async (_, targets, args, exit, code) => {
    const calls = ecs(100);
    const one = await world(calls, targets);
    expect(await one.run('startup', 'ducks', ...args, '--json')).toBe(exit);
    expect(one.json()).toMatchObject({ failure: { code } });
    expect(calls.registered).toEqual([]);
  });

  it('is for servers that restore when they start', async () => {
    const one = await world(ecs(100));
    expect(await one.run('startup', 'files', ...told, '--json')).toBe(2);
  });
});
