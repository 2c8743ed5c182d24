import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  ListExportsCommand,
  type CloudFormationClientConfig,
} from '@aws-sdk/client-cloudformation';

export type Json = string | number | boolean | null | Json[] | Properties;
export interface Properties {
  [key: string]: Json;
}

/** A scalar as text. @throws Error for anything else. */
export function text(value: Json | undefined): string {
  if (value === undefined || value === null || typeof value === 'object')
    throw new Error(`expected a scalar, found ${JSON.stringify(value)}`);
  return value.toString();
}

/** A resource as the template declares it, with references to other resources worked out on demand. */
export interface DeclaredResource {
  stack: string;
  logicalId: string;
  type: string;
  physicalId: string;
  /** The property with every intrinsic function in it resolved; undefined if not declared. */
  property(name: string): Json | undefined;
}

interface Template {
  Resources?: Record<string, { Type: string; Properties?: Properties }>;
}

interface Manifest {
  artifacts: Record<string, { type: string; properties?: { templateFile?: string; stackName?: string } }>;
}

/** How the ARN of a resource follows from its physical id, for the types whose ARN another resource names. */
const ARNS: Record<string, (id: string, region: string, account: string) => string> = {
  'AWS::KMS::Key': (id, region, account) => `arn:aws:kms:${region}:${account}:key/${id}`,
  'AWS::S3::Bucket': (id) => `arn:aws:s3:::${id}`,
  'AWS::DynamoDB::GlobalTable': (id, region, account) => `arn:aws:dynamodb:${region}:${account}:table/${id}`,
  'AWS::DynamoDB::Table': (id, region, account) => `arn:aws:dynamodb:${region}:${account}:table/${id}`,
  'AWS::Logs::LogGroup': (id, region, account) => `arn:aws:logs:${region}:${account}:log-group:${id}:*`,
  'AWS::SNS::Topic': (id) => id,
  'AWS::SQS::Queue': (id, region, account) => `arn:aws:sqs:${region}:${account}:${id.split('/').pop() ?? id}`,
};

/**
 * Reads the templates that `cdk` has synthesized and finds each deployed resource.
 *
 * @throws Error when a property is asked for that holds a function this reader does not know.
 */
export async function declaredResources(
  cdkOut: string,
  client: CloudFormationClientConfig,
  region: string,
  account: string,
): Promise<DeclaredResource[]> {
  const cloudFormation = new CloudFormationClient(client);
  const manifest = JSON.parse(await readFile(join(cdkOut, 'manifest.json'), 'utf8')) as Manifest;
  const { Exports = [] } = await cloudFormation.send(new ListExportsCommand({}));
  const result: DeclaredResource[] = [];

  for (const [artifact, { type, properties }] of Object.entries(manifest.artifacts)) {
    if (type !== 'aws:cloudformation:stack' || !properties?.templateFile) continue;
    const stack = properties.stackName ?? artifact;
    const template = JSON.parse(await readFile(join(cdkOut, properties.templateFile), 'utf8')) as Template;
    const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName: stack }));
    const physical = new Map(StackResources.map((one) => [one.LogicalResourceId, one.PhysicalResourceId ?? '']));
    const pseudo: Record<string, string> = {
      'AWS::Region': region,
      'AWS::AccountId': account,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': stack,
    };

    const resolve = (value: Json): Json => {
      if (Array.isArray(value)) return value.map(resolve);
      if (value === null || typeof value !== 'object') return value;
      const [entry, ...others] = Object.entries(value);
      if (!entry || others.length > 0 || (entry[0] !== 'Ref' && !entry[0].startsWith('Fn::')))
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
      const [name, argument] = entry;
      const unknown = () => new Error(`${stack}: cannot work out ${JSON.stringify(value)}`);
      if (name === 'Ref' && typeof argument === 'string') {
        const found = pseudo[argument] ?? physical.get(argument);
        if (found !== undefined) return found;
      }
      if (name === 'Fn::GetAtt' && Array.isArray(argument) && argument[1] === 'Arn') {
        const id = text(argument[0]);
        const arn = ARNS[template.Resources?.[id]?.Type ?? ''];
        const found = physical.get(id);
        if (arn && found !== undefined) return arn(found, region, account);
      }
      if (name === 'Fn::Join' && Array.isArray(argument) && Array.isArray(argument[1]))
        return argument[1].map((part) => text(resolve(part))).join(text(argument[0]));
      if (name === 'Fn::ImportValue') {
        const found = Exports.find((one) => one.Name === resolve(argument))?.Value;
        if (found !== undefined) return found;
      }
      throw unknown();
    };

    for (const [logicalId, resource] of Object.entries(template.Resources ?? {})) {
      const physicalId = physical.get(logicalId);
      // A resource under a condition that does not hold.
      if (physicalId === undefined) continue;
      result.push({
        stack,
        logicalId,
        type: resource.Type,
        physicalId,
        property(name) {
          const declared = resource.Properties?.[name];
          return declared === undefined ? undefined : resolve(declared);
        },
      });
    }
  }
  cloudFormation.destroy();
  return result;
}
