/** The one suite that every service that restores by itself passes; against an emulator, and against a harsher double. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  differencesOf,
  nativeRestoreSchema,
  pointSchema,
  settingsSchema,
  windowSchema,
  type NativeResource,
  type NativeRestore,
  type NativeService,
  type RecoveryPoint,
  type RenamingService,
} from '../../core/native.ts';
import { aliasResource, POINT_PREFIX, RESTORE_TAG } from '../../core/names.ts';

export interface NativeHarness {
  readonly service: NativeService;
  /** Makes a resource with point-in-time recovery on, as few defaults as the service allows and these tags; ready when it resolves. */
  make(name: string, tags: Readonly<Record<string, string>>): Promise<void>;
  /** The same with point-in-time recovery off. */
  makeWithoutPitr(name: string): Promise<void>;
  /** Lets the service get on: a double turns its clock, an emulator is given a moment. */
  pass(): Promise<void>;
  /** ARN of a recovery point that a person made, so not ours to delete. */
  foreignPoint(name: string): Promise<string>;
  /** What this emulator is known not to do; the promise is then held by the double alone. */
  readonly cannot?: readonly Inability[];
}
export type Inability = 'window' | 'pitr-switch' | 'stop' | 'settings-reset' | 'restore-moment' | 'final-point';

const PATIENCE = 60;
const RESTORE_ID = '01JD5ZK7S8Q2M4N6P8R0T2V4W6';

/** @throws Error when it has not come true after {@link PATIENCE} looks. */
export async function eventually<T>(
  harness: Pick<NativeHarness, 'pass'>,
  look: () => Promise<T | undefined>,
): Promise<T> {
  for (let looks = 0; looks < PATIENCE; looks += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await harness.pass();
  }
  throw new Error(`did not come true within ${PATIENCE} looks: ${look.toString()}`);
}

const is = (holds: boolean): true | undefined => holds || undefined;

export function nativeContract(title: string, start: () => Promise<NativeHarness>): void {
  describe(`${title} keeps the contract of a native service`, () => {
    let harness: NativeHarness;
    let service: NativeService;
    let count = 0;
    const fresh = (): string => `shop-${(count += 1)}`;
    const ready = (name: string): Promise<NativeResource> =>
      eventually(harness, async () => {
        const found = await service.read(name);
        if (found?.state === 'failed') throw new Error(`${name} failed: ${found.stateWord}`);
        return found?.state === 'ready' ? found : undefined;
      });
    const gone = (name: string): Promise<true> =>
      eventually(harness, async () => is((await service.read(name)) === undefined));
    async function made(tags: Record<string, string> = { team: 'shop' }): Promise<NativeResource> {
      const name = fresh();
      await harness.make(name, tags);
      return ready(name);
    }
    async function pointOf(name: string, pointName: string): Promise<RecoveryPoint> {
      const { arn } = await service.createPoint(name, pointName, { 'nightjar:target': 'shop' });
      return eventually(harness, async () => {
        const state = await service.pointState(arn);
        if (state?.status === 'failed') throw new Error(`${arn} failed: ${state.stateWord}`);
        return state?.status === 'ready' ? state.point : undefined;
      });
    }
    const plan = (
      of: NativeResource,
      from: NativeRestore['from'],
      alias = aliasResource(service.engine, of.settings.name, RESTORE_ID),
    ): NativeRestore =>
      nativeRestoreSchema.parse({
        from,
        alias,
        original: { arn: of.settings.arn, resourceId: of.settings.resourceId },
        settings: of.settings,
        steps: {},
        serving: 'original',
      });
    const fromPoint = (point: RecoveryPoint): NativeRestore['from'] => ({
      kind: 'point',
      backupId: RESTORE_ID,
      arn: point.arn,
      at: point.at,
    });
    const fromMoment = (of: NativeResource, at: string): NativeRestore['from'] => ({
      kind: 'moment',
      sourceArn: of.settings.arn,
      sourceResourceId: of.settings.resourceId,
      at,
    });
    const able = (what: Inability): boolean => !harness.cannot?.includes(what);
    async function settled(name: string, wanted: NativeResource['settings']): Promise<NativeResource> {
      await eventually(harness, async () => is((await service.applySettings(name, wanted)).length === 0));
      return ready(name);
    }

    beforeAll(async () => {
      harness = await start();
      service = harness.service;
    });

    it('what is not there is undefined, and removing it is well done', async () => {
      expect(await service.read('not-there')).toBeUndefined();
      await service.remove('not-there', {});
      const { settings } = await made();
      const arn = (await pointOf(settings.name, `${POINT_PREFIX}gone-1`)).arn;
      await service.deletePoint(arn);
      await eventually(harness, async () => is((await service.pointState(arn)) === undefined));
      await service.deletePoint(arn);
    });

    it('reads the same settings twice, in the contract’s form', async () => {
      const first = await made({ team: 'shop', cost: 'a b' });
      const second = (await service.read(first.settings.name))!;
      expect(settingsSchema.parse(first.settings)).toEqual(first.settings);
      expect(windowSchema.parse(first.window)).toEqual(first.window);
      expect({ ...second.settings, readAt: '' }).toEqual({ ...first.settings, readAt: '' });
      expect(first.settings.engine).toBe(service.engine);
      expect(first.settings.tags).toEqual({ team: 'shop', cost: 'a b' });
      expect(first.settings.arn).toContain(first.settings.name);
      expect(first.replicas).toEqual([]);
      expect(Object.keys(first.settings.values).length).toBeGreaterThan(3);
    });

    it('knows how far back and how close to now point-in-time recovery reaches', async () => {
      const { window } = await made();
      expect(window.on).toBe(true);
      if (!able('window')) return;
      expect(Date.parse(window.latest!)).toBeGreaterThan(0);
      expect(Date.parse(window.earliest!)).toBeLessThanOrEqual(Date.parse(window.latest!));
    });

    it('turns point-in-time recovery on, and leaves it on when asked again', async () => {
      const name = fresh();
      await harness.makeWithoutPitr(name);
      if (able('pitr-switch')) expect((await ready(name)).window).toEqual({ on: false });
      await eventually(harness, async () => {
        await service.enablePitr(name);
        return is((await service.read(name))?.window.on === true);
      });
      await ready(name);
      await service.enablePitr(name);
      expect((await ready(name)).window.on).toBe(true);
    });

    it('makes one recovery point however often it is asked, and says when it is there', async () => {
      const { settings } = await made();
      const name = `${POINT_PREFIX}${settings.name}-1`;
      const first = await service.createPoint(settings.name, name, { 'nightjar:target': 'shop' });
      expect((await service.pointState(first.arn))?.status).not.toBe('failed');
      const point = await pointOf(settings.name, name);
      expect(await service.createPoint(settings.name, name, {})).toEqual({ arn: point.arn });
      expect(first.arn).toBe(point.arn);
      expect(pointSchema.parse(point)).toEqual(point);
      expect(point.name).toBe(name);
      expect(point.arn).toContain(point.region);
    });

    it('refuses to delete a recovery point that Nightjar did not make', async () => {
      const { settings } = await made();
      const arn = await harness.foreignPoint(settings.name);
      await expect(service.deletePoint(arn)).rejects.toThrow(POINT_PREFIX);
      expect((await service.pointState(arn))?.status).toBeDefined();
    });

    it('discovers what carries the tag, with its value, and nothing else', async () => {
      const key = 'nightjar:frequency';
      const [daily, odd, none] = [
        await made({ [key]: 'daily' }),
        await made({ [key]: 'fortnightly', team: 'x' }),
        await made(),
      ];
      const found = await service.discover(key);
      const of = (one: NativeResource) => found.find(({ name }) => name === one.settings.name);
      expect(of(daily)).toEqual({
        engine: service.engine,
        name: daily.settings.name,
        arn: daily.settings.arn,
        value: 'daily',
      });
      expect(of(odd)?.value).toBe('fortnightly');
      expect(of(none)).toBeUndefined();
    });

    it('has nothing against a restore that can work', async () => {
      const original = await made();
      const point = await pointOf(original.settings.name, `${POINT_PREFIX}${original.settings.name}`);
      expect(await service.refusals(plan(original, fromPoint(point)), original.settings.name)).toEqual([]);
      expect(await service.refusals(plan(original, fromMoment(original, 'latest')), original.settings.name)).toEqual(
        [],
      );
    });

    it('refuses, in sentences, an alias that is taken, a moment out of reach and a point that is not there', async () => {
      const [original, other] = [await made(), await made()];
      const taken = plan(original, fromMoment(original, 'latest'), other.settings.name);
      expect((await service.refusals(taken, original.settings.name)).join()).toContain(other.settings.name);
      for (const at of ['2001-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z']) {
        const early = await service.refusals(plan(original, fromMoment(original, at)), original.settings.name);
        if (able('window')) expect(early.join()).toContain(at);
      }
      const point = await pointOf(original.settings.name, `${POINT_PREFIX}${original.settings.name}`);
      await service.deletePoint(point.arn);
      await eventually(harness, async () => is((await service.pointState(point.arn)) === undefined));
      const lost = await service.refusals(plan(original, fromPoint(point)), original.settings.name);
      expect(lost).not.toEqual([]);
      for (const sentence of lost) expect(sentence).toMatch(/^[A-Z].*\.$/s);
    });

    it.each(['point', 'moment'] as const)(
      'brings a resource back from a %s with every setting and tag, however often each step is asked for',
      async (kind) => {
        if (kind === 'moment' && !able('restore-moment')) return;
        const original = await made({ team: 'shop', cost: 'a b' });
        const name = original.settings.name;
        const point = await pointOf(name, `${POINT_PREFIX}${name}`);
        const wanted = plan(original, kind === 'point' ? fromPoint(point) : fromMoment(original, 'latest'));
        await service.startAlias(wanted, RESTORE_ID);
        await service.startAlias(wanted, RESTORE_ID);
        const begun = await ready(wanted.alias);
        expect(begun.settings.tags[RESTORE_TAG]).toBe(RESTORE_ID);
        expect(begun.settings.resourceId).not.toBe(original.settings.resourceId);
        await service.startAlias(wanted, RESTORE_ID);
        const alias = await settled(wanted.alias, original.settings);
        expect(alias.settings.resourceId).toBe(begun.settings.resourceId);
        if (able('settings-reset')) expect(differencesOf(original.settings, alias.settings)).toEqual([]);
        expect(alias.settings.tags).toEqual({ ...original.settings.tags, [RESTORE_TAG]: RESTORE_ID });
        expect(await service.applySettings(wanted.alias, original.settings)).toEqual([]);
        // The original was only looked at.
        const after = await ready(name);
        expect({ ...after.settings, readAt: '' }).toEqual({ ...original.settings, readAt: '' });
      },
    );

    it('begins no alias where something else has the name', async () => {
      const [original, other] = [await made(), await made()];
      const wanted = plan(original, fromMoment(original, 'latest'), other.settings.name);
      await expect(service.startAlias(wanted, RESTORE_ID)).rejects.toMatchObject({ code: 'SERVICE_REFUSED' });
      expect((await ready(other.settings.name)).settings.resourceId).toBe(other.settings.resourceId);
    });

    it('removes for good, after a final recovery point where one is asked for', async () => {
      const { settings } = await made();
      const finalPoint = `${POINT_PREFIX}final-${settings.name}`;
      await eventually(harness, async () => {
        await service.remove(settings.name, { finalPoint });
        return is((await service.read(settings.name)) === undefined);
      });
      await service.remove(settings.name, { finalPoint });
      expect(await gone(settings.name)).toBe(true);
    });
  });
}

/** What RDS and Aurora promise besides. */
export function renamingContract(
  title: string,
  start: () => Promise<NativeHarness & { service: RenamingService }>,
): void {
  nativeContract(title, start);
  describe(`${title} renames`, () => {
    let harness: NativeHarness & { service: RenamingService };
    beforeAll(async () => {
      harness = await start();
    });
    const made = async (name: string): Promise<NativeResource> => {
      await harness.make(name, {});
      return (await harness.service.read(name))!;
    };
    const renamed = (id: string, from: string, to: string): Promise<true> =>
      eventually(harness, async () => is((await harness.service.rename(id, from, to)) === 'done'));

    it('takes a name to another, knowing the resource by its id, and says done when asked again', async () => {
      const { settings } = await made('ren-a');
      await renamed(settings.resourceId, 'ren-a', 'ren-b');
      expect(await harness.service.read('ren-a')).toBeUndefined();
      expect((await harness.service.read('ren-b'))?.settings.resourceId).toBe(settings.resourceId);
      expect(await harness.service.rename(settings.resourceId, 'ren-a', 'ren-b')).toBe('done');
    });

    it('exchanges two names', async () => {
      const [original, restored] = [await made('ren-shop'), await made('ren-shop-nj')];
      await renamed(original.settings.resourceId, 'ren-shop', 'ren-shop-old');
      await renamed(restored.settings.resourceId, 'ren-shop-nj', 'ren-shop');
      expect((await harness.service.read('ren-shop'))?.settings.resourceId).toBe(restored.settings.resourceId);
      expect((await harness.service.read('ren-shop-old'))?.settings.resourceId).toBe(original.settings.resourceId);
    });

    it('never renames another resource that has the name by now', async () => {
      const { settings } = await made('ren-other');
      await expect(harness.service.rename('db-SOMEBODYELSES', 'ren-other', 'ren-taken')).rejects.toMatchObject({
        code: 'RENAME_FAILED',
      });
      expect((await harness.service.read('ren-other'))?.settings.resourceId).toBe(settings.resourceId);
    });

    it('does not push another resource off its name', async () => {
      const [one, two] = [await made('ren-one'), await made('ren-two')];
      await expect(harness.service.rename(one.settings.resourceId, 'ren-one', 'ren-two')).rejects.toMatchObject({
        code: 'RENAME_FAILED',
        detail: expect.stringContaining(two.settings.resourceId) as string,
      });
      expect((await harness.service.read('ren-two'))?.settings.resourceId).toBe(two.settings.resourceId);
    });

    it('stops and starts, however often it is asked', async () => {
      if (harness.cannot?.includes('stop')) return;
      await made('ren-stop');
      const state = (wanted: NativeResource['state']) =>
        eventually(harness, async () => is((await harness.service.read('ren-stop'))?.state === wanted));
      await harness.service.stop('ren-stop');
      await harness.service.stop('ren-stop');
      await state('stopped');
      await harness.service.stop('ren-stop');
      await harness.service.start('ren-stop');
      await harness.service.start('ren-stop');
      await state('ready');
    });
  });
}
