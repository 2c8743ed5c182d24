/** What must outlive everything else: the key, the bucket and the catalog. Deployed apart, and kept when deleted. */
import { CfnOutput, Duration, RemovalPolicy, Stack, Tags, type StackProps } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  ObjectLockRetention,
  ObjectOwnership,
  StorageClass,
  type LifecycleRule,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Config } from '../core/config.ts';
import { DATA_TAG, VAULT_OUTPUTS, vaultStackName } from '../core/names.ts';
import type { VaultFacts } from './vault-facts.ts';

const MIN_ABORT_DAYS = 3;
const ACCESS_LOG_DAYS = 400;

export class VaultStack extends Stack implements VaultFacts {
  readonly bucket: Bucket;
  readonly catalog: TableV2;
  readonly key: Key;

  constructor(scope: Construct, config: Config, props: StackProps = {}) {
    super(scope, vaultStackName(config.name), {
      stackName: vaultStackName(config.name),
      description: `Nightjar ${config.name}: the vault. Key, bucket and catalog of all backups; kept when the stack is deleted.`,
      terminationProtection: true,
      ...props,
    });
    Tags.of(this).add('nightjar', config.name);

    this.key = new Key(this, 'VaultKey', {
      alias: `alias/${config.name}-vault`,
      description: `Nightjar ${config.name}: encrypts backups and catalog`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.bucket = this.makeBucket(config);
    this.catalog = this.makeCatalog();

    new CfnOutput(this, VAULT_OUTPUTS.bucket, { value: this.bucket.bucketName });
    new CfnOutput(this, VAULT_OUTPUTS.catalog, { value: this.catalog.tableName });
    new CfnOutput(this, VAULT_OUTPUTS.key, { value: this.key.keyArn });
  }

  private makeBucket(config: Config): Bucket {
    const common = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
    };
    const accessLogs = new Bucket(this, 'VaultAccessLogs', {
      ...common,
      encryption: BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ id: 'expire', expiration: Duration.days(ACCESS_LOG_DAYS) }],
    });
    const lock = config.vault.objectLock;
    const bucket = new Bucket(this, 'Vault', {
      ...common,
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      versioned: true,
      serverAccessLogsBucket: accessLogs,
      lifecycleRules: lifecycleOf(config),
      ...(lock
        ? {
            objectLockEnabled: true,
            objectLockDefaultRetention:
              lock.mode === 'governance'
                ? ObjectLockRetention.governance(Duration.days(lock.days))
                : ObjectLockRetention.compliance(Duration.days(lock.days)),
          }
        : {}),
    });
    for (const statement of this.denials(bucket)) bucket.addToResourcePolicy(statement);
    return bucket;
  }

  /** What nobody may do, whatever their own rights. */
  private denials(bucket: Bucket): PolicyStatement[] {
    const deny = (sid: string, actions: string[], conditions: Record<string, Record<string, unknown>>) =>
      new PolicyStatement({
        sid,
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions,
        resources: [bucket.arnForObjects('*')],
        conditions,
      });
    return [
      // Parts carry no condition and are exempt; their completion is not. Source: AWS, S3 User Guide, "Enforce
      // conditional writes on Amazon S3 buckets".
      deny('NothingIsOverwritten', ['s3:PutObject'], {
        Null: { 's3:if-none-match': 'true' },
        Bool: { 's3:ObjectCreationOperation': 'true' },
      }),
      // A request that says nothing gets the bucket's default, so only what is said, and wrong, is refused.
      deny('OnlyKmsEncryption', ['s3:PutObject'], {
        Null: { 's3:x-amz-server-side-encryption': 'false' },
        StringNotEquals: { 's3:x-amz-server-side-encryption': 'aws:kms' },
      }),
      deny('OnlyTheVaultKey', ['s3:PutObject'], {
        Null: { 's3:x-amz-server-side-encryption-aws-kms-key-id': 'false' },
        StringNotEquals: { 's3:x-amz-server-side-encryption-aws-kms-key-id': this.key.keyArn },
      }),
      deny('NoCustomerProvidedKeys', ['s3:PutObject'], {
        Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' },
      }),
    ];
  }

  private makeCatalog(): TableV2 {
    return new TableV2(this, 'Catalog', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      globalSecondaryIndexes: [
        {
          indexName: 'byEntity',
          partitionKey: { name: 'entity', type: AttributeType.STRING },
          sortKey: { name: 'id', type: AttributeType.STRING },
          projectionType: ProjectionType.ALL,
        },
      ],
      billing: Billing.onDemand(),
      timeToLiveAttribute: 'expires',
      encryption: TableEncryptionV2.customerManagedKey(this.key),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}

/** Nothing here expires what is current: that is the pruner's alone. */
function lifecycleOf(config: Config): LifecycleRule[] {
  const { archiveAfterDays, noncurrentDays } = config.retention;
  return [
    {
      id: 'abort-stale-uploads',
      // Never under an upload that a dump may still be writing.
      abortIncompleteMultipartUploadAfter: Duration.days(
        Math.max(MIN_ABORT_DAYS, Math.ceil(config.limits.backupHours / 24) + 1),
      ),
    },
    {
      id: 'expire-noncurrent',
      noncurrentVersionExpiration: Duration.days(noncurrentDays),
      expiredObjectDeleteMarker: true,
    },
    ...(archiveAfterDays === 'never'
      ? []
      : [
          {
            id: 'archive-data',
            tagFilters: { [DATA_TAG.key]: DATA_TAG.value },
            transitions: [{ storageClass: StorageClass.GLACIER, transitionAfter: Duration.days(archiveAfterDays) }],
          },
        ]),
  ];
}
