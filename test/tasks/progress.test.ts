import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../core/job.ts';
import { probeJobSchema, progressSchema } from '../../core/job.ts';
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
