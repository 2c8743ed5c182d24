import { describe, expect, it } from 'vitest';
import { parseConfig, RIGHT } from '../../core/config-read.ts';
import { configSchema, rpoHoursOf } from '../../core/config.ts';
import { NightjarError } from '../../core/errors.ts';
import example from '../../config/example.ts';
import mine from '../../nightjar.config.ts';
import { CONFIG } from '../lib/synth.ts';

interface AnyDef {
  readonly type: string;
  readonly shape?: Record<string, Schema>;
  readonly element?: Schema;
  readonly innerType?: Schema;
  /** Of what is transformed: the side that a person writes. */
  readonly in?: Schema;
  readonly options?: readonly Schema[];
}
interface Schema {
  readonly def: AnyDef;
}

/** Every path that a schema knows, `*` for a list's index. */
function pathsOf({ def }: Schema, path: string[] = []): string[] {
  const here = path.length > 0 ? [path.join('.')] : [];
  if (def.shape) return [...here, ...Object.entries(def.shape).flatMap(([key, one]) => pathsOf(one, [...path, key]))];
  if (def.element) return [...here, ...pathsOf(def.element, [...path, '*'])];
  const inner = def.innerType ?? def.in;
  if (inner) return pathsOf(inner, path);
  if (def.options) return [...here, ...def.options.flatMap((one) => pathsOf(one, path))];
  return here;
}

/** The config of the tests with one field changed, by its path; undefined takes it away. */
function changed(...changes: readonly [path: string, value: unknown][]): unknown {
  const input: unknown = structuredClone(CONFIG);
  for (const [path, value] of changes) {
    const keys = path.split('.');
    const last = keys.pop()!;
    let place = input as Record<string, unknown>;
    for (const key of keys) place = (place[key] ??= {}) as Record<string, unknown>;
    if (value === undefined) delete place[last];
    else place[last] = value;
  }
  return input;
}

/** The lines that are said of a config; none of a valid one. */
function saidOf(input: unknown): string[] {
  try {
    parseConfig(input);
    return [];
  } catch (error) {
    if (!(error instanceof NightjarError) || error.code !== 'CONFIG_INVALID') throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

describe('the help for wrong fields', () => {
  const known = [...new Set(pathsOf(configSchema))].sort();
  it('has what would be right for every field of the schema', () => {
    expect(known.filter((path) => !(path in RIGHT))).toEqual([]);
  });
  it('has nothing for a field that is not there', () => {
    expect(Object.keys(RIGHT).filter((path) => !known.includes(path))).toEqual([]);
  });
});

describe('a right config', () => {
  it.each([
    ['of the tests', CONFIG],
    ['of the example', example],
    ['to begin with', mine],
  ])('%s is accepted', (_name, config) => {
    expect(() => parseConfig(config)).not.toThrow();
  });
  it('is shown whole by the example: every field stands in it', () => {
    const shown = new Set<string>();
    const visit = (value: unknown, path: string[]): void => {
      if (path.length > 0) shown.add(path.join('.'));
      if (Array.isArray(value)) value.forEach((one) => visit(one, [...path, '*']));
      else if (typeof value === 'object' && value !== null)
        for (const [key, one] of Object.entries(value)) visit(one, [...path, key]);
    };
    visit(example, []);
    // The one choice that excludes another.
    expect(Object.keys(RIGHT).filter((path) => !shown.has(path))).toEqual(['network.create']);
  });
  it('has its defaults filled in', () => {
    const config = parseConfig(CONFIG);
    expect(config).toMatchObject({
      name: 'nightjar',
      concurrency: 10,
      retention: { days: 90, archiveAfterDays: 30 },
      tasks: { architecture: 'arm64' },
    });
    expect(config.targets[0]).toMatchObject({ port: 5432, frequency: 'daily', tls: { verify: 'full', ca: 'rds' } });
  });
  it('promises a daily target 26 hours, a weekly one 170, and one without a schedule nothing', () => {
    const [shop] = parseConfig(CONFIG).targets;
    expect(rpoHoursOf(shop!)).toBe(26);
    expect(rpoHoursOf({ ...shop!, frequency: 'weekly' })).toBe(170);
    expect(rpoHoursOf({ ...shop!, frequency: 'none' })).toBeUndefined();
    expect(rpoHoursOf({ ...shop!, frequency: 'none', rpoHours: 5 })).toBe(5);
  });
});

describe('a wrong config says the path, what is wrong and what would be right', () => {
  it.each<[string, string, unknown, RegExp]>([
    ['a missing field', 'schedule.nightly', undefined, /^schedule\.nightly is missing; right would be .*'02:30'$/],
    ['a missing section', 'mail', undefined, /^mail is missing; right would be \{ from:/],
    [
      'a time that is none',
      'schedule.nightly',
      '25:00',
      /^schedule\.nightly can not be "25:00"; right would be a 24-h/,
    ],
    ['an unknown time zone', 'schedule.timeZone', 'Mars', /^schedule\.timeZone can not be "Mars"; .*'Europe\/Zurich'/],
    ['a wrong address in a list', 'mail.to', ['oncall'], /^mail\.to\.0 can not be "oncall"; right would be a mail/],
    ['a misspelt field', 'targets.0.databse', 'x', /^targets\.0\.databse is not a field .* knows .*database/],
    ['a misspelt section', 'retantion', {}, /^retantion is not a field .*retention/],
    ['an unknown engine', 'targets.1.engine', 'oracle', /^targets\.1\.engine .*right would be one of postgres/],
    ['a secret by name', 'targets.0.secret', 'shop', /^targets\.0\.secret can not be "shop"; .*full ARN/],
    ['two targets of one name', 'targets.1.name', 'shop', /^targets\.1\.name is the name of targets\.0 already; /],
    [
      'a size that Fargate has not',
      'targets.0.size',
      { cpu: 1024, memoryMiB: 512 },
      /^targets\.0\.size is no size that Fargate offers; right would be cpu and memoryMiB/,
    ],
    [
      'archiving after deletion',
      'retention',
      { days: 20, archiveAfterDays: 30 },
      /^retention\.archiveAfterDays is not before retention\.days \(20\).*right would be whole days less/,
    ],
    [
      'a lock longer than retention',
      'vault',
      { objectLock: { mode: 'governance', days: 100 } },
      /^vault\.objectLock\.days is longer than retention\.days \(90\)/,
    ],
    ['a wrong id in the network', 'network.vpcId', 'vpc', /^network\.vpcId can not be "vpc"; right would be the id/],
    ['a VPC without subnets', 'network.subnetIds', undefined, /^network\.subnetIds is missing; right would be 1 to 16/],
    ['a network that is nothing', 'network', 'default', /^network can not be "default"; right would be \{ vpcId/],
    ['a CA that is no PEM', 'targets.0.tls', { ca: 'mine' }, /^targets\.0\.tls\.ca can not be "mine"; .*'rds'/],
  ])('%s', (_name, path, value, said) => {
    expect(saidOf(changed([path, value]))).toEqual([expect.stringMatching(said)]);
  });
  it('one line for each wrong field', () => {
    expect(saidOf(changed(['concurrency', 0], ['targets.0.port', 70_000]))).toHaveLength(2);
  });
  it('when it is nothing at all', () => {
    expect(() => parseConfig(undefined)).toThrow(NightjarError);
  });
});
