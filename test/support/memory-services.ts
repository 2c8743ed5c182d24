/** Services that restore by themselves, in memory, as simple as can be: every state is what a test sets it to. */
import { NightjarError } from '../../core/errors.ts';
import type { NativeEngine } from '../../core/engines.ts';
import type {
  CopyingService,
  Discovered,
  NativeResource,
  NativeService,
  NativeSettings,
  PitrWindow,
  PointState,
  RecoveryPoint,
  RenamingService,
  TableService,
} from '../../core/native.ts';
import type { Services } from '../../lambdas/native/services.ts';

export const REGION = 'eu-west-1';

export interface HeldResource {
  settings: NativeSettings;
  state: NativeResource['state'];
  stateWord: string;
  window: PitrWindow;
  bytes: number;
  items?: number;
}
export interface HeldPoint {
  status: PointState['status'];
  stateWord: string;
  point: RecoveryPoint;
  tags: Readonly<Record<string, string>>;
}

export interface MemoryService {
  readonly service: CopyingService;
  readonly resources: Map<string, HeldResource>;
  /** By ARN. */
  readonly points: Map<string, HeldPoint>;
  /** Verbs that changed something, such as `createPoint nightjar-shop-…`. */
  readonly calls: string[];
  /** Thrown by the next call of this verb. */
  readonly breaks: Map<keyof NativeService | 'copyPoint', Error>;
  /** Makes a resource with PITR on; `tags` as they are. */
  add(name: string, more?: Partial<HeldResource> & { tags?: Record<string, string> }): HeldResource;
  /** Every point that is being made becomes ready. */
  finish(): void;
}

const KIND = { rds: 'db-snapshot', aurora: 'cluster-snapshot', dynamodb: 'table-backup' } as const;

export function memoryService(engine: NativeEngine, now: () => Date): MemoryService {
  const resources = new Map<string, HeldResource>();
  const points = new Map<string, HeldPoint>();
  const calls: string[] = [];
  const breaks: MemoryService['breaks'] = new Map();
  let ids = 0;

  const arnOf = (what: string, name: string, region = REGION): string =>
    `arn:aws:${engine === 'dynamodb' ? 'dynamodb' : 'rds'}:${region}:123456789012:${what}:${name}`;
  function may(verb: keyof NativeService | 'copyPoint'): void {
    const broken = breaks.get(verb);
    if (!broken) return;
    breaks.delete(verb);
    throw broken;
  }
  const of = (name: string): HeldResource => {
    const held = resources.get(name);
    if (held) return held;
    throw new NightjarError('SERVICE_REFUSED', { operation: 'find', detail: `${name} not found` });
  };
  const unasked = (): never => {
    throw new Error('not asked for in this test');
  };
  const put = (point: RecoveryPoint, tags: HeldPoint['tags']): { arn: string } => {
    if (!points.has(point.arn)) points.set(point.arn, { status: 'creating', stateWord: 'creating', point, tags });
    return { arn: point.arn };
  };

  // Each verb is async, so that what it throws is a rejection.
  /* eslint-disable @typescript-eslint/require-await */
  const service: CopyingService = {
    engine,
    async read(name) {
      may('read');
      const held = resources.get(name);
      if (!held) return undefined;
      const { settings, ...rest } = structuredClone(held);
      return { ...rest, settings: { ...settings, readAt: now().toISOString() }, replicas: [] };
    },
    async enablePitr(name) {
      may('enablePitr');
      calls.push(`enablePitr ${name}`);
      const at = now().toISOString();
      Object.assign(of(name), {
        window: { on: true, earliest: at, latest: at },
        state: 'busy',
        stateWord: 'modifying',
      });
    },
    async createPoint(name, pointName, tags) {
      may('createPoint');
      calls.push(`createPoint ${pointName}`);
      const held = of(name);
      return put(
        {
          kind: KIND[engine],
          arn: arnOf('snapshot', pointName),
          name: pointName,
          sourceResourceId: held.settings.resourceId,
          region: REGION,
          at: now().toISOString(),
          bytes: held.bytes,
          encrypted: true,
        },
        tags,
      );
    },
    async pointState(arn) {
      may('pointState');
      const held = points.get(arn);
      if (!held) return undefined;
      const { status, stateWord, point } = structuredClone(held);
      return status === 'ready' ? { status, stateWord, point } : { status, stateWord };
    },
    async deletePoint(arn) {
      may('deletePoint');
      calls.push(`deletePoint ${arn}`);
      points.delete(arn);
    },
    async discover(tagKey) {
      may('discover');
      return [...resources].flatMap(([name, { settings }]): Discovered[] => {
        const value = settings.tags[tagKey];
        return value === undefined ? [] : [{ engine, name, arn: settings.arn, value }];
      });
    },
    async copyPoint(point, to) {
      may('copyPoint');
      calls.push(`copyPoint ${point.name} ${to.region}`);
      const copy = { ...point, arn: arnOf('snapshot', point.name, to.region), region: to.region, keyArn: to.keyArn };
      return put(copy, points.get(point.arn)?.tags ?? {});
    },
    refusals: async () => [],
    startAlias: unasked,
    applySettings: unasked,
    async remove(name) {
      calls.push(`remove ${name}`);
      resources.delete(name);
    },
  };
  /* eslint-enable @typescript-eslint/require-await */

  return {
    service,
    resources,
    points,
    calls,
    breaks,
    add(name, { tags = {}, ...more } = {}) {
      const at = now().toISOString();
      const held: HeldResource = {
        settings: {
          engine,
          name,
          arn: arnOf('db', name),
          resourceId: `id-${(ids += 1)}`,
          readAt: at,
          values: { MultiAZ: true },
          instances: [],
          tags,
        },
        state: 'ready',
        stateWord: 'available',
        window: { on: true, earliest: new Date(now().getTime() - 7 * 86_400_000).toISOString(), latest: at },
        bytes: 20_000_000_000,
        ...more,
      };
      resources.set(name, held);
      return held;
    },
    finish() {
      for (const held of points.values())
        if (held.status === 'creating') Object.assign(held, { status: 'ready', stateWord: 'available' });
    },
  };
}

export interface MemoryServices {
  readonly services: Services;
  readonly rds: MemoryService;
  readonly aurora: MemoryService;
  readonly dynamodb: MemoryService;
}

/** Verbs of renaming and of tables are not there: whoever needs them brings a richer double. */
export function memoryServices(now: () => Date): MemoryServices {
  const [rds, aurora, dynamodb] = (['rds', 'aurora', 'dynamodb'] as const).map((one) => memoryService(one, now));
  return {
    services: {
      rds: rds!.service as RenamingService,
      aurora: aurora!.service as RenamingService,
      dynamodb: dynamodb!.service as unknown as TableService,
    },
    rds: rds!,
    aurora: aurora!,
    dynamodb: dynamodb!,
  };
}
