/** What the in-memory RDS keeps: beings that pass through states, one step with every look. */
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type {
  BlueGreenDeployment,
  DBCluster,
  DBClusterEndpoint,
  DBClusterSnapshot,
  DBInstance,
  DBProxyTarget,
  DBSnapshot,
  EventSubscription,
  Option,
  Tag,
} from '@aws-sdk/client-rds';

export const ACCOUNT = '123456789012';

/** One state on the way, for so many looks. */
export interface Phase {
  readonly status: string;
  readonly looks?: number;
  /** Found under no name: AWS forgets a resource for a while when it is renamed. */
  readonly hidden?: boolean;
  /** What has come true when the phase is over. */
  readonly then?: () => void;
}

export class Being<S> {
  readonly shape: S;
  /** Tells whose rows these are: a copy of it is what the being was restored or copied from. */
  data: string;
  status: string;
  hidden = false;
  private phases: { phase: Phase; left: number }[] = [];
  private rest = 'available';

  constructor(shape: S, data: string, status = 'available') {
    this.shape = shape;
    this.data = data;
    this.status = status;
  }

  /** Goes through these states, then rests in the last one. */
  goes(phases: readonly Phase[], rest = 'available'): void {
    this.phases = phases.map((phase) => ({ phase, left: phase.looks ?? 1 }));
    this.rest = rest;
    this.show();
  }

  get resting(): boolean {
    return this.phases.length === 0;
  }

  turn(): void {
    const [first] = this.phases;
    if (!first) return;
    first.left -= 1;
    if (first.left > 0) return;
    this.phases.shift();
    first.phase.then?.();
    this.show();
  }

  private show(): void {
    const now = this.phases[0]?.phase;
    this.status = now?.status ?? this.rest;
    this.hidden = now?.hidden ?? false;
  }
}

export type Instance = Being<DBInstance>;
export type Cluster = Being<DBCluster>;
export type Snapshot = Being<DBSnapshot>;
export type ClusterSnapshot = Being<DBClusterSnapshot>;

/** An automated backup of an instance or cluster: what a restore to a moment reads. */
export interface Automated {
  readonly resourceId: string;
  readonly kind: 'db' | 'cluster';
  /** The source as it was last. */
  readonly of: DBInstance | DBCluster;
  readonly data: string;
}

/** One region of the pretended account. */
export class Region {
  readonly name: string;
  instances: Instance[] = [];
  clusters: Cluster[] = [];
  snapshots: Snapshot[] = [];
  clusterSnapshots: ClusterSnapshot[] = [];
  endpoints: Being<DBClusterEndpoint>[] = [];
  /** Kept after their source was deleted. */
  retained: Automated[] = [];
  subscriptions: EventSubscription[] = [];
  proxies: { name: string; targets: DBProxyTarget[] }[] = [];
  blueGreen: BlueGreenDeployment[] = [];
  /** Of CloudWatch. */
  alarms: MetricAlarm[] = [];
  quotas: { AccountQuotaName: string; Used: number; Max: number }[] = [];
  /** Names of groups that are not there; every other is. */
  missingGroups: string[] = [];
  /** Options of option groups. */
  options: Record<string, Option[]> = {};
  /** Engine versions that are not offered any more. */
  retired: string[] = [];
  private made = 0;

  constructor(name: string) {
    this.name = name;
  }

  arn(kind: string, name: string): string {
    return `arn:aws:rds:${this.name}:${ACCOUNT}:${kind}:${name}`;
  }

  /** A resource id of its own. */
  id(prefix: string): string {
    return `${prefix}-${String((this.made += 1)).padStart(4, '0')}${'A'.repeat(22)}`;
  }

  turn(): void {
    const all: Being<unknown>[] = [
      ...this.instances,
      ...this.clusters,
      ...this.snapshots,
      ...this.clusterSnapshots,
      ...this.endpoints,
    ];
    for (const being of all) being.turn();
  }

  /** Tags of whatever has this ARN. */
  tagged(arn: string): { TagList?: Tag[] | undefined } | undefined {
    const shapes: [string | undefined, { TagList?: Tag[] | undefined }][] = [
      ...this.instances.map(({ shape }) => [shape.DBInstanceArn, shape] as [string, DBInstance]),
      ...this.clusters.map(({ shape }) => [shape.DBClusterArn, shape] as [string, DBCluster]),
      ...this.snapshots.map(({ shape }) => [shape.DBSnapshotArn, shape] as [string, DBSnapshot]),
      ...this.clusterSnapshots.map(({ shape }) => [shape.DBClusterSnapshotArn, shape] as [string, DBClusterSnapshot]),
    ];
    return shapes.find(([one]) => one === arn)?.[1];
  }
}

/** An error as the SDK throws it. */
export function fault(name: string, message: string): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode: 400 } });
}

export type Input = Readonly<Record<string, unknown>>;
/** One operation: what it does to the region and what it answers. */
export type Operation = (world: { region: Region; other: (name: string) => Region; now: Date }, input: Input) => object;

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const tagsOf = (value: unknown): Tag[] => structuredClone((value ?? []) as Tag[]);
/** Answers by pages of two, so that nobody forgets the marker. */
export function paged<T>(key: string, all: readonly T[], input: Input, marker = 'Marker'): object {
  const from = Number(text(input[marker]) || 0);
  const next = from + 2 < all.length ? String(from + 2) : undefined;
  return { [key]: structuredClone(all.slice(from, from + 2)), ...(next ? { [marker]: next } : {}) };
}
export const filterOf = (input: Input, name: string): string | undefined =>
  (input.Filters as { Name: string; Values: string[] }[] | undefined)?.find(({ Name }) => Name === name)?.Values[0];
