/** Task definitions where databases are files, write into a bucket themselves, or are encrypted for somebody. */
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../core/config.ts';
import { CONTAINER } from '../../core/environment.ts';
import { ofType, type Resource } from './resolve.ts';
import { Roles } from './roles.ts';
import { ACCOUNT, CONFIG, REGION, secretOf, synth, targetOf } from './synth.ts';

const [TILLS, BOOKS, NOBODYS] = ['tills', 'books', 'nobodys'].map((_, index) => ({
  fileSystem: `fs-0123456789abcdef${index}`,
  accessPoint: `fsap-0123456789abcdef${index}`,
})) as [Efs, Efs, Efs];
type Efs = { fileSystem: string; accessPoint: string };
const RECIPIENT = `age1${'q'.repeat(58)}`;
const IDENTITY_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/66666666-2222-3333-4444-555555555555`;

const sqliteOn = (name: string, efs: Efs): ConfigInput['targets'][number] => ({
  name,
  engine: 'sqlite',
  database: `${name}.db`,
  storage: { efs },
});
const targets: ConfigInput['targets'] = [
  ...CONFIG.targets,
  sqliteOn('till', TILLS),
  sqliteOn('till-two', TILLS),
  sqliteOn('books', BOOKS),
  { name: 'lake', engine: 'duckdb', database: 'lake.duckdb', storage: { s3: { bucket: 'lake-data', prefix: 'db/' } } },
  {
    name: 'duck',
    engine: 'myduck',
    host: 'duck.example.org',
    database: 'duck',
    secret: secretOf('duck'),
    exchange: { bucket: 'duck-exchange', user: 'duck-writer' },
  },
  {
    ...targetOf('sealed'),
    encryption: { recipients: [RECIPIENT], identity: secretOf('identity'), identityKey: IDENTITY_KEY },
  },
];
const stacks = synth({ targets });
const roles = new Roles(stacks);
const KINDS = ['dump', 'restore'] as const;

interface Definition {
  readonly Family: string;
  readonly TaskRoleArn: { readonly 'Fn::GetAtt': readonly [string, string] };
  readonly Volumes: readonly { readonly Name: string; readonly EFSVolumeConfiguration?: unknown }[];
  readonly ContainerDefinitions: readonly {
    readonly Name: string;
    readonly ReadonlyRootFilesystem: boolean;
    readonly MountPoints: readonly { readonly ContainerPath: string; readonly SourceVolume: string }[];
  }[];
}
const definitionsOf = (some: ReturnType<typeof synth>): Definition[] =>
  ofType(some.backup, 'AWS::ECS::TaskDefinition').map(([, one]: [string, Resource]) => one.Properties as never);
const definitions = definitionsOf(stacks);
const named = (family: string): Definition => definitions.find((one) => one.Family === family)!;
const arn = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;

describe('task definitions', () => {
  it('are one of each kind without a file system, and one for each access point, however many targets use it', () => {
    expect(definitions.map((one) => one.Family).sort()).toEqual(
      KINDS.flatMap((kind) => [
        `nightjar-${kind}`,
        `nightjar-${kind}-${TILLS.accessPoint}`,
        `nightjar-${kind}-${BOOKS.accessPoint}`,
      ]).sort(),
    );
    expect(definitionsOf(synth()).map((one) => one.Family)).toEqual(['nightjar-dump', 'nightjar-restore']);
  });

  it.each(KINDS)(
    'of %s mount their own file system and no other: one that is down fails its own targets only',
    (kind) => {
      for (const { fileSystem, accessPoint } of [TILLS, BOOKS]) {
        const { Volumes, ContainerDefinitions } = named(`nightjar-${kind}-${accessPoint}`);
        expect(Volumes.filter((one) => one.EFSVolumeConfiguration)).toEqual([
          {
            Name: fileSystem,
            EFSVolumeConfiguration: {
              FilesystemId: fileSystem,
              TransitEncryption: 'ENABLED',
              AuthorizationConfig: { AccessPointId: accessPoint, IAM: 'ENABLED' },
            },
          },
        ]);
        const [container] = ContainerDefinitions;
        expect(container).toMatchObject({ Name: CONTAINER, ReadonlyRootFilesystem: true });
        expect(container!.MountPoints.map((one) => [one.SourceVolume, one.ContainerPath])).toEqual([
          ['scratch', '/scratch'],
          [fileSystem, `/mnt/nightjar/${fileSystem}`],
        ]);
      }
      expect(named(`nightjar-${kind}`).Volumes.filter((one) => one.EFSVolumeConfiguration)).toEqual([]);
    },
  );

  it('of one kind share one role, so that a mount adds no right of the other kind', () => {
    for (const kind of KINDS) {
      const ids = definitions
        .filter((one) => one.Family.startsWith(`nightjar-${kind}`))
        .map((one) => one.TaskRoleArn['Fn::GetAtt'][0]);
      expect(new Set(ids).size).toBe(1);
      expect(ids[0]).toMatch(new RegExp(`^EngineTasks${kind}Role`));
    }
  });

  it('can be run by the machines of their kind, each family of them', async () => {
    const cluster = { 'ecs:cluster': arn('ecs', 'cluster/nightjar') };
    const runs = (machine: string, family: string) =>
      roles.may(`Machines${machine}Role`, {
        action: 'ecs:RunTask',
        resource: arn('ecs', `task-definition/${family}:7`),
        context: cluster,
      });
    for (const { accessPoint } of [TILLS, BOOKS]) {
      expect(await runs('backup', `nightjar-dump-${accessPoint}`)).toBe(true);
      expect(await runs('backup', `nightjar-restore-${accessPoint}`)).toBe(false);
      expect(await runs('probe', `nightjar-dump-${accessPoint}`)).toBe(true);
      for (const machine of ['restore', 'rollback', 'prune'])
        expect(await runs(machine, `nightjar-restore-${accessPoint}`), machine).toBe(true);
    }
    expect(await runs('backup', `nightjar-dump-${NOBODYS.accessPoint}`)).toBe(false);
  });
});

describe.each(KINDS)('the %s task', (kind) => {
  const role = `EngineTasks${kind}Role`;
  const may = (action: string, resource: string, context?: Record<string, string>) =>
    roles.may(role, { action, resource, ...(context ? { context } : {}) });

  it('mounts the config’s file systems through their access points and no other way', async () => {
    const through = (action: string, fileSystem: string, accessPoint: string) =>
      may(`elasticfilesystem:${action}`, arn('elasticfilesystem', `file-system/${fileSystem}`), {
        'elasticfilesystem:AccessPointArn': arn('elasticfilesystem', `access-point/${accessPoint}`),
      });
    for (const { fileSystem, accessPoint } of [TILLS, BOOKS])
      for (const action of ['ClientMount', 'ClientWrite'])
        expect(await through(action, fileSystem, accessPoint), `${action} ${fileSystem}`).toBe(true);
    expect(await through('ClientMount', TILLS.fileSystem, BOOKS.accessPoint)).toBe(false);
    expect(await through('ClientMount', NOBODYS.fileSystem, NOBODYS.accessPoint)).toBe(false);
    expect(await through('ClientRootAccess', TILLS.fileSystem, TILLS.accessPoint)).toBe(false);
    // Without an access point it would be the whole file system.
    expect(
      await may('elasticfilesystem:ClientMount', arn('elasticfilesystem', `file-system/${TILLS.fileSystem}`)),
    ).toBe(false);
  });

  it('reads databases that are objects, below their prefix only', async () => {
    for (const action of ['s3:GetObject', 's3:GetObjectVersion'])
      expect(await may(action, 'arn:aws:s3:::lake-data/db/lake.duckdb'), action).toBe(true);
    expect(await may('s3:GetObject', 'arn:aws:s3:::lake-data/other/lake.duckdb')).toBe(false);
    expect(await may('s3:GetObject', 'arn:aws:s3:::other-data/db/lake.duckdb')).toBe(false);
  });

  it(kind === 'dump' ? 'writes to none of them' : 'writes to them, and takes away no version of theirs', async () => {
    for (const action of ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'])
      expect(await may(action, 'arn:aws:s3:::lake-data/db/lake.duckdb'), action).toBe(kind === 'restore');
    expect(await may('s3:DeleteObjectVersion', 'arn:aws:s3:::lake-data/db/lake.duckdb')).toBe(false);
    expect(await may('s3:PutObject', 'arn:aws:s3:::lake-data/other/lake.duckdb')).toBe(false);
  });

  it('exchanges with a server below its prefix, with keys of that one user, and makes no user', async () => {
    for (const action of ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'])
      expect(await may(action, 'arn:aws:s3:::duck-exchange/nightjar/one.duckdb'), action).toBe(true);
    expect(await may('s3:GetObject', 'arn:aws:s3:::duck-exchange/theirs/one.duckdb')).toBe(false);
    const user = (name: string): string => `arn:aws:iam::${ACCOUNT}:user/${name}`;
    for (const action of ['iam:CreateAccessKey', 'iam:DeleteAccessKey', 'iam:ListAccessKeys']) {
      expect(await may(action, user('duck-writer')), action).toBe(true);
      expect(await may(action, user('administrator')), action).toBe(false);
    }
    for (const action of ['iam:CreateUser', 'iam:PutUserPolicy', 'iam:AttachUserPolicy'])
      expect(await may(action, user('duck-writer')), action).toBe(false);
  });

  const canRead = kind === 'restore';
  it(
    canRead ? 'reads the identity that decrypts a backup' : 'can’t read the identity: it encrypts for others',
    async () => {
      expect(await may('secretsmanager:GetSecretValue', secretOf('identity'))).toBe(canRead);
      expect(await roles.mayUseKey(role, 'kms:Decrypt', 'secretsmanager', IDENTITY_KEY)).toBe(canRead);
      expect(await may('secretsmanager:GetSecretValue', secretOf('sealed'))).toBe(true);
    },
  );
});

describe('a config without such databases', () => {
  const plain = new Roles(synth());
  it('gives tasks no right on file systems, other buckets or keys of users', async () => {
    for (const kind of KINDS)
      for (const [action, resource] of [
        ['elasticfilesystem:ClientMount', arn('elasticfilesystem', `file-system/${TILLS.fileSystem}`)],
        ['s3:GetObject', 'arn:aws:s3:::lake-data/db/lake.duckdb'],
        ['iam:CreateAccessKey', `arn:aws:iam::${ACCOUNT}:user/duck-writer`],
      ] as const)
        expect(await plain.may(`EngineTasks${kind}Role`, { action, resource }), `${kind} ${action}`).toBe(false);
  });
});
