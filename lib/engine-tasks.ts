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
} from 'aws-cdk-lib/aws-ecs';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { DEFAULT_SIZE, isDumpTarget, loginOf, type Config } from '../core/config.ts';
import { CONTAINER, LOG_PREFIX, TASK_ENV } from '../core/environment.ts';
import { CATALOG_KEY_ACTIONS, keyThrough } from './grants.ts';
import { exception } from './nag.ts';
import type { VaultFacts } from './vault-facts.ts';
import { TASK_KINDS, type TaskKind } from './workflows/states.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
/** The user that `tasks/Dockerfile` makes and gives /scratch to. */
const TASK_USER = '10001';
const SCRATCH = '/scratch';
/** What an upload that is aborted and an outcome that is written may take after SIGTERM; Fargate's longest. */
const STOP_TIMEOUT = Duration.seconds(120);

/** All that the image is built from; the rest of the repository does not change it. */
const IMAGE_INPUTS = ['package.json', 'package-lock.json', 'tsconfig.json', 'core', 'stores', 'tasks'];

/** Beyond either, a role's policy (10,240 characters) would not hold every secret's ARN. */
export const MAX_SECRETS_BY_ARN = 60;
const MAX_SECRET_CHARACTERS = 6_500;
/** Marks the secrets that tasks may read when there are too many to be named. */
export const READABLE_TAG = { key: 'nightjar:readable', value: 'true' } as const;

export interface EngineTasksProps {
  readonly config: Config;
  readonly vault: VaultFacts;
  readonly clusterName: string;
}

export class EngineTasks extends Construct {
  readonly cluster: CfnCluster;
  readonly logGroup: LogGroup;
  readonly definitions: Readonly<Record<TaskKind, FargateTaskDefinition>>;

  constructor(scope: Construct, props: EngineTasksProps) {
    super(scope, 'EngineTasks');
    const { config, vault } = props;
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
    const rights: Record<TaskKind, PolicyStatement[]> = {
      dump: [
        // Decrypt: a multipart upload decrypts its data key for every part.
        new PolicyStatement({
          actions: ['s3:PutObject', 's3:PutObjectTagging', 's3:AbortMultipartUpload'],
          resources: [vault.bucket.arnForObjects('*')],
        }),
        keyThrough(this, vault, 's3', ['kms:GenerateDataKey', 'kms:Decrypt']),
      ],
      restore: [
        new PolicyStatement({
          actions: ['s3:GetObject', 's3:GetObjectVersion'],
          resources: [vault.bucket.arnForObjects('*')],
        }),
        // Without it S3 says "forbidden" of an object that is missing.
        new PolicyStatement({ actions: ['s3:ListBucket'], resources: [vault.bucket.bucketArn] }),
        keyThrough(this, vault, 's3', ['kms:Decrypt']),
      ],
    };
    this.definitions = Object.fromEntries(
      TASK_KINDS.map((kind) => [kind, this.define(kind, props, image, rights[kind])]),
    ) as Record<TaskKind, FargateTaskDefinition>;
    if (secretsByTag(config))
      Annotations.of(this).addWarningV2(
        '@nightjar/secrets-by-tag',
        `Too many secrets for one policy: tasks may read those with the tag ${READABLE_TAG.key}=${READABLE_TAG.value}. Tag the secret of each target.`,
      );
  }

  private define(
    kind: TaskKind,
    { config, vault }: EngineTasksProps,
    image: ContainerImage,
    rights: PolicyStatement[],
  ): FargateTaskDefinition {
    const taskRole = new Role(this, `${kind}Role`, {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
      description: `Nightjar ${config.name}: the ${kind} task`,
      inlinePolicies: {
        own: new PolicyDocument({
          minimize: true,
          statements: [...rights, ...progressRights(this, vault), ...secretRights(this, config)],
        }),
      },
    });
    const definition = new FargateTaskDefinition(this, kind, {
      family: `${config.name}-${kind}`,
      // Each run brings the size of its target.
      cpu: DEFAULT_SIZE.cpu,
      memoryLimitMiB: DEFAULT_SIZE.memoryMiB,
      ephemeralStorageGiB: DEFAULT_SIZE.ephemeralGiB,
      runtimePlatform: {
        operatingSystemFamily: OperatingSystemFamily.LINUX,
        cpuArchitecture: config.tasks.architecture === 'arm64' ? CpuArchitecture.ARM64 : CpuArchitecture.X86_64,
      },
      taskRole,
      volumes: [{ name: 'scratch' }],
    });
    const container = definition.addContainer(CONTAINER, {
      image,
      user: TASK_USER,
      readonlyRootFilesystem: true,
      stopTimeout: STOP_TIMEOUT,
      linuxParameters: new LinuxParameters(this, `${kind}Linux`, { initProcessEnabled: true }),
      logging: LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: LOG_PREFIX }),
      environment: {
        [TASK_ENV.catalog]: vault.catalog.tableName,
        [TASK_ENV.vault]: vault.bucket.bucketName,
        [TASK_ENV.vaultKey]: vault.key.keyArn,
      },
    });
    // Fargate copies the owner of the image's VOLUME of the same path, which lets a user other than root write to it.
    container.addMountPoints({ sourceVolume: 'scratch', containerPath: SCRATCH, readOnly: false });

    allowPull(this, definition, config);
    exception(taskRole, 'IAM5', 'The keys of backups are made at run time; the bucket holds nothing else.', [
      { regex: '/^Resource::.*Vault.*\\/\\*$/g' },
    ]);
    if (secretsByTag(config))
      exception(taskRole, 'IAM5', 'More secrets than a policy can name; a tag on each secret bounds the right.', [
        { regex: '/^Resource::arn:.*:secretsmanager:.*:secret:\\*$/g' },
      ]);
    exception(definition, 'ECS2', 'Only names of resources; passwords are read from Secrets Manager by the task.');
    const executionRole = definition.obtainExecutionRole();
    exception(executionRole, 'IAM5', 'ecr:GetAuthorizationToken knows no resources.', ['Resource::*']);
    return definition;
  }
}

/** A task writes its own progress and nothing else into the catalog. */
function progressRights(scope: Construct, vault: VaultFacts): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: ['dynamodb:PutItem'],
      resources: [vault.catalog.tableArn],
      conditions: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['PROGRESS#*'] },
        // "For all" holds of no values too.
        Null: { 'dynamodb:LeadingKeys': 'false' },
      },
    }),
    keyThrough(scope, vault, 'dynamodb', CATALOG_KEY_ACTIONS),
  ];
}

/** Where a task logs in: to what it dumps, and to a restored server that it looks into. */
const loginsOf = (config: Config): { readonly secret: string; readonly secretKey?: string | undefined }[] =>
  config.targets.flatMap((target) => {
    if (isDumpTarget(target)) return loginOf(target) ?? [];
    return 'check' in target && target.check
      ? [{ secret: target.check.secret, secretKey: target.check.secretKey }]
      : [];
  });

function secretsOf(config: Config): string[] {
  return [...new Set(loginsOf(config).map((login) => login.secret))].sort();
}

function secretsByTag(config: Config): boolean {
  const secrets = secretsOf(config);
  return secrets.length > MAX_SECRETS_BY_ARN || secrets.join().length > MAX_SECRET_CHARACTERS;
}

function secretRights(scope: Construct, config: Config): PolicyStatement[] {
  const { region } = Stack.of(scope);
  const keys = [...new Set(loginsOf(config).flatMap((login) => login.secretKey ?? []))].sort();
  const actions = ['secretsmanager:GetSecretValue'];
  // Only databases that AWS restores itself, and none of them looked into: no task logs in anywhere.
  if (secretsOf(config).length === 0) return [];
  const statements = [
    secretsByTag(config)
      ? new PolicyStatement({
          actions,
          resources: [Stack.of(scope).formatArn({ service: 'secretsmanager', resource: 'secret:*' })],
          conditions: { StringEquals: { [`aws:ResourceTag/${READABLE_TAG.key}`]: READABLE_TAG.value } },
        })
      : new PolicyStatement({ actions, resources: secretsOf(config) }),
  ];
  if (keys.length > 0)
    statements.push(
      new PolicyStatement({
        actions: ['kms:Decrypt'],
        resources: keys,
        conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` } },
      }),
    );
  return statements;
}

function imageOf(config: Config): ContainerImage {
  if (config.tasks.image) return ContainerImage.fromRegistry(config.tasks.image);
  return ContainerImage.fromAsset(ROOT, {
    file: 'tasks/Dockerfile',
    platform: config.tasks.architecture === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
    ignoreMode: IgnoreMode.DOCKER,
    exclude: ['**', ...IMAGE_INPUTS.flatMap((name) => [`!${name}`, `!${name}/**`])],
  });
}

/** An image in a private registry of AWS needs a right to be pulled; `fromRegistry` gives none. */
function allowPull(scope: Construct, definition: FargateTaskDefinition, config: Config): void {
  const match = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/.exec(config.tasks.image ?? '');
  if (!match) return;
  const [, account, region, repository] = match;
  definition.addToExecutionRolePolicy(
    new PolicyStatement({
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      resources: [
        Stack.of(scope).formatArn({
          service: 'ecr',
          account: account!,
          region: region!,
          resource: 'repository',
          resourceName: repository!,
        }),
      ],
    }),
  );
  definition.addToExecutionRolePolicy(
    new PolicyStatement({ actions: ['ecr:GetAuthorizationToken'], resources: ['*'] }),
  );
  Annotations.of(definition).acknowledgeWarning(
    '@aws-cdk/aws-ecs:ecrImageRequiresPolicy',
    'The rights are given above.',
  );
}
