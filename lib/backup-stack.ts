/** Everything that works on the vault. It may be deleted and deployed again: nothing here is the only copy. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Annotations, CfnOutput, Stack, Tags, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from '../core/config.ts';
import { BACKUP_OUTPUTS, backupStackName, MACHINES } from '../core/names.ts';
import { scheduleWarnings } from '../core/schedule.ts';
import { Alarms } from './alarms.ts';
import { DeployedConfig } from './deployed-config.ts';
import { EngineTasks } from './engine-tasks.ts';
import { Functions } from './functions.ts';
import { Network } from './network.ts';
import { Notifications } from './notifications.ts';
import { Orphans } from './orphans.ts';
import { Schedules } from './schedules.ts';
import type { VaultFacts } from './vault-facts.ts';
import { makeWorkBucket } from './work-bucket.ts';
import { Machines } from './workflow-machines.ts';

export interface BackupStackProps extends StackProps {
  readonly config: Config;
  readonly vault: VaultFacts;
  /** The present moment, for what the config says about the future. */
  readonly now: Date;
}

export class BackupStack extends Stack {
  constructor(scope: Construct, { config, vault, now, ...props }: BackupStackProps) {
    super(scope, backupStackName(config.name), {
      stackName: backupStackName(config.name),
      description: `Nightjar ${config.name}: schedules, workflows, tasks and alarms of ${config.targets.length} targets.`,
      ...props,
    });
    Tags.of(this).add('nightjar', config.name);
    for (const warning of scheduleWarnings(config, now))
      Annotations.of(this).addWarningV2(`@nightjar/${warning.split(' ', 1)[0]}`, warning);

    // In the order data flows: a schedule starts a machine, whose functions and tasks fill the vault.
    const clusterName = config.name;
    const deployed = new DeployedConfig(this, config);
    const network = new Network(this, config);
    const work = makeWorkBucket(this);
    const tasks = new EngineTasks(this, { config, vault, clusterName });
    const functions = new Functions(this, {
      config,
      vault,
      work,
      configObject: deployed,
      clusterName,
      ...(network.made ? { madeNetwork: network.made } : {}),
    });
    const { machines } = new Machines(this, { config, functions, tasks, work, clusterName });
    const { undelivered } = new Schedules(this, {
      config,
      nightly: machines.nightly,
      prune: machines.prune,
      publishRpo: functions.get('PublishRpo'),
    });
    new Orphans(this, { machines, closeOrphan: functions.get('CloseOrphan'), undelivered });
    const { alarms: topic } = new Notifications(this, config);
    new Alarms(this, { config, topic, machines, functions, undelivered });

    for (const machine of MACHINES) {
      const made = machines[machine];
      if (made) this.output(BACKUP_OUTPUTS[machine], made.stateMachineArn);
    }
    this.output(BACKUP_OUTPUTS.cluster, tasks.cluster.ref);
    this.output(BACKUP_OUTPUTS.logGroup, tasks.logGroup.logGroupName);
    this.output(BACKUP_OUTPUTS.work, work.bucketName);
    this.output(BACKUP_OUTPUTS.config, `s3://${deployed.bucket}/${deployed.key}`);
    this.output(BACKUP_OUTPUTS.version, versionOfNightjar());
  }

  private output(name: string, value: string): void {
    new CfnOutput(this, name, { value });
  }
}

function versionOfNightjar(): string {
  const text = readFileSync(path.resolve(import.meta.dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
