/**
 * Replays what was called against what is allowed. The pretend account writes down every authorized request (who, which
 * action, on what, with which condition keys); each is asked again of a real policy simulator with the policies of the
 * deployed roles, buckets and keys. What an AWS service does in the caller's name (S3 and DynamoDB using KMS) is added,
 * because the emulator asks no policy for it.
 */
import type { IAMClient } from '@aws-sdk/client-iam';
import { GetRolePolicyCommand, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import { GetKeyPolicyCommand } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import { GetBucketPolicyCommand } from '@aws-sdk/client-s3';
import { runSimulation } from '@cloud-copilot/iam-simulate';

/** One line of the account's journal. */
export interface JournalEntry {
  /** `arn:aws:sts::…:assumed-role/<role>/<session>` or a user's ARN. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string | string[]>>;
  readonly decision: 'Allow' | 'Deny' | 'ImplicitDeny';
}

export interface ReplayFacts {
  readonly account: string;
  readonly region: string;
  readonly vaultBucket: string;
  readonly vaultKeyArn: string;
  readonly catalogTable: string;
  /** Key of the catalog table. */
  readonly catalogKeyArn: string;
}

export interface ReplayResult {
  /** Distinct role, action and resource that were asked. */
  readonly asked: number;
  readonly roles: readonly string[];
  /** `role action resource: why`, what the simulator would refuse although the code does it. */
  readonly missing: readonly string[];
  /** What the simulator could not judge, with its reason; nothing is left out silently. */
  readonly unjudged: readonly string[];
}

interface PolicySource {
  /** The role's inline policies, as deployed. */
  ofRole(role: string): Promise<{ name: string; policy: unknown }[]>;
  ofResource(resource: string): Promise<unknown>;
}

const READS = new Set(['s3:GetObject', 's3:GetObjectVersion']);
const WRITES = new Set(['s3:PutObject']);

/** What S3 and DynamoDB ask KMS for in the caller's name. Source: AWS, "Using server-side encryption with KMS keys". */
export function impliedByService(entry: JournalEntry, facts: ReplayFacts): JournalEntry[] {
  const via = (service: string, action: string, key: string): JournalEntry => ({
    ...entry,
    action,
    resource: key,
    context: { 'kms:ViaService': `${service}.${facts.region}.amazonaws.com`, 'kms:CallerAccount': facts.account },
  });
  if (entry.resource.startsWith(`arn:aws:s3:::${facts.vaultBucket}/`)) {
    if (READS.has(entry.action)) return [via('s3', 'kms:Decrypt', facts.vaultKeyArn)];
    if (WRITES.has(entry.action)) {
      const part = entry.context['s3:ObjectCreationOperation'] === 'false';
      return [
        via('s3', 'kms:GenerateDataKey', facts.vaultKeyArn),
        // A multipart upload decrypts its data key for every part.
        ...(part ? [via('s3', 'kms:Decrypt', facts.vaultKeyArn)] : []),
      ];
    }
  }
  if (entry.action.startsWith('dynamodb:') && entry.resource.includes(`table/${facts.catalogTable}`))
    return [via('dynamodb', 'kms:Decrypt', facts.catalogKeyArn)];
  return [];
}

const roleOf = (principal: string): string | undefined => /:assumed-role\/([^/]+)\//.exec(principal)?.[1];

export function policiesOf(clients: { iam: IAMClient; s3: S3Client; kms: KMSClient }): PolicySource {
  const roles = new Map<string, Promise<{ name: string; policy: unknown }[]>>();
  const resources = new Map<string, Promise<unknown>>();
  const once = <T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> => {
    const found = map.get(key) ?? make();
    map.set(key, found);
    return found;
  };
  return {
    ofRole: (role) =>
      once(roles, role, async () => {
        const { PolicyNames = [] } = await clients.iam.send(new ListRolePoliciesCommand({ RoleName: role }));
        return Promise.all(
          PolicyNames.map(async (name) => {
            const { PolicyDocument } = await clients.iam.send(
              new GetRolePolicyCommand({ RoleName: role, PolicyName: name }),
            );
            return { name, policy: JSON.parse(decodeURIComponent(PolicyDocument ?? '{}')) as unknown };
          }),
        );
      }),
    ofResource: (resource) => {
      const bucket = /^arn:aws:s3:::([^/]+)/.exec(resource)?.[1];
      if (bucket)
        return once(resources, bucket, async () => {
          const { Policy } = await clients.s3.send(new GetBucketPolicyCommand({ Bucket: bucket }));
          return Policy ? (JSON.parse(Policy) as unknown) : undefined;
        });
      if (resource.startsWith('arn:aws:kms:'))
        return once(resources, resource, async () => {
          const { Policy } = await clients.kms.send(
            new GetKeyPolicyCommand({ KeyId: resource, PolicyName: 'default' }),
          );
          return Policy ? (JSON.parse(Policy) as unknown) : undefined;
        });
      return Promise.resolve(undefined);
    },
  };
}

/** Asks the simulator about each distinct call that a role of the stacks made. */
export async function replay(
  journal: readonly JournalEntry[],
  facts: ReplayFacts,
  policies: PolicySource,
): Promise<ReplayResult> {
  const missing = new Set<string>();
  const unjudged = new Set<string>();
  const roles = new Set<string>();
  const asked = new Set<string>();
  for (const call of journal) {
    const role = roleOf(call.principal);
    if (!role) continue;
    for (const entry of [call, ...impliedByService(call, facts)]) {
      const question = JSON.stringify([role, entry.action, entry.resource, entry.context]);
      if (asked.has(question)) continue;
      asked.add(question);
      roles.add(role);
      const identityPolicies = await policies.ofRole(role);
      const resourcePolicy = await policies.ofResource(entry.resource);
      const ask = (resource: string) =>
        runSimulation(
          {
            request: {
              principal: `arn:aws:iam::${facts.account}:role/${role}`,
              action: entry.action,
              resource: { resource, accountId: facts.account },
              contextVariables: { ...entry.context, 'aws:SecureTransport': 'true' },
            },
            identityPolicies,
            serviceControlPolicies: [],
            resourceControlPolicies: [],
            resourcePolicy,
          },
          {},
        );
      let result = await ask(entry.resource);
      // An action that knows no resources, such as dynamodb:ListBackups; the emulator names the request's table.
      if (JSON.stringify(result).includes('must.use.wildcard')) result = await ask('*');
      const line = `${role} ${entry.action} ${entry.resource}`;
      if (result.resultType === 'error') unjudged.add(`${line}: ${JSON.stringify(result.errors)}`);
      else if (result.overallResult !== 'Allowed') missing.add(`${line}: ${result.overallResult}`);
    }
  }
  return { asked: asked.size, roles: [...roles].sort(), missing: [...missing].sort(), unjudged: [...unjudged].sort() };
}
