/** What a job makes of the small things that it is asked besides dumps and restores. */
import type { S3Client } from '@aws-sdk/client-s3';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { parseDumpTarget } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import type { DropJob, Job, Progress } from '../../core/job.ts';
import type { Engine, EngineContext } from '../../tasks/engine.ts';
import { runJob, type TaskSetup } from '../../tasks/run.ts';
import { Secrecy } from '../../tasks/secrecy.ts';

const secret = (name: string): string => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`;
const shop = {
  name: 'shop',
  engine: 'postgres',
  host: 'db.example.org',
  database: 'shop',
  secret: secret('shop'),
} as const;

async function ran(job: Partial<Job>, more: Partial<TaskSetup>) {
  const words: Progress[] = [];
  const secrecy = new Secrecy();
  const status = await runJob({ id: 'x', idleMinutes: 5, target: parseDumpTarget(shop), ...job } as Job, {
    attempt: 1,
    env: {},
    s3: {} as S3Client,
    bucket: 'vault',
    secrets: { send: () => Promise.reject(new Error('no secret is asked for')) },
    catalog: { putProgress: async (one) => Promise.resolve(void words.push(one)) },
    engineOf: () => ({}) as Engine,
    stop: new AbortController(),
    secrecy,
    log: () => undefined,
    ...more,
  });
  return { status, last: words.at(-1)!, secrecy };
}

describe('a job', () => {
  it('that probes and is stopped says that, and does not take its own end for a finding', async () => {
    const stop = new AbortController();
    const probe = () => {
      stop.abort(new NightjarError('TASK_STOPPED', { operation: 'SIGTERM' }));
      return Promise.resolve({ findings: [{ level: 'bad', what: 'The file can not be read.' }] });
    };
    const { status, last } = await ran({ kind: 'probe' }, { stop, engineOf: () => ({ probe }) as unknown as Engine });
    expect([status, last.status, last.failure?.code]).toEqual([1, 'failed', 'TASK_STOPPED']);
  });

  it.each([
    [['log_nj_1', 'ledger_nj_1'], true],
    [[], false],
  ])(
    'that drops what a restore of all databases left (%j) drops each, and says whether any was there',
    async (left, dropped) => {
      const gone: string[] = [];
      const drop = (_: unknown, { replacedDatabase, everyDatabase }: DropJob) => {
        gone.push(replacedDatabase);
        return Promise.resolve({ dropped: everyDatabase === undefined });
      };
      const engine = { drop, unfinished: () => Promise.resolve(left) } as unknown as Engine;
      const job = { kind: 'drop', restoreId: 'R', replacedDatabase: '*_nj_1', everyDatabase: true } as const;
      const { status, last } = await ran(job, { engineOf: () => engine });
      expect([status, gone, last.outcome]).toEqual([0, left, { kind: 'drop', dropped }]);
    },
  );

  it.each([
    [undefined, 'It takes 93 GiB: a task that had less is followed by one that has that'],
    [{ cpu: 1024, memoryMiB: 2048, ephemeralGiB: 30 }, 'Set size.ephemeralGiB of the target to 93; it is 30'],
    [{ cpu: 1024, memoryMiB: 2048, ephemeralGiB: 100 }, undefined],
  ])('whose disk is too small for a file says how large it was, and what size it takes (%j)', async (size, words) => {
    const dump = ({ report }: EngineContext) => {
      report.found(40 * 2 ** 30);
      return Promise.reject(new NightjarError('DISK_FULL', { operation: 'look for room', detail: 'No room.' }));
    };
    const storage = { s3: { bucket: 'example-data' } };
    const target = parseDumpTarget({ name: 'app', engine: 'sqlite', database: 'app.db', storage, size });
    const job = { kind: 'dump', target, trigger: 'daily', startedAt: '2026-11-21T01:30:00.000Z' } as const;
    const { last } = await ran(job, { engineOf: () => ({ dump }) as unknown as Engine });
    expect(last).toMatchObject({ status: 'failed', databaseBytes: 40 * 2 ** 30, failure: { code: 'DISK_FULL' } });
    const { detail } = last.failure!;
    if (words === undefined) expect(detail).toBe('No room.');
    else expect(detail).toContain(`No room. ${words}`);
  });

  it.each([
    ['begins anew', 1, 59_900],
    ['was tried before', 2, 59_900],
    ['comes too late', 3, 90_000],
  ])('whose dump %s is given up when the backup’s time is over (attempt %i)', async (_, attempt, agoMs) => {
    const target = parseDumpTarget({ ...shop, giveUpAfterMinutes: 1 });
    const startedAt = new Date(Date.now() - agoMs).toISOString();
    const dump = ({ signal }: EngineContext) =>
      new Promise<never>((_done, reject) => {
        const give = (): void => reject(signal.reason as Error);
        if (signal.aborted) give();
        else signal.addEventListener('abort', give);
      });
    const job = { kind: 'dump', target, trigger: 'daily', startedAt } as const;
    const { last } = await ran(job, { attempt, engineOf: () => ({ dump }) as unknown as Engine });
    expect(last).toMatchObject({ status: 'failed', failure: { code: 'GIVEN_UP' } });
    expect(last.failure!.detail).toBe(`shop gives a backup 1 minutes; this one began at ${startedAt}.`);
  });

  it('that looks at an identity finds it, asks no engine, and learns it as a secret', async () => {
    const identity = await generateX25519Identity();
    const encryption = { recipients: [await identityToRecipient(identity)], identity: secret('identity') };
    const { status, last, secrecy } = await ran(
      { kind: 'identity', target: parseDumpTarget({ ...shop, encryption }) },
      { secrets: { send: () => Promise.resolve({ SecretString: identity }) } },
    );
    expect([status, last.status]).toEqual([0, 'succeeded']);
    expect(last.outcome).toMatchObject({ kind: 'probe', findings: [{ level: 'ok' }] });
    expect(secrecy.scrub(`it is ${identity}`)).toBe('it is ***');
  });
});
