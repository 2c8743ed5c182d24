import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';

/** What the backup stack needs of the vault. */
export interface VaultFacts {
  readonly bucket: IBucket;
  readonly catalog: ITableV2;
  /** Encrypts both. */
  readonly key: IKey;
}
