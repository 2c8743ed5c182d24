/**
 * The one place where AWS clients are made. Region, credentials and `AWS_ENDPOINT_URL` come from the standard
 * environment, so the same code runs in Lambda, in Fargate and on a person's machine.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** What every client of ours is made with: patient with throttling, and recognisable in CloudTrail. */
export const CLIENT_OPTIONS = {
  maxAttempts: 6,
  customUserAgent: [['nightjar']] as [string][],
} as const;

/** Settings that only a test or the command line adds, such as an endpoint. */
export type ClientSettings = Readonly<Record<string, unknown>>;

export const s3Client = (settings: ClientSettings = {}): S3Client => new S3Client({ ...CLIENT_OPTIONS, ...settings });

export const dynamoClient = (settings: ClientSettings = {}): DynamoDBDocumentClient =>
  documentClient(new DynamoDBClient({ ...CLIENT_OPTIONS, ...settings }));

/** Optional fields of a record are simply not there. */
export const documentClient = (client: DynamoDBClient): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
