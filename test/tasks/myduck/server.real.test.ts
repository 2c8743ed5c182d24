/**
 * The same against a MyDuck Server of yours, which can't be installed from a registry:
 *
 *   NIGHTJAR_MYDUCK_URL=postgres://user:password@host:5432/database
 *   NIGHTJAR_MYDUCK_EXCHANGE='{"bucket": "…", "prefix": "nightjar/", "endpoint": "s3.eu-west-1.amazonaws.com"}'
 *   NIGHTJAR_MYDUCK_KEY=id:secret            of a user that may read and write there; the SDK's own credentials may too
 */
import { S3Client } from '@aws-sdk/client-s3';
import { rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { makeMyduck } from '../../../tasks/engines/myduck.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { benchOf, type EngineServer } from '../../contracts/engine.ts';

const { NIGHTJAR_MYDUCK_URL: url, NIGHTJAR_MYDUCK_EXCHANGE: exchange, NIGHTJAR_MYDUCK_KEY: key } = process.env;

it.skipIf(!url || !exchange || !key)(
  'a real MyDuck Server is backed up, restored beside, and takes writes afterwards',
  async () => {
    const { hostname, port, pathname, username, password } = new URL(url!);
    const [id, secret] = key!.split(':') as [string, string];
    const target = (database: string): TargetOf<'myduck'> =>
      parseDumpTarget({
        name: 'shop',
        engine: 'myduck',
        host: hostname,
        port: Number(port),
        database,
        secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
        tls: { verify: 'off' },
        exchange: { user: 'nightjar-exchange', ...(JSON.parse(exchange!) as object) },
      });
    const keys = {
      create: () => Promise.resolve({ id, secret }),
      list: () => Promise.resolve([]),
      remove: () => Promise.resolve(),
      works: () => Promise.resolve(true),
    };
    const server = {
      target,
      login: { username, password: decodeURIComponent(password) },
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', AWS_REGION: process.env.AWS_REGION ?? 'us-east-1' },
      s3: new S3Client({}),
    } as unknown as EngineServer<'myduck'>;
    const engine = makeMyduck(() => ({ keys, pauseMs: 1_000 }));
    const bench = await benchOf({ title: '', engine, start: () => Promise.resolve(server) });
    try {
      const database = decodeURIComponent(pathname.slice(1));
      const { manifest, backup } = await bench.dump(database);
      const copy = `nightjar_test_${Date.now()}`;
      const job = { ...bench.restoreJob(copy, 'new'), target: target(database) };
      const outcome = await engine.restore(bench.context(database), job, memorySource(manifest, backup));
      expect(outcome.comparison.equal).toBe(true);
      const { findings } = await engine.probe(bench.context(database));
      expect(findings.filter((one) => one.level === 'bad')).toEqual([]);
    } finally {
      await rm(bench.scratch, { recursive: true, force: true });
    }
  },
);
