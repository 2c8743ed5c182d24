import { describe, expect, it } from 'vitest';
import { DATA_TAG, VAULT_OUTPUTS } from '../../core/names.ts';
import { ofType, only, type Resource } from './resolve.ts';
import { CONFIG, synth } from './synth.ts';

const { vault } = synth();
const bucketId = (vault.Outputs!.VaultBucket!.Value as { Ref: string }).Ref;
const bucket = vault.Resources[bucketId]!;

interface Rule {
  readonly Id: string;
  readonly TagFilters?: readonly { Key: string; Value: string }[];
  readonly Transitions?: readonly { StorageClass: string; TransitionInDays: number }[];
  readonly AbortIncompleteMultipartUpload?: { DaysAfterInitiation: number };
  readonly NoncurrentVersionExpiration?: { NoncurrentDays: number };
}
const rulesOf = (one: Resource): readonly Rule[] =>
  (one.Properties.LifecycleConfiguration as { Rules: readonly Rule[] }).Rules;
const vaultOf = (stack: typeof vault): Resource =>
  stack.Resources[(stack.Outputs!.VaultBucket!.Value as { Ref: string }).Ref]!;

describe('the vault', () => {
  it('stays when its stack is deleted or a part of it replaced', () => {
    for (const [id, resource] of Object.entries(vault.Resources))
      if (!['AWS::S3::BucketPolicy', 'AWS::KMS::Alias'].includes(resource.Type)) {
        expect(resource.DeletionPolicy, id).toBe('Retain');
        expect(resource.UpdateReplacePolicy, id).toBe('Retain');
      }
  });
  it('is encrypted with its own key, which rotates', () => {
    const [keyId, key] = only(vault, 'AWS::KMS::Key');
    expect(key.Properties.EnableKeyRotation).toBe(true);
    const arn = { 'Fn::GetAtt': [keyId, 'Arn'] };
    expect(bucket.Properties.BucketEncryption).toEqual({
      ServerSideEncryptionConfiguration: [
        {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: arn },
        },
      ],
    });
    const [, table] = only(vault, 'AWS::DynamoDB::GlobalTable');
    expect(table.Properties.SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS' });
    expect(table.Properties.Replicas).toMatchObject([{ SSESpecification: { KMSMasterKeyId: arn } }]);
  });
  it('keeps every version and shows nothing to the public', () => {
    expect(bucket.Properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
  });
  it('never lets anything current expire: deleting is the pruner’s alone', () => {
    expect(JSON.stringify(rulesOf(bucket))).not.toMatch(/"Expiration(InDays|Date)?"/);
  });
  it('archives data objects by their tag, so never a manifest', () => {
    const archiving = rulesOf(bucket).filter((rule) => rule.Transitions);
    expect(archiving).toEqual([
      expect.objectContaining({
        TagFilters: [{ Key: DATA_TAG.key, Value: DATA_TAG.value }],
        Transitions: [{ StorageClass: 'GLACIER', TransitionInDays: 30 }],
      }),
    ]);
    const never = vaultOf(synth({ retention: { archiveAfterDays: 'never' } }).vault);
    expect(rulesOf(never).filter((rule) => rule.Transitions)).toEqual([]);
  });
  it('aborts stale uploads, but never one that a dump may still be writing', () => {
    const days = (one: Resource) =>
      rulesOf(one).find((rule) => rule.AbortIncompleteMultipartUpload)?.AbortIncompleteMultipartUpload
        ?.DaysAfterInitiation;
    expect(days(bucket)).toBe(3);
    expect(days(vaultOf(synth({ limits: { backupHours: 200 } }).vault))).toBe(10);
  });
  it('locks objects when the config says so, and only then', () => {
    expect(bucket.Properties.ObjectLockEnabled).toBeUndefined();
    const locked = vaultOf(synth({ vault: { objectLock: { mode: 'compliance', days: 30 } } }).vault);
    expect(locked.Properties.ObjectLockEnabled).toBe(true);
    expect(locked.Properties.ObjectLockConfiguration).toMatchObject({
      Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 30 } },
    });
  });
  it('says who read it: its access is logged', () => {
    expect(bucket.Properties.LoggingConfiguration).toBeDefined();
    expect(ofType(vault, 'AWS::S3::Bucket')).toHaveLength(2);
  });
});

describe('the catalog', () => {
  const [, table] = only(vault, 'AWS::DynamoDB::GlobalTable');
  it('can be put back to any moment, and not be deleted by mistake', () => {
    expect(table.Properties.Replicas).toMatchObject([
      {
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      },
    ]);
  });
  it('has the keys, the index and the expiry that the stores use', () => {
    expect(table.Properties).toMatchObject({
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byEntity',
          KeySchema: [
            { AttributeName: 'entity', KeyType: 'HASH' },
            { AttributeName: 'id', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
      BillingMode: 'PAY_PER_REQUEST',
    });
  });
});

describe('the stack', () => {
  it('tells the command line where the vault is', () => {
    expect(Object.keys(vault.Outputs ?? {})).toEqual(expect.arrayContaining(Object.values(VAULT_OUTPUTS)));
  });
  it('bears the config’s name, so that two Nightjars live beside each other', () => {
    expect(synth({ ...CONFIG, name: 'second' }).vault.Description).toContain('second');
  });
});
