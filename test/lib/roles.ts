/** Asks a policy simulator what a synthesized role may do. */
import { runSimulation } from '@cloud-copilot/iam-simulate';
import { ofType, only, Resolver, type Template } from './resolve.ts';
import { ACCOUNT, REGION, type Synthesized } from './synth.ts';

type Context = Readonly<Record<string, string | string[]>>;

export interface Question {
  readonly action: string;
  readonly resource: string;
  readonly context?: Context;
}

interface Policy {
  readonly name: string;
  readonly policy: unknown;
}

/** The roles of the backup stack, with the vault's own policies on the other side. */
export class Roles {
  readonly names: Readonly<Record<'vault' | 'vaultArn' | 'catalogArn' | 'keyArn' | 'work', string>>;
  private readonly template: Template;
  private readonly resolver: Resolver;
  private readonly bucketPolicy: unknown;
  private readonly keyPolicy: unknown;
  private readonly cache = new Map<string, Policy[]>();

  constructor({ vault, backup }: Synthesized) {
    const vaultResolver = new Resolver(vault);
    this.template = backup;
    this.resolver = new Resolver(backup, [vaultResolver]);
    const bucketId = (vault.Outputs!.VaultBucket!.Value as { Ref: string }).Ref;
    const policies = Object.entries(vault.Resources).filter(
      ([, one]) =>
        one.Type === 'AWS::S3::BucketPolicy' && vaultResolver.text(one.Properties.Bucket) === bucketId.toLowerCase(),
    );
    this.bucketPolicy = vaultResolver.resolve(policies[0]![1].Properties.PolicyDocument);
    const [keyId, key] = only(vault, 'AWS::KMS::Key');
    this.keyPolicy = vaultResolver.resolve(key.Properties.KeyPolicy);
    this.names = {
      vault: bucketId.toLowerCase(),
      vaultArn: `arn:aws:s3:::${bucketId.toLowerCase()}`,
      keyArn: vaultResolver.text({ 'Fn::GetAtt': [keyId, 'Arn'] }),
      catalogArn: vaultResolver.text({ 'Fn::GetAtt': [only(vault, 'AWS::DynamoDB::GlobalTable')[0], 'Arn'] }),
      work: this.resolver.text({ 'Fn::GetAtt': [only(backup, 'AWS::S3::Bucket')[0], 'Arn'] }),
    };
  }

  /** Every role of the backup stack by its logical id. */
  roleIds(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(ofType(this.template, 'AWS::IAM::Role'));
  }

  /** All policies of the role whose logical id begins so. */
  policiesOf(prefix: string): Policy[] {
    const known = this.cache.get(prefix) ?? this.findPolicies(prefix);
    this.cache.set(prefix, known);
    return known;
  }

  private findPolicies(prefix: string): Policy[] {
    const [id, role] = only(this.template, 'AWS::IAM::Role', prefix);
    const inline = (role.Properties.Policies ?? []) as { PolicyName: string; PolicyDocument: unknown }[];
    const attached = Object.values(this.template.Resources).filter(
      (one) =>
        one.Type === 'AWS::IAM::Policy' && (one.Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref === id),
    );
    return [
      ...inline.map((one) => ({ name: one.PolicyName, policy: this.resolver.resolve(one.PolicyDocument) })),
      ...attached.map((one) => ({
        name: String(one.Properties.PolicyName),
        policy: this.resolver.resolve(one.Properties.PolicyDocument),
      })),
    ];
  }

  async may(role: string, question: Question): Promise<boolean> {
    const result = await runSimulation(
      {
        request: {
          principal: `arn:aws:iam::${ACCOUNT}:role/${role}`,
          action: question.action,
          resource: { resource: question.resource, accountId: ACCOUNT },
          contextVariables: { 'aws:SecureTransport': 'true', ...question.context },
        },
        identityPolicies: this.policiesOf(role),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: this.resourcePolicyOf(question.resource) as never,
      },
      {},
    );
    if (result.resultType === 'error')
      throw new Error(`${question.action} ${question.resource}: ${JSON.stringify(result.errors)}`);
    return result.overallResult === 'Allowed';
  }

  /** A KMS call that a service makes in the role's name. */
  mayUseKey(role: string, action: string, service: string, key = this.names.keyArn): Promise<boolean> {
    return this.may(role, {
      action,
      resource: key,
      context: { 'kms:ViaService': `${service}.${REGION}.amazonaws.com`, 'kms:CallerAccount': ACCOUNT },
    });
  }

  private resourcePolicyOf(resource: string): unknown {
    if (resource.startsWith(`${this.names.vaultArn}/`) || resource === this.names.vaultArn) return this.bucketPolicy;
    // A key that is not ours is taken to leave the decision to its account's IAM, as the vault's does.
    if (resource.includes(':kms:')) return this.keyPolicy;
    return undefined;
  }
}
