import { describe, expect, it } from 'vitest';
import { dumpTargetSchema } from '../../core/config.ts';
import { taskSizeOf } from '../../core/task-size.ts';

const GIB = 1024 ** 3;
const login = { host: 'h', database: 'd', secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf' };
const server = dumpTargetSchema.parse({ name: 'shop', engine: 'postgres', ...login });
const file = dumpTargetSchema.parse({
  name: 'app',
  engine: 'sqlite',
  database: 'app.db',
  storage: { s3: { bucket: 'example-data' } },
});

describe('a task’s size', () => {
  it('is small before there is a backup to go by', () => {
    expect(taskSizeOf(file)).toEqual({ cpu: 1024, memoryMiB: 2048, ephemeralGiB: 21 });
  });
  it('has room for the copies of a file, and none for a server that streams', () => {
    expect(taskSizeOf(file, 40 * GIB)).toMatchObject({ ephemeralGiB: 93 });
    expect(taskSizeOf(server, 40 * GIB)).toMatchObject({ ephemeralGiB: 21 });
  });
  it('has room for what a scope or another format makes of the file, and for a restore into a living one', () => {
    const gibOf = (more: object, what?: 'restore') => taskSizeOf({ ...file, ...more }, 20 * GIB, what).ephemeralGiB;
    expect(gibOf({})).toBe(49);
    expect(gibOf({ format: 'sql' })).toBe(71);
    expect(gibOf({ scope: { tables: ['t'] } })).toBe(71);
    expect(gibOf({}, 'restore')).toBe(71);
    expect(taskSizeOf(server, 20 * GIB, 'restore').ephemeralGiB).toBe(21);
  });
  it('has a second core for what is large', () => {
    expect(taskSizeOf(server, 100 * GIB)).toEqual({ cpu: 2048, memoryMiB: 4096, ephemeralGiB: 21 });
  });
  it('never asks for more than Fargate has', () => {
    expect(taskSizeOf(file, 900 * GIB).ephemeralGiB).toBe(200);
  });
  it('is the config’s when the config has one', () => {
    const size = { cpu: 256, memoryMiB: 512, ephemeralGiB: 21 };
    expect(taskSizeOf({ ...file, size }, 900 * GIB)).toEqual(size);
  });
});
