/**
 * The same against a MyDuck Server of yours, which can't be installed from a registry:
 *
 *   NIGHTJAR_MYDUCK_URL=postgres://user:password@host:5432/database
 *   NIGHTJAR_MYDUCK_EXCHANGE='{"bucket": "…", "prefix": "nightjar/", "endpoint": "s3.eu-west-1.amazonaws.com"}'
 *   NIGHTJAR_MYDUCK_KEY=id:secret            of a user that may read and write there; the SDK's own credentials may too
 */
import { rm } from 'node:fs/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { parseDumpTarget, type TargetOf } from '../../../core/config.ts';
import { makeMyduck } from '../../../tasks/engines/myduck.ts';
import { memorySource } from '../../contracts/doubles.ts';
import { benchOf, type EngineServer } from '../../contracts/engine-bench.ts';
import { fakeKeys, startServer } from './harness.ts';

const { NIGHTJAR_MYDUCK_URL: url, NIGHTJAR_MYDUCK_EXCHANGE: exchange, NIGHTJAR_MYDUCK_KEY: key } = process.env;

/** Backed up, restored beside under a name that is left there, and asked for a write afterwards. Resolves with that name. */
async function roundTrip(said: { url: string; exchange: string; key: string }, s3: S3Client): Promise<string> {
  const { hostname, port, pathname, username, password } = new URL(said.url);
  const [, id, secret] = /^([^:]+):(.+)$/.exec(said.key)!;
  const target = (database: string): TargetOf<'myduck'> =>
    parseDumpTarget({
      name: 'shop',
      engine: 'myduck',
      host: hostname,
      port: Number(port),
      database,
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
      tls: { verify: 'off' },
      exchange: { user: 'nightjar-exchange', ...(JSON.parse(said.exchange) as object) },
    });
  const keys = {
    create: () => Promise.resolve({ id: id!, secret: secret! }),
    list: () => Promise.resolve([]),
    remove: () => Promise.resolve(),
    works: () => Promise.resolve(true),
  };
  const server = {
    target,
    login: { username: decodeURIComponent(username), password: decodeURIComponent(password) },
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', AWS_REGION: process.env.AWS_REGION ?? 'us-east-1' },
    s3,
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
    expect(findings.map((one) => one.what)).toContain('The server takes writes: well.');
    return copy;
  } finally {
    await rm(bench.scratch, { recursive: true, force: true });
  }
}

it.skipIf(!url || !exchange || !key)(
  'a real MyDuck Server is backed up, restored beside, and takes writes afterwards',
  () => roundTrip({ url: url!, exchange: exchange!, key: key! }, new S3Client({})),
);

it('the same three settings lead to the stand-in and back', async () => {
  const keys = fakeKeys();
  const server = await startServer(keys);
  try {
    await server.standIn.create('shop');
    await server.standIn.run('shop', 'CREATE TABLE t AS SELECT i FROM range(100) r(i)');
    const { id, secret } = await keys.create('nightjar-exchange');
    const { port, password } = server.standIn;
    const copy = await roundTrip(
      {
        url: `postgres://nightjar:${encodeURIComponent(password)}@127.0.0.1:${port}/shop`,
        exchange: JSON.stringify({ bucket: 'shop-exchange', endpoint: 's3.eu-west-1.amazonaws.com' }),
        key: `${id}:${secret}`,
      },
      server.s3,
    );
    expect(await server.standIn.run(copy, 'SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 100 }]);
  } finally {
    await server.stop();
  }
});
