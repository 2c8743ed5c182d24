import { S3Client } from '@aws-sdk/client-s3';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { NightjarError } from '../../core/errors.ts';
import type { Progress } from '../../core/job.ts';
import { probeJobSchema, progressSchema } from '../../core/job.ts';
import type { EngineContext } from '../../tasks/engine.ts';
import { ProgressWriter } from '../../tasks/progress.ts';
import { Secrecy } from '../../tasks/secrecy.ts';
import { dumpJob, run } from './support.ts';

const s3 = new S3Client({ region: 'eu-west-1' });
const { target, id } = dumpJob();
const probe = probeJobSchema.parse({ kind: 'probe', id, target, idleMinutes: 30 });
const finding = { findings: [{ level: 'ok' as const, what: 'reached' }] };

describe('what a task says about itself', () => {
  it('survives a catalog that refuses for a while, and the last word still arrives', async () => {
    const words: Progress[] = [];
    let refusals = 3;
    const { status, logged } = await run(
      probe,
      { probe: () => Promise.resolve(finding) },
      {
        s3,
        bucket: 'vault',
        catalog: {
          putProgress: (word) =>
            (refusals -= 1) >= 0 ? Promise.reject(new Error('throttled')) : Promise.resolve(void words.push(word)),
        },
      },
    );
    expect(status).toBe(0);
    expect(words.at(-1)).toMatchObject({ status: 'succeeded', outcome: { kind: 'probe', ...finding } });
    expect(words.map((word) => progressSchema.parse(word))).toEqual(words);
    expect(logged).toContain('throttled');
  });

  it('tells how far an exchange of names is before its next step begins, and still in the last word', async () => {
    const words: Progress[] = [];
    const state = { name: 'shop', incoming: 'shop_nj_1', serves: 'mixed', underway: true } as const;
    let slow = true;
    const putProgress = async (word: Progress): Promise<void> => {
      // The first one is under way when the exchange begins.
      if (slow) await pause(50);
      slow = false;
      words.push(word);
    };
    const seen: (Progress['exchange'] | undefined)[] = [];
    const probing = async ({ report }: EngineContext): Promise<never> => {
      await report.exchange(state);
      seen.push(words.at(-1)?.exchange);
      throw new NightjarError('SWAP_UNFINISHED');
    };
    await run(probe, { probe: probing }, { s3, bucket: 'vault', catalog: { putProgress } });
    expect(seen).toEqual([state]);
    expect(progressSchema.parse(words.at(-1))).toMatchObject({ status: 'failed', exchange: state });
  });

  it('goes on with an exchange when the catalog is away', async () => {
    const catalog = { putProgress: () => Promise.reject(new Error('throttled')) };
    let reached = false;
    const probing = async ({ report }: EngineContext): Promise<never> => {
      await report.exchange({ name: 'shop', incoming: 'shop_nj_1', serves: 'mixed', underway: true });
      reached = true;
      throw new NightjarError('SWAP_UNFINISHED');
    };
    await run(probe, { probe: probing }, { s3, bucket: 'vault', catalog, lastWordMs: 300 });
    expect(reached).toBe(true);
  });

  it('is no success when the catalog never takes the last word', async () => {
    const catalog = { putProgress: () => Promise.reject(new Error('throttled')) };
    const engine = { probe: () => Promise.resolve(finding) };
    const { status } = await run(probe, engine, { s3, bucket: 'vault', catalog, lastWordMs: 300 });
    expect(status).not.toBe(0);
  });

  it('ends with its last word, whatever older ones are still under way', async () => {
    const arrived: string[] = [];
    const catalog = {
      async putProgress({ status }: Progress) {
        if (status === 'running') await new Promise((resolve) => setTimeout(resolve, 100));
        arrived.push(status);
      },
    };
    await run(probe, { probe: () => Promise.resolve(finding) }, { s3, bucket: 'vault', catalog });
    expect(arrived).toEqual(['running', 'succeeded']);
  });

  it('counts what moved and keeps a record’s warnings short', async () => {
    const words: Progress[] = [];
    const progress = new ProgressWriter({
      id,
      attempt: 2,
      catalog: { putProgress: (word) => Promise.resolve(void words.push(word)) },
      secrecy: new Secrecy(),
      log: () => undefined,
      everyMs: 10,
    });
    progress.phase('dumping');
    progress.expect(1_000);
    progress.moved(300);
    progress.moved(400);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(words.at(-1)).toMatchObject({ attempt: 2, phase: 'dumping', bytes: 700, totalBytes: 1_000 });
    for (let count = 0; count < 60; count += 1) progress.warn('w'.repeat(2_000));
    expect(progress.warnings).toHaveLength(51);
    expect(progress.warnings.at(-1)).toContain('10 more');
    expect(JSON.stringify(progress.warnings).length).toBeLessThan(30_000);
    await progress.end({ outcome: { kind: 'probe', ...finding } });
  });
});
