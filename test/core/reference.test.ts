import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  backupRecordSchema,
  comparisonSchema,
  failureSchema,
  manifestSchema,
  nativeManifestSchema,
  restoreRecordSchema,
  runRecordSchema,
  targetStateSchema,
} from '../../core/backup.ts';
import { exchangeStateSchema } from '../../core/exchange.ts';
import type { Lock } from '../../core/catalog.ts';
import { RIGHT } from '../../core/config-read.ts';
import { configSchema } from '../../core/config.ts';
import {
  checkOutcomeSchema,
  dropOutcomeSchema,
  dumpOutcomeSchema,
  pointOutcomeSchema,
  probeOutcomeSchema,
  progressSchema,
  restoreOutcomeSchema,
  rollbackOutcomeSchema,
  unnamedDumpOutcomeSchema,
} from '../../core/job.ts';
import { EVENTS } from '../../core/names.ts';
import { differenceSchema, nativeRestoreSchema, pointSchema, settingsSchema, windowSchema } from '../../core/native.ts';
import { makeCloseRestore } from '../../lambdas/CloseRestore.ts';
import { makeFailRestore } from '../../lambdas/FailRestore.ts';
import { makeOpenRestore } from '../../lambdas/OpenRestore.ts';
import { makePublishRpo } from '../../lambdas/PublishRpo.ts';
import { badBackup, caught, DAY, execution, goodBackup, makeWorld, succeed } from '../lambdas/support/world.ts';

const page = readFileSync(new URL('../../docs/reference.md', import.meta.url), 'utf8');

/** The rows of the table under a heading, each as its cells. */
function tableUnder(heading: string): string[][] {
  const section = page.split(new RegExp(`^##+ ${heading}$`, 'm'))[1]?.split(/^##+ /m)[0];
  if (section === undefined) throw new Error(`docs/reference.md has no section ${heading}`);
  const rows = [...section.matchAll(/^\| (.*) \|$/gm)].map((match) =>
    match[1]!.split(' | ').map((cell) => cell.trim()),
  );
  return rows.filter(([first]) => first!.startsWith('`'));
}
const fieldsUnder = (heading: string): string[] => tableUnder(heading).map(([first]) => first!.replaceAll('`', ''));

interface Def {
  readonly type: string;
  readonly shape?: Record<string, { readonly def: Def }>;
  readonly element?: { readonly def: Def };
  readonly innerType?: { readonly def: Def };
  readonly in?: { readonly def: Def };
  readonly options?: readonly { readonly def: Def }[];
  readonly defaultValue?: unknown;
}

/** Fields of a schema; those of objects inside with their path. Shapes that have a table of their own are not entered. */
function fieldsOf({ def }: { readonly def: Def }, path: string[] = []): string[] {
  const here = path.length > 0 ? [path.join('.')] : [];
  if (OWN_TABLES.some((one) => (one as { readonly def: Def }).def === def) && path.length > 0) return here;
  if (def.shape) return [...here, ...Object.entries(def.shape).flatMap(([key, one]) => fieldsOf(one, [...path, key]))];
  if (def.innerType) return fieldsOf(def.innerType, path);
  if (def.element?.def.shape) return fieldsOf(def.element, path);
  return here;
}
const OWN_TABLES = [
  exchangeStateSchema,
  failureSchema,
  comparisonSchema,
  nativeRestoreSchema,
  settingsSchema,
  differenceSchema,
  pointSchema,
  windowSchema,
];

/** What a field of the config is without being said, in each place where it may stand; none: it must be said or is absent. */
function defaultsOf(path: string): unknown[] {
  let here: { readonly at: Def; readonly value: unknown }[] = [{ at: configSchema.def, value: undefined }];
  const opened = (at: Def, value?: unknown): { at: Def; value: unknown } => {
    const inner = at.innerType ?? at.in;
    return inner ? opened(inner.def, at.type === 'default' ? at.defaultValue : value) : { at, value };
  };
  const choices = (at: Def): Def[] => at.options?.flatMap((one) => choices(opened(one.def).at)) ?? [at];
  for (const key of path.split('.'))
    here = here.flatMap(({ at }) =>
      choices(opened(at).at).flatMap((one) => {
        const next = key === '*' ? one.element : one.shape?.[key];
        return next ? [opened(next.def)] : [];
      }),
    );
  return [...new Set(here.map(({ value }) => value).filter((value) => value !== undefined))];
}
const inWords = (defaults: readonly unknown[]): string =>
  defaults.length > 1 ? 'by engine' : defaults.map((value) => `\`${JSON.stringify(value)}\``).join('');

describe('the reference', () => {
  it('has every field of the config, with its default and what is right', () => {
    const rows = Object.entries(RIGHT).map(([path, right]) => [`\`${path}\``, inWords(defaultsOf(path)), right]);
    expect(tableUnder('The config')).toEqual(rows);
  });

  it.each([
    ['A backup', backupRecordSchema],
    ['A run', runRecordSchema],
    ['A restore', restoreRecordSchema],
    ['A target’s state', targetStateSchema],
    ['Progress', progressSchema],
    ['An exchange', exchangeStateSchema],
    ['A comparison', comparisonSchema],
    ['A failure', failureSchema],
    ['A native restore', nativeRestoreSchema],
    ['Settings', settingsSchema],
    ['A difference', differenceSchema],
    ['A recovery point', pointSchema],
    ['A window', windowSchema],
    ['The manifest', manifestSchema],
    ['The manifest of a native backup', nativeManifestSchema],
  ])('has every field of: %s', (heading, schema) => {
    expect(fieldsUnder(heading)).toEqual(fieldsOf(schema as never));
  });

  it('has every field of a lock', () => {
    const lock: Record<keyof Lock, true> = { target: true, kind: true, id: true, executionArn: true, since: true };
    expect(fieldsUnder('A lock')).toEqual(Object.keys(lock));
  });

  it('has what each task may end with', () => {
    const outcomes = [
      dumpOutcomeSchema,
      unnamedDumpOutcomeSchema,
      restoreOutcomeSchema,
      rollbackOutcomeSchema,
      dropOutcomeSchema,
      probeOutcomeSchema,
      checkOutcomeSchema,
      pointOutcomeSchema,
    ];
    const rows = tableUnder('Outcomes').map(([kind, fields]) => [kind, fields!.replaceAll('`', '').split(', ')]);
    expect(rows).toEqual(
      outcomes.map(({ shape }) => [`\`${shape.kind.value}\``, Object.keys(shape).filter((key) => key !== 'kind')]),
    );
  });

  describe('of the events', () => {
    const world = makeWorld();
    beforeAll(async () => {
      await goodBackup(world, 'shop', { runId: 'daily-20261121T013000Z' });
      await badBackup(world, 'billing', 'AUTH_FAILED', { runId: 'daily-20261121T013000Z' });
      for (const equal of [true, false]) {
        const event = {
          ...execution(world, 'restore'),
          input: { target: 'shop', at: 'latest', mode: 'swap' } as const,
        };
        const opened = await makeOpenRestore(world)(event);
        const comparison = { mode: 'counts', tablesCompared: 1, rowsExpected: 1, rowsFound: 1, differences: [], equal };
        const outcome = { restoredDatabase: 'shop', replacedDatabase: 'shop_old_1', comparison, warnings: [] } as const;
        await succeed<'restore'>(world, opened.id, { kind: 'restore', ...structuredClone(outcome) } as never);
        if (equal) await makeCloseRestore(world)({ ...event, opened });
        else await makeFailRestore(world)({ ...event, opened, failure: caught('FINGERPRINT_DIFFERS') });
      }
      world.clock += 30 * DAY;
      await makePublishRpo(world)();
    });

    it.each(Object.values(EVENTS))('%s: all that it carries, and nothing else', (name) => {
      const details = world.published.filter((one) => one.name === name).map((one) => Object.keys(one.detail));
      expect(details.length).toBeGreaterThan(0);
      const documented = fieldsUnder(name);
      for (const keys of details) expect(keys.filter((key) => !documented.includes(key))).toEqual([]);
      expect(documented.filter((field) => !details.some((keys) => keys.includes(field)))).toEqual(
        name === EVENTS.backupCompleted ? ['requestedBy'] : [],
      );
    });
  });
});
