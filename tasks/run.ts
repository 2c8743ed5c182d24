/** One job from its first word in the catalog to its last, whatever happens between. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Catalog } from '../core/catalog.ts';
import { loginOf } from '../core/config.ts';
import type { DumpEngine } from '../core/engines.ts';
import { TASK_ENV } from '../core/environment.ts';
import { NightjarError, toNightjarError } from '../core/errors.ts';
import type { Job, Outcome } from '../core/job.ts';
import { dump } from './dump.ts';
import type { Engine, EngineContext } from './engine.ts';
import type { Log } from './log.ts';
import { dropLeft } from './leftovers.ts';
import { identityFindings, readIdentity } from './identity.ts';
import { readLogin } from './login.ts';
import { ProgressWriter } from './progress.ts';
import { restore } from './restore.ts';
import { stackOf } from './stack.ts';
import type { Secrecy } from './secrecy.ts';
import { obedient, type JobTools } from './tools.ts';
import type { UploadLimits } from './upload/limits.ts';
import type { Patience } from './vault-calls.ts';

export interface TaskSetup {
  readonly attempt: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly s3: S3Client;
  /** The vault's bucket. */
  readonly bucket: string;
  readonly secrets: Pick<SecretsManagerClient, 'send'>;
  /** The task's role may do no more. */
  readonly catalog: Pick<Catalog, 'putProgress'>;
  readonly engineOf: (name: DumpEngine) => Engine;
  /** Ends the job; its reason, a NightjarError, becomes the failure. */
  readonly stop: AbortController;
  readonly secrecy: Secrecy;
  readonly log: Log;
  readonly taskArn?: string;
  /** Instead of the job's idleMinutes, in milliseconds. */
  readonly idleMs?: number;
  readonly limits?: UploadLimits;
  readonly patience?: Patience;
  readonly graceMs?: number;
  /** Of the progress's last write, in milliseconds. */
  readonly lastWordMs?: number;
}

/** Does the job and tells the catalog. Resolves with the process's exit status: 0 only when the catalog knows of it. */
export async function runJob(job: Job, setup: TaskSetup): Promise<number> {
  const { secrecy, log, stop, catalog, attempt, taskArn, lastWordMs } = setup;
  const progress = new ProgressWriter({ id: job.id, attempt, taskArn, catalog, secrecy, log, lastWordMs });
  const unwatch = [watchForStall(progress, stop, setup.idleMs ?? job.idleMinutes * 60_000), watchTheClock(job, stop)];
  let scratch: string | undefined;
  let end: { outcome: Outcome; error?: undefined } | { error: NightjarError };
  try {
    scratch = await mkdtemp(join(setup.env[TASK_ENV.scratch] ?? tmpdir(), 'nightjar-'));
    const context: EngineContext = {
      target: job.target,
      async login() {
        const place = loginOf(job.target);
        if (!place)
          throw new NightjarError('UNEXPECTED', { operation: 'log in', detail: `${job.target.name} has no login.` });
        const login = await readLogin(setup.secrets, place.secret);
        secrecy.learn(login.password);
        return login;
      },
      signal: stop.signal,
      report: progress,
      scratch,
      s3: setup.s3,
      env: setup.env,
    };
    const identityOf = async (secret: string): Promise<string> => {
      const identity = await readIdentity(setup.secrets, secret);
      secrecy.learn(identity);
      return identity;
    };
    const tools: JobTools = { ...setup, context, progress, readIdentity: identityOf };
    end = { outcome: await doJob(job, tools, setup.engineOf(job.target.engine)) };
  } catch (error) {
    end = { error: toNightjarError(error, job.kind) };
  } finally {
    for (const end of unwatch) end();
  }
  if (scratch !== undefined)
    await rm(scratch, { recursive: true, force: true }).catch((error: unknown) =>
      log('warn', 'The scratch directory could not be removed.', { cause: String(error) }),
    );
  try {
    await progress.end(end.error ? { failure: end.error.toFailure() } : { outcome: end.outcome });
  } catch (error) {
    log('error', 'The catalog did not take the last word, so nobody knows how this ended.', { cause: String(error) });
    end = { error: end.error ?? toNightjarError(error, 'putProgress') };
  }
  if (!end.error) log('info', 'done', { kind: job.kind });
  else log('error', end.error.message, { code: end.error.code, hint: end.error.entry.hint, stack: stackOf(end.error) });
  return end.error ? end.error.entry.exitCode : 0;
}

async function doJob(job: Job, tools: JobTools, engine: Engine): Promise<Outcome> {
  const { context } = tools;
  switch (job.kind) {
    case 'dump':
      return dump(job, tools, engine);
    case 'restore':
      return restore(job, tools, engine);
    case 'rollback':
      return { kind: 'rollback', ...(await obedient(engine.rollback(context, job), tools)) };
    case 'drop':
      return { kind: 'drop', ...(await obedient(dropLeft(engine, context, job), tools)) };
    case 'check':
      return {
        kind: 'check',
        ...(await obedient(engine.check(context, job), tools)),
        warnings: tools.progress.warnings,
      };
    case 'probe': {
      const outcome = await obedient(engine.probe(context), tools);
      // Whatever fails is a finding to a probe, also what a child said because it was stopped.
      context.signal.throwIfAborted();
      return { kind: 'probe', ...outcome };
    }
    case 'identity': {
      const { encryption } = job.target;
      const findings = encryption ? await obedient(identityFindings(encryption, tools.readIdentity), tools) : [];
      return { kind: 'probe', findings };
    }
  }
}

/** Ends a dump that is not done in the time that its target gives the backup, whose attempts share it. Returns how to stop watching. */
function watchTheClock(job: Job, stop: AbortController): () => void {
  if (job.kind !== 'dump' || job.target.giveUpAfterMinutes === undefined) return () => undefined;
  const minutes = job.target.giveUpAfterMinutes;
  const detail = `${job.target.name} gives a backup ${minutes} minutes; this one began at ${job.startedAt}.`;
  const giveUp = (): void => stop.abort(new NightjarError('GIVEN_UP', { operation: 'dump', detail }));
  const timer = setTimeout(giveUp, Date.parse(job.startedAt) + minutes * 60_000 - Date.now());
  return () => clearTimeout(timer);
}

/** Ends the job when nothing gave a sign of life for so long. Returns how to stop watching. */
function watchForStall(progress: ProgressWriter, stop: AbortController, idleMs: number): () => void {
  const timer = setInterval(
    () => {
      if (progress.silentMs < idleMs) return;
      clearInterval(timer);
      const detail = `Silent for ${Math.round(progress.silentMs / 1000)} s while ${progress.doing}.`;
      stop.abort(new NightjarError('STALLED', { operation: progress.doing, detail }));
    },
    Math.min(idleMs / 10, 30_000),
  );
  return () => clearInterval(timer);
}
