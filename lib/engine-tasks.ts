/** What runs in Fargate: the cluster, and one task definition and one role each for dumping and for restoring. */
import path from 'node:path';
import { Annotations, Duration, IgnoreMode, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  CfnCluster,
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LinuxParameters,
  LogDriver,
  OperatingSystemFamily,
  type Volume,
} from 'aws-cdk-lib/aws-ecs';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { DEFAULT_SIZE, type Config } from '../core/config.ts';
import { CONTAINER, LOG_PREFIX, TASK_ENV } from '../core/environment.ts';
import { TASK_KINDS, type TaskKind } from '../core/job.ts';
import { MOUNT_ROOT, mountPath, taskFamily } from '../core/names.ts';
import { exception } from './nag.ts';
import type { VaultFacts } from './vault-facts.ts';
import { READABLE_TAG, mountsOf, secretsByTag, taskRights } from './task-rights.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
/** The user that `tasks/Dockerfile` makes and gives /scratch to. */
const TASK_USER = '10001';
const SCRATCH = '/scratch';
/** What an upload that is aborted and an outcome that is written may take after SIGTERM; Fargate's longest. */
const STOP_TIMEOUT = Duration.seconds(120);

/** All that the image is built from; the rest of the repository does not change it. */
const IMAGE_INPUTS = ['package.json', 'package-lock.json', 'tsconfig.json', 'core', 'stores', 'tasks'];

export interface EngineTasksProps {
  readonly config: Config;
  readonly vault: VaultFacts;
  readonly clusterName: string;
}

export class EngineTasks extends Construct {
  readonly cluster: CfnCluster;
  readonly logGroup: LogGroup;
  readonly #families = new Map<TaskKind, string[]>();
  readonly #roles = new Map<TaskKind, Roles>();

  constructor(scope: Construct, props: EngineTasksProps) {
    super(scope, 'EngineTasks');
    const { config } = props;
    this.cluster = new CfnCluster(this, 'Cluster', {
      clusterName: props.clusterName,
      clusterSettings: [{ name: 'containerInsights', value: 'enabled' }],
    });
    this.logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/nightjar/${config.name}/tasks`,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const image = imageOf(config);
    for (const kind of TASK_KINDS) {
      const roles = this.makeRoles(kind, props);
      this.#roles.set(kind, roles);
      for (const mount of [undefined, ...mountsOf(config)]) this.define(kind, mount, props, image, roles);
      // The definitions have given it its rights.
      exception(roles.execution, 'IAM5', 'ecr:GetAuthorizationToken knows no resources.', ['Resource::*']);
    }
    if (TASK_KINDS.some((kind) => secretsByTag(config, kind)))
      Annotations.of(this).addWarningV2(
        '@nightjar/secrets-by-tag',
        `Too many secrets for one policy: tasks may read those with the tag ${READABLE_TAG.key}=${READABLE_TAG.value}. Tag the secret of each target.`,
      );
  }

  /** Families of the task definitions of this kind. */
  families(kind: TaskKind): string[] {
    return this.#families.get(kind) ?? [];
  }

  /** Whatever starts a task of this kind passes them on. */
  roles(kind: TaskKind): Role[] {
    const { task, execution } = this.#roles.get(kind)!;
    return [task, execution];
  }

  private makeRoles(kind: TaskKind, { config, vault }: EngineTasksProps): Roles {
    const assumedBy = new ServicePrincipal('ecs-tasks.amazonaws.com');
    const task = new Role(this, `${kind}Role`, {
      assumedBy,
      description: `Nightjar ${config.name}: the ${kind} task`,
      inlinePolicies: {
        own: new PolicyDocument({ minimize: true, statements: taskRights(this, kind, config, vault) }),
      },
    });
    exception(task, 'IAM5', 'The keys of backups are made at run time; the bucket holds nothing else.', [
      { regex: '/^Resource::.*Vault.*\\/\\*$/g' },
    ]);
    if (secretsByTag(config, kind))
      exception(task, 'IAM5', 'More secrets than a policy can name; a tag on each secret bounds the right.', [
        { regex: '/^Resource::arn:.*:secretsmanager:.*:secret:\\*$/g' },
      ]);
    if (config.targets.some((target) => 'storage' in target || 'exchange' in target))
      exception(task, 'IAM5', 'Databases that are objects: the config names bucket and prefix, not each object.', [
        { regex: '/^Resource::arn:.*:s3:::.*\\*$/g' },
      ]);
    const execution = new Role(this, `${kind}ExecutionRole`, { assumedBy });
    allowPull(execution, config);
    return { task, execution };
  }

  /** One definition without a file system, and one for each that tasks mount: a file system that is down fails its own only. */
  private define(
    kind: TaskKind,
    mount: Mount | undefined,
    { config, vault }: EngineTasksProps,
    image: ContainerImage,
    roles: Roles,
  ): void {
    const id = mount ? `${kind}-${mount.accessPoint}` : kind;
    const family = taskFamily(config.name, kind, mount?.accessPoint);
    this.#families.set(kind, [...this.families(kind), family]);
    const definition = new FargateTaskDefinition(this, id, {
      family,
      // Each run brings the size of its target.
      cpu: DEFAULT_SIZE.cpu,
      memoryLimitMiB: DEFAULT_SIZE.memoryMiB,
      ephemeralStorageGiB: DEFAULT_SIZE.ephemeralGiB,
      runtimePlatform: {
        operatingSystemFamily: OperatingSystemFamily.LINUX,
        cpuArchitecture: config.tasks.architecture === 'arm64' ? CpuArchitecture.ARM64 : CpuArchitecture.X86_64,
      },
      taskRole: roles.task,
      executionRole: roles.execution,
      volumes: [{ name: 'scratch' }, ...(mount ? [volumeOf(mount)] : [])],
    });
    const container = definition.addContainer(CONTAINER, {
      image,
      user: TASK_USER,
      readonlyRootFilesystem: true,
      stopTimeout: STOP_TIMEOUT,
      linuxParameters: new LinuxParameters(this, `${id}Linux`, { initProcessEnabled: true }),
      logging: LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: LOG_PREFIX }),
      environment: {
        [TASK_ENV.catalog]: vault.catalog.tableName,
        [TASK_ENV.vault]: vault.bucket.bucketName,
        [TASK_ENV.vaultKey]: vault.key.keyArn,
      },
    });
    // Fargate copies the owner of the image's VOLUME of the same path, which lets a user other than root write to it.
    container.addMountPoints({ sourceVolume: 'scratch', containerPath: SCRATCH, readOnly: false });
    if (mount)
      container.addMountPoints({
        sourceVolume: mount.fileSystem,
        containerPath: mountPath(MOUNT_ROOT, mount.fileSystem),
        readOnly: false,
      });
    if (config.tasks.image !== undefined && privateImage(config.tasks.image))
      Annotations.of(definition).acknowledgeWarning(
        '@aws-cdk/aws-ecs:ecrImageRequiresPolicy',
        'The role has the rights.',
      );
    exception(definition, 'ECS2', 'Only names of resources; passwords are read from Secrets Manager by the task.');
  }
}

type Mount = ReturnType<typeof mountsOf>[number];
interface Roles {
  readonly task: Role;
  readonly execution: Role;
}

/** Encrypted on its way, and by the role: the access point says as which user and below which directory. */
const volumeOf = ({ fileSystem, accessPoint }: Mount): Volume => ({
  name: fileSystem,
  efsVolumeConfiguration: {
    fileSystemId: fileSystem,
    transitEncryption: 'ENABLED',
    authorizationConfig: { accessPointId: accessPoint, iam: 'ENABLED' },
  },
});

function imageOf(config: Config): ContainerImage {
  if (config.tasks.image) return ContainerImage.fromRegistry(config.tasks.image);
  return ContainerImage.fromAsset(ROOT, {
    file: 'tasks/Dockerfile',
    platform: config.tasks.architecture === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
    ignoreMode: IgnoreMode.DOCKER,
    exclude: ['**', ...IMAGE_INPUTS.flatMap((name) => [`!${name}`, `!${name}/**`])],
  });
}

/** Account, region and repository of an image in a private registry of AWS. */
function privateImage(image: string): { account: string; region: string; repository: string } | undefined {
  const match = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/.exec(image);
  return match ? { account: match[1]!, region: match[2]!, repository: match[3]! } : undefined;
}

/** Such an image needs a right to be pulled; `fromRegistry` gives none. */
function allowPull(role: Role, { tasks: { image } }: Config): void {
  const place = image === undefined ? undefined : privateImage(image);
  if (!place) return;
  const { account, region, repository } = place;
  role.addToPolicy(
    new PolicyStatement({
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      resources: [
        Stack.of(role).formatArn({ service: 'ecr', account, region, resource: 'repository', resourceName: repository }),
      ],
    }),
  );
  role.addToPolicy(new PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }));
}
