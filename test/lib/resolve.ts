/** CloudFormation's intrinsic functions, worked out with invented but well-formed ARNs: enough to judge policies by. */

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}
export interface Template {
  readonly Description?: string;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<
    Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: unknown } }>
  >;
}

const ACCOUNT = '123456789012';
const REGION = 'eu-west-1';
const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::AccountId': ACCOUNT,
  'AWS::Region': REGION,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
};

/** A template whose references, also those into the other template, can be worked out. */
export class Resolver {
  private readonly template: Template;
  private readonly others: readonly Resolver[];

  constructor(template: Template, others: readonly Resolver[] = []) {
    this.template = template;
    this.others = others;
  }

  resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.resolve(one));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name, argument] = entries[0] ?? [];
    if (entries.length === 1 && name === 'Ref') return this.ref(argument as string);
    if (entries.length === 1 && name === 'Fn::GetAtt') return this.attribute(...(argument as [string, string]));
    if (entries.length === 1 && name === 'Fn::Join') {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map((part) => this.text(part)).join(separator);
    }
    if (entries.length === 1 && name === 'Fn::ImportValue') return this.imported(this.text(argument));
    if (entries.length === 1 && name?.startsWith('Fn::')) throw new Error(`${name} is not known here`);
    return Object.fromEntries(entries.map(([key, one]) => [key, this.resolve(one)]));
  }

  text(value: unknown): string {
    const resolved = this.resolve(value);
    if (typeof resolved === 'string' || typeof resolved === 'number') return String(resolved);
    throw new Error(`${JSON.stringify(value)} is no text`);
  }

  private imported(name: string): string {
    for (const other of this.others)
      for (const output of Object.values(other.template.Outputs ?? {}))
        if (output.Export?.Name === name) return other.text(output.Value);
    throw new Error(`Nothing exports ${name}`);
  }

  private ref(id: string): string {
    const pseudo = PSEUDO[id];
    if (pseudo) return pseudo;
    const resource = this.template.Resources[id];
    // A parameter of CDK's, such as the bootstrap version.
    if (!resource) return id;
    const type = resource.Type;
    if (
      type === 'AWS::StepFunctions::StateMachine' ||
      type === 'AWS::ECS::TaskDefinition' ||
      type === 'AWS::SNS::Topic'
    )
      return this.arn(id, resource);
    if (type === 'AWS::Lambda::Function') return this.text(resource.Properties.FunctionName);
    return type === 'AWS::S3::Bucket' ? id.toLowerCase() : id;
  }

  private attribute(id: string, name: string): string {
    const resource = this.template.Resources[id];
    if (!resource) throw new Error(`${id} is not in the template`);
    return name === 'Arn' ? this.arn(id, resource) : `${id}.${name}`;
  }

  private arn(id: string, { Type, Properties }: Resource): string {
    const at = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
    switch (Type) {
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${id.toLowerCase()}`;
      case 'AWS::DynamoDB::GlobalTable':
        return at('dynamodb', `table/${id}`);
      case 'AWS::KMS::Key':
        return at('kms', `key/${id}`);
      case 'AWS::Lambda::Function':
        return at('lambda', `function:${this.text(Properties.FunctionName)}`);
      case 'AWS::StepFunctions::StateMachine':
        return at('states', `stateMachine:${this.text(Properties.StateMachineName)}`);
      case 'AWS::ECS::TaskDefinition':
        return at('ecs', `task-definition/${this.text(Properties.Family)}:1`);
      case 'AWS::Logs::LogGroup':
        return at('logs', `log-group:${this.text(Properties.LogGroupName)}:*`);
      case 'AWS::SQS::Queue':
        return at('sqs', id);
      case 'AWS::SNS::Topic':
        return at('sns', id);
      case 'AWS::IAM::Role':
        return `arn:aws:iam::${ACCOUNT}:role/${id}`;
      case 'AWS::ECS::Cluster':
        return at('ecs', `cluster/${this.text(Properties.ClusterName)}`);
      default:
        throw new Error(`The ARN of a ${Type} is not known here`);
    }
  }
}

/** The resources of a type, by logical id. */
export const ofType = (template: Template, type: string): [string, Resource][] =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);

/** The one resource of a type whose logical id begins so. @throws when there is none, or more than one. */
export function only(template: Template, type: string, prefix = ''): [string, Resource] {
  const found = ofType(template, type).filter(([id]) => id.startsWith(prefix));
  if (found.length !== 1) throw new Error(`${found.length} resources ${type} begin with ${prefix}`);
  return found[0]!;
}
