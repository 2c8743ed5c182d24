/** The whole way of a finding: from an engine's probe, through the task and the catalog, to the lines a person reads. */
import type { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { doctorShape } from '../../cli/shapes.ts';
import type { ConfigInput } from '../../core/config.ts';
import { ENGINES, isNative, type DumpEngine, type EngineName } from '../../core/engines.ts';
import { parseJob, type Finding } from '../../core/job.ts';
import { makeOpenProbe } from '../../lambdas/OpenProbe.ts';
import type { Engine } from '../../tasks/engine.ts';
import { runJob } from '../../tasks/run.ts';
import { Secrecy } from '../../tasks/secrecy.ts';
import { fakeWorld } from './world.ts';

const arn = (service: string, rest: string): string => `arn:aws:${service}:eu-west-1:123456789012:${rest}`;
const server = { host: 'db.example.org', database: 'shop', secret: arn('secretsmanager', 'secret:shop-AbCdEf') };
const storage = { efs: { fileSystem: 'fs-0123456789abcdef0', accessPoint: 'fsap-0123456789abcdef0' } };
const FIELDS: Record<DumpEngine, object> = {
  postgres: server,
  mysql: server,
  mariadb: server,
  mongodb: server,
  sqlite: { database: 'till.db', storage },
  duckdb: { database: 'lake.duckdb', storage },
  myduck: { ...server, exchange: { bucket: 'exchange', prefix: 'nightjar/', user: 'nightjar-exchange' } },
};
const engines = (Object.keys(ENGINES) as EngineName[]).filter((one) => !isNative(one)) as DumpEngine[];
const NETWORK = {
  subnetIds: ['subnet-0123456789abcdef0'],
  securityGroupIds: ['sg-0123456789abcdef0'],
  assignPublicIp: false,
};

const FINDINGS: Finding[] = [
  { level: 'ok', what: 'It can be read.' },
  { level: 'warn', what: 'The server 9.0 is newer than the image’s tool.', hint: 'Update the image.' },
  { level: 'bad', what: 'Three tables can not be read.', hint: 'GRANT SELECT.' },
];

describe('what an engine’s probe finds', () => {
  it.each(engines)('is shown by doctor, every word of it (%s)', async (engine) => {
    const targets = [{ name: 'shop', engine, ...FIELDS[engine] }] as unknown as ConfigInput['targets'];
    const world: ReturnType<typeof fakeWorld> = fakeWorld({
      config: { targets },
      async play({ input, executionArn, startedAt }) {
        const config = await world.config('assets', 'config.json');
        const open = makeOpenProbe({ config: () => Promise.resolve(config), madeNetwork: NETWORK });
        const opened = await open({ executionArn, startedAt, input: input as { target: string } });
        const status = await runJob(parseJob(opened.task.job), {
          attempt: opened.attempt,
          env: {},
          s3: {} as S3Client,
          bucket: 'vault',
          secrets: { send: () => Promise.reject(new Error('the engine here asks for none')) },
          catalog: world.store,
          engineOf: (name) => {
            expect(name).toBe(engine);
            const probe = () => Promise.resolve({ serverVersion: '9.0', databaseBytes: 2_000_000, findings: FINDINGS });
            return { name, probe } as unknown as Engine;
          },
          stop: new AbortController(),
          secrecy: new Secrecy(),
          log: () => undefined,
        });
        return { status: status === 0 ? 'SUCCEEDED' : 'FAILED' };
      },
    });
    expect(await world.run('doctor', 'shop', '--json')).toBe(1);
    const { findings } = doctorShape.parse(world.json());
    const shown = findings.filter((one) => one.about === 'target shop');
    expect(shown).toEqual(expect.arrayContaining(FINDINGS.map((one) => ({ about: 'target shop', ...one }))));
    expect(shown.map((one) => one.what)).toContain('server 9.0, 1.9 MiB');
    world.lines.length = 0;
    await world.run('doctor', 'shop');
    for (const { what, hint } of FINDINGS)
      for (const words of [what, hint ?? '']) expect(world.text()).toContain(words);
  });
});
