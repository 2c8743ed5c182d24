import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { exception } from './nag.ts';

const KEEP_DAYS = 14;

/** Lists and summaries of runs: scratch that expires by itself, apart from the vault. */
export function makeWorkBucket(scope: Construct): Bucket {
  const bucket = new Bucket(scope, 'Work', {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    lifecycleRules: [
      {
        id: 'expire',
        expiration: Duration.days(KEEP_DAYS),
        abortIncompleteMultipartUploadAfter: Duration.days(1),
      },
    ],
    // It may hold objects when the stack goes, and then stays, empty within two weeks.
    removalPolicy: RemovalPolicy.RETAIN,
  });
  exception(
    bucket,
    'S1',
    'Scratch: names and outcomes of targets that the catalog keeps anyway, gone after two weeks.',
  );
  return bucket;
}
