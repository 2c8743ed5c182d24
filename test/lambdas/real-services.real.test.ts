/** The handlers over the real clients: what only shows where two processes meet, and what AWS answers. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CreateClusterCommand, ECSClient } from '@aws-sdk/client-ecs';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateEmailIdentityCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCloseBackup } from '../../lambdas/CloseBackup.ts';
import { makeFailBackup } from '../../lambdas/FailBackup.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makePlanRun } from '../../lambdas/PlanRun.ts';
import { awsEvents } from '../../lambdas/shared/events.ts';
import { awsExecutions } from '../../lambdas/shared/executions.ts';
import { awsMailer } from '../../lambdas/shared/mailer.ts';
import { awsMetrics } from '../../lambdas/shared/metrics.ts';
import { awsTasks } from '../../lambdas/shared/tasks.ts';
import { startAccount, type Account } from '../../local/account.ts';
import { dynamoCatalog } from '../../stores/dynamodb-catalog.ts';
import { makeTable } from '../stores/tables.ts';
import { backupEvent, caught, configOf, dump, execution, makeWorld, targetOf } from './support/world.ts';

let account: Account;
let tables = 0;
beforeAll(async () => {
  account = await startAccount();
});
afterAll(() => account.stop());

const world = async () => {
  const name = `catalog-${(tables += 1)}`;
  return makeWorld(dynamoCatalog(await makeTable(account, name), name));
};

describe('on DynamoDB', () => {
  it('of many openings at the same moment one gets the target', async () => {
    const one = await world();
    const events = Array.from({ length: 10 }, () => backupEvent(one, 'shop'));
    const answers = await Promise.allSettled(events.map((event) => makeOpenBackup(one)(event)));
    expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers)
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ name: 'TARGET_BUSY' });
    expect(await one.catalog.listBackups({ target: 'shop' })).toHaveLength(1);
  });

  it('an event delivered many times at the same moment makes one run', async () => {
    const one = await world();
    const input = { trigger: 'daily', scheduledTime: '2026-11-21T01:30:00Z' } as const;
    const runs = await Promise.all(
      Array.from({ length: 6 }, () => makePlanRun(one)({ ...execution(one, 'nightly'), input })),
    );
    expect(runs.filter((run) => run.proceed)).toHaveLength(1);
  });

  it('closing and failing at the same moment end in one state, and the event says which', async () => {
    const one = await world();
    for (let round = 0; round < 4; round += 1) {
      const event = backupEvent(one, 'shop');
      const opened = await makeOpenBackup(one)(event);
      await dump(one, { id: opened.id, target: 'shop' });
      const said = one.published.length;
      await Promise.allSettled([
        makeCloseBackup(one)({ id: opened.id, target: 'shop', attempt: 1 }),
        makeFailBackup(one)({ ...event, opened, failure: caught('EXECUTION_ABORTED') }),
      ]);
      const status = (await one.catalog.getBackup('shop', opened.id))?.status;
      expect(['COMPLETED', 'FAILED']).toContain(status);
      expect(one.published.slice(said).map((each) => each.name)).toEqual([
        status === 'COMPLETED' ? 'Nightjar Backup Completed' : 'Nightjar Backup Failed',
      ]);
      one.clock += 60_000;
    }
  });

  it('hundreds of targets are planned in one call', async () => {
    const one = await world();
    one.setConfig(configOf({ targets: Array.from({ length: 350 }, (_, index) => targetOf(`t${index}`)) }));
    const input = { trigger: 'daily', scheduledTime: '2026-11-21T01:30:00Z' } as const;
    expect(await makePlanRun(one)({ ...execution(one, 'nightly'), input })).toMatchObject({ due: 350, proceed: true });
  });
});

describe('what AWS answers', () => {
  it('an execution that nobody knows is over', async () => {
    const executions = awsExecutions(new SFNClient({ ...account.clientConfig }));
    const arn = 'arn:aws:states:eu-west-1:123456789012:execution:shop-prod-backup:never';
    expect(await executions.isOver(arn)).toBe(true);
  });

  it('a task that is gone is stopped, and one without a cluster in its ARN is an error', async () => {
    const ecs = new ECSClient({ ...account.clientConfig });
    await ecs.send(new CreateClusterCommand({ clusterName: 'nightjar' }));
    const tasks = awsTasks(ecs);
    await tasks.stop('arn:aws:ecs:eu-west-1:123456789012:task/nightjar/0123456789abcdef0123456789abcdef', 'why');
    await expect(tasks.stop('nonsense', 'why')).rejects.toMatchObject({ name: 'UNEXPECTED' });
  });

  it('events and metrics are taken', async () => {
    const events = awsEvents(new EventBridgeClient({ ...account.clientConfig }));
    await events.publish(
      'Nightjar Target Past RPO',
      Array.from({ length: 23 }, (_, index) => ({ target: `t${index}` })),
    );
    const metrics = awsMetrics(new CloudWatchClient({ ...account.clientConfig }), 'shop-prod');
    await metrics.put({ pastRpo: 1, targetsWatched: 2 }, new Date());
  });

  it('a mail arrives in both forms, and an unverified sender is refused', async () => {
    const ses = new SESv2Client({ ...account.clientConfig });
    const mailer = awsMailer(ses);
    const mail = { subject: 'Nightjar – 2 of 14 FAILED', text: 'plain ä', html: '<p>rich ä</p>' };
    await expect(mailer.send('nightjar@example.org', 'oncall@example.org', mail)).rejects.toThrow();
    await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: 'nightjar@example.org' }));
    await mailer.send('nightjar@example.org', 'oncall@example.org', mail);
    const [received] = await account.messages();
    expect(received).toMatchObject({
      to: ['oncall@example.org'],
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
    });
  });
});
