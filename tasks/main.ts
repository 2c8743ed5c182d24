/** The Fargate task: reads its job from the environment, does it, and says in the catalog how it ended. */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { required, TASK_ENV } from '../core/environment.ts';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import { parseJob } from '../core/job.ts';
import { CLIENT_OPTIONS, dynamoClient, s3Client } from '../stores/clients.ts';
import { dynamoCatalog } from '../stores/dynamodb-catalog.ts';
import { engineOf } from './engines.ts';
import { makeLog } from './log.ts';
import { runJob } from './run.ts';
import { Secrecy } from './secrecy.ts';
import { stackOf } from './stack.ts';
import { taskArn } from './task-arn.ts';
import { VAULT_CLIENT, VAULT_TIMEOUTS } from './vault-calls.ts';

/** Of the small calls; one that hangs must not outlast the two minutes after SIGTERM. */
const SMALL_CALLS = {
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
};

const stop = new AbortController();
const secrecy = new Secrecy();
const { env } = process;
const log = makeLog(secrecy, {});

for (const name of ['SIGTERM', 'SIGINT'] as const)
  process.on(name, () => stop.abort(new NightjarError('TASK_STOPPED', { operation: name, detail: `${name} came.` })));
// One way out for everything: the job ends by the signal, and the failure is written as any other.
process.on('uncaughtException', (error) => {
  log('error', 'uncaught', { cause: stackOf(error) });
  stop.abort(toNightjarError(error, 'uncaught'));
});
// Lost log lines must not end a dump.
process.stdout.on('error', () => undefined);

try {
  const job = parseJob(env[TASK_ENV.job]);
  const attempt = z.coerce.number().int().min(1).parse(env[TASK_ENV.attempt]);
  process.exitCode = await runJob(job, {
    attempt,
    env,
    s3: s3Client({ ...VAULT_CLIENT, requestHandler: VAULT_TIMEOUTS }),
    bucket: required(env, TASK_ENV.vault),
    secrets: new SecretsManagerClient({ ...CLIENT_OPTIONS, ...SMALL_CALLS }),
    catalog: dynamoCatalog(dynamoClient(SMALL_CALLS), required(env, TASK_ENV.catalog)),
    engineOf,
    stop,
    secrecy,
    log: makeLog(secrecy, { id: job.id, attempt, target: job.target.name }),
    taskArn: await taskArn(env, log),
  });
} catch (error) {
  // Before there is a job there is no item to write to: the log and the exit status tell.
  const known = toNightjarError(error, 'start');
  log('error', known.message, { code: known.code, stack: stackOf(known) });
  process.exitCode = known.entry.exitCode;
}
// Nothing that is still open may keep the task alive, and children end with it.
process.exit();
