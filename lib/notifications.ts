/** How people hear of it: the sender's SES identity, and the topic that alarms go to. */
import { Annotations, CfnOutput, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { Config } from '../core/config.ts';

export class Notifications extends Construct {
  readonly alarms: Topic;

  constructor(scope: Construct, config: Config) {
    super(scope, 'Notifications');
    this.makeIdentity(config.mail);
    this.alarms = this.makeTopic(config);
    for (const address of config.alarms.mail) this.alarms.addSubscription(new EmailSubscription(address));
    if (config.alarms.mail.length === 0)
      Annotations.of(this).addWarningV2(
        '@nightjar/nobody-hears-alarms',
        "alarms.mail is empty: nobody hears when a run fails or does not begin, unless something else subscribes to the topic. Right would be ['oncall@example.org'].",
      );
  }

  private makeIdentity(mail: Config['mail']): void {
    if (mail.identity === 'existing') return;
    if (mail.identity === 'address') {
      new EmailIdentity(this, 'Sender', { identity: Identity.email(mail.from) });
      return;
    }
    const domain = mail.from.slice(mail.from.lastIndexOf('@') + 1);
    const identity = new EmailIdentity(this, 'Sender', { identity: Identity.domain(domain) });
    identity.dkimRecords.forEach(({ name, value }, index) => {
      new CfnOutput(this, `DkimRecord${index + 1}`, {
        value: `${name} CNAME ${value}`,
        description: `DNS record that proves the domain ${domain} to SES`,
      });
    });
  }

  /** With the AWS-managed key CloudWatch publishes nothing and says nothing; so the topic has a key that admits it. */
  private makeTopic(config: Config): Topic {
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
    const fromHere = { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } };
    const key = new Key(this, 'AlarmKey', {
      description: `Nightjar ${config.name}: encrypts alarms on their way`,
      enableKeyRotation: true,
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        principals: [cloudWatch],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: fromHere,
      }),
    );
    const topic = new Topic(this, 'Alarms', {
      displayName: `Nightjar ${config.name}`,
      masterKey: key,
      enforceSSL: true,
    });
    // A topic with a policy of its own has lost the default one, which would admit alarms.
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [cloudWatch],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: fromHere,
      }),
    );
    return topic;
  }
}
